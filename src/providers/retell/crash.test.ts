import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ProviderChannel, ProviderSecrets } from '#contracts/provider.ts';
import { openRetellWorld, RETELL_PHONE, undoWith, wiringOf } from '#test/support/retell-world.ts';
import type { RetellWorld } from '#test/support/retell-world.ts';

let world: RetellWorld;
beforeEach(async () => {
  world = await openRetellWorld();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

/**
 * After so many requests to Retell the process is dead. `isLast` answered: the request that it died
 * in was carried out, and nobody heard the answer.
 */
function dieAfter(requests: number, isLastCarriedOut: boolean): { readonly isDead: () => boolean } {
  const real = globalThis.fetch;
  let count = 0;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (...asked) => {
    count += 1;
    if (count <= requests) return real(...asked);
    if (count === requests + 1 && isLastCarriedOut) await real(...asked);
    throw new TypeError('dead');
  });
  return { isDead: () => count > requests };
}

type Setting = {
  readonly channel: Partial<ProviderChannel>;
  readonly secrets?: ProviderSecrets;
};

const settings: Readonly<Record<string, () => Setting>> = {
  'an agent to be made': () => ({ channel: {} }),
  'an agent to be made, and a number': () => {
    world.account.addNumber({ phoneNumber: RETELL_PHONE, nickname: 'front' });
    return { channel: { phoneNumber: RETELL_PHONE } };
  },
  "a draft of the owner's": () => ({
    channel: { agentId: world.account.addAgent({ webhook_url: 'https://theirs.example/' }, false) },
  }),
  'a published agent and a number': () => {
    const agentId = world.account.addAgent({ webhook_url: 'https://theirs.example/' });
    world.account.addNumber({
      phoneNumber: RETELL_PHONE,
      inboundAgents: [{ agent_id: agentId, weight: 1, agent_version: 0 }],
    });
    return { channel: { agentId, phoneNumber: RETELL_PHONE } };
  },
  'a number to be imported': () => {
    const { accountSid, authToken } = world.carrier.addAccount();
    const { sid } = world.carrier.addTrunk({
      accountSid,
      domainName: 'acme.pstn.twilio.com',
      originationUrls: ['sip:sip.retellai.com'],
    });
    world.carrier.addNumber({ accountSid, phoneNumber: RETELL_PHONE, trunkSid: sid });
    return {
      channel: { phoneNumber: RETELL_PHONE, twilioAccountSid: accountSid },
      secrets: { twilio_auth_token: authToken },
    };
  },
};

/** Sets up in a process that dies; answers what it had stored, and whether it died at all. */
async function setUpAndDie(
  { channel, secrets }: Setting,
  requests: number,
  isLastCarriedOut: boolean,
): Promise<{ readonly wiring: ProviderChannel['wiring']; readonly isDead: boolean }> {
  let wiring: ProviderChannel['wiring'] = {};
  const death = dieAfter(requests, isLastCarriedOut);
  const remember = async (next: ProviderChannel['wiring']): Promise<void> => {
    // The dead store nothing.
    if (!death.isDead()) wiring = JSON.parse(JSON.stringify(next));
  };
  const applied = await world.provider.apply(
    world.channel(channel),
    world.secrets(secrets),
    remember,
  );
  const isDead = death.isDead();
  vi.restoreAllMocks();
  return { wiring: isDead ? wiring : wiringOf(applied), isDead };
}

const cases = Object.keys(settings).flatMap((name) =>
  [false, true].map((isLastCarriedOut) => [name, isLastCarriedOut] as const),
);

test.each(cases)(
  '%s: wherever it dies (its last request carried out: %s), what follows makes nothing twice and undoes all',
  async (name, isLastCarriedOut) => {
    let requests = 0;
    for (let isDead = true; isDead; requests += 1) {
      await world.close();
      world = await openRetellWorld();
      const setting = settings[name]?.() ?? { channel: {} };
      const secrets = world.secrets(setting.secrets);
      const before = world.snapshot();
      const agents = world.account.agents.size;
      const died = await setUpAndDie(setting, requests, isLastCarriedOut);
      ({ isDead } = died);

      const channel = world.channel({ ...setting.channel, wiring: died.wiring });
      const wiring = wiringOf(await world.provider.apply(channel, secrets));
      expect(world.account.agents.size).toBe(setting.channel.agentId ? agents : agents + 1);
      if (setting.channel.agentId)
        for (const { versions } of world.account.agents.values())
          expect(versions.length).toBeLessThanOrEqual(2);
      expect(await undoWith(world.provider, { ...channel, wiring }, secrets)).toMatchObject({
        kind: 'done',
      });
      expect(world.snapshot()).toEqual(before);
    }
    expect(requests).toBeGreaterThan(2);
  },
);

test.each(cases)(
  '%s: a setup that died (its last request carried out: %s) is undone without being finished',
  async (name, isLastCarriedOut) => {
    for (let requests = 0, isDead = true; isDead; requests += 1) {
      await world.close();
      world = await openRetellWorld();
      const setting = settings[name]?.() ?? { channel: {} };
      const before = world.snapshot();
      const died = await setUpAndDie(setting, requests, isLastCarriedOut);
      ({ isDead } = died);
      const channel = world.channel({ ...setting.channel, wiring: died.wiring });
      await undoWith(world.provider, channel, world.secrets(setting.secrets));
      expect(world.snapshot()).toEqual(before);
    }
  },
);

test.each(cases)(
  '%s: an undo that dies (its last request carried out: %s) is finished by the next one',
  async (name, isLastCarriedOut) => {
    for (let requests = 0, isDead = true; isDead; requests += 1) {
      await world.close();
      world = await openRetellWorld();
      const setting = settings[name]?.() ?? { channel: {} };
      const secrets = world.secrets(setting.secrets);
      const before = world.snapshot();
      const wiring = wiringOf(await world.provider.apply(world.channel(setting.channel), secrets));
      const channel = world.channel({ ...setting.channel, wiring });
      const death = dieAfter(requests, isLastCarriedOut);
      await undoWith(world.provider, channel, secrets);
      isDead = death.isDead();
      vi.restoreAllMocks();
      expect(await undoWith(world.provider, channel, secrets)).toMatchObject({ kind: 'done' });
      expect(world.snapshot()).toEqual(before);
    }
  },
);
