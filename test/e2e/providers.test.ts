import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { newToken } from '#lib/ids.ts';
import { activeCallSchema, voiceStatusSchema } from '#protocol/voice-channel.ts';
import { ASK_FOR_STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { openGate } from './support/gate.ts';
import type { Gate } from './support/gate.ts';
import { providerKinds } from './support/provider-lines.ts';
import type { ProviderLine } from './support/provider-lines.ts';
import { openSandbox, openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const GREETING = 'Good morning, how can I help you?';
const LIMIT_MS = 120_000;

/*
 * What an owner sees through the four endpoints of the voice channel is the same whoever carries the
 * voice. Between the server and each provider there is a gate, so that a provider can be away.
 */
let world: World;
const gates: Record<'pipecat' | 'retell', Gate | undefined> = {
  pipecat: undefined,
  retell: undefined,
};
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const sandbox = opened.adopt(await openSandbox(), (running) => running.close());
  for (const { provider, origin } of providerKinds)
    gates[provider] ??= opened.adopt(await openGate(origin(sandbox)), (gate) => gate.close());
  world = opened.use(
    await openWorld({
      sandbox,
      env: {
        TWILIO_URL: gates.pipecat?.origin ?? '',
        RETELL_URL: gates.retell?.origin ?? '',
      },
    }),
  );
}, LIMIT_MS);
afterAll(() => opened.disposeAsync());

let callers = 0;
const nextCaller = (): string => `+1202559${String(++callers).padStart(4, '0')}`;

describe.each(providerKinds)('$title', ({ provider, open }) => {
  /** An instance that has no channel yet, and a line for it. */
  const agent = async () => {
    const line = open(world.sandbox);
    const instanceId = await world.owner.makeInstance('Anna', { greeting: GREETING });
    const path = `/v1/instances/${instanceId}/channels/voice`;
    return {
      line,
      path,
      instanceId,
      status: async () => voiceStatusSchema.parse(await world.owner.ask('GET', path)),
      calls: async () =>
        activeCallSchema.array().parse(await world.owner.ask('GET', `${path}/calls`)),
      setUp: (setup: object) => world.owner.setUpVoice(instanceId, setup),
    };
  };

  test(
    'a channel is active once it is set up, and the number rings here',
    async () => {
      const { line, status, setUp, instanceId } = await agent();
      expect(await status()).toEqual({
        active_calls: 0,
        enabled: false,
        phone_number: null,
        provider: null,
        status: 'not_configured',
        webhook_url: null,
      });
      const before = line.snapshot();
      const channel = await setUp(line.setup);
      expect(channel).toEqual({
        active_calls: 0,
        enabled: true,
        phone_number: line.phoneNumber,
        provider,
        status: 'active',
        webhook_url: expect.stringContaining(`/hooks/voice/${instanceId}`),
      });
      expect(await status()).toEqual(channel);
      expect(line.snapshot()).not.toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    'a change keeps what it does not name, and gives back what it does not use any more',
    async () => {
      const { line, setUp } = await agent();
      const channel = await setUp(line.setup);
      const wired = line.snapshot();
      expect(await setUp({})).toEqual(channel);
      expect(line.snapshot()).toEqual(wired);
      expect(await setUp(line.move)).toEqual({ ...channel, phone_number: line.otherNumber });
      expect(await setUp(numberOf(line))).toEqual(channel);
      await eventually('the other number to be as it was', () =>
        JSON.stringify(line.snapshot()) === JSON.stringify(wired) ? true : undefined,
      );
    },
    LIMIT_MS,
  );

  test(
    'no secret is ever answered',
    async () => {
      const { line, path, instanceId } = await agent();
      const answers = await Promise.all([
        world.owner.request('POST', path, line.setup),
        world.owner.request('GET', path),
        world.owner.request('GET', `/v1/instances/${instanceId}/channels`),
        world.owner.request('GET', `/v1/instances/${instanceId}`),
      ]);
      for (const secret of line.secrets)
        for (const { text } of answers) expect(text).not.toContain(secret);
      for (const secret of line.secrets)
        expect(world.log.filter((entry) => entry.includes(secret))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'a live call is listed with its state and its turns, and can be hung up',
    async () => {
      const { line, status, calls, setUp } = await agent();
      await setUp(line.setup);
      expect(await calls()).toEqual([]);
      const from = nextCaller();
      const over = line.dial(from, [
        { waitForAgent: 'to-finish' },
        { say: ASK_FOR_STORY },
        { expectHangUp: true },
      ]);
      over.catch(() => undefined);
      const call = await eventually('a live call with two turns', async () => {
        const [live] = await calls();
        return live && live.transcript_turns >= 2 ? live : undefined;
      });
      expect(call.caller_phone).toBe(from);
      expect(call.duration_seconds).toBeGreaterThan(0);
      expect(['listening', 'thinking', 'speaking']).toContain(call.state);
      expect((await status()).active_calls).toBe(1);

      const hungUp = await world.owner.request('POST', `/v1/calls/${call.call_id}/hangup`);
      expect(hungUp.status).toBe(202);
      expect((await over).endedBy).toBe('other-side');
      const record = await eventually('the record to be complete', async () => {
        const found = await world.owner.call(call.call_id);
        return found.ended_at === null ? undefined : found;
      });
      expect(record).toMatchObject({
        provider,
        caller_phone: from,
        state: 'ended',
        end_reason: 'api_hangup',
      });
      expect(record.turns.slice(0, 2)).toMatchObject([
        { index: 0, role: 'agent', interrupted: false },
        { index: 1, role: 'caller', text: ASK_FOR_STORY },
      ]);
      expect(await calls()).toEqual([]);
      expect((await status()).active_calls).toBe(0);
      const again = await world.owner.request('POST', `/v1/calls/${call.call_id}/hangup`);
      expect(again.status).toBe(409);
    },
    LIMIT_MS,
  );

  test(
    'a wrong key is refused at its field, and nothing is kept of it',
    async () => {
      const { line, path, status } = await agent();
      const before = line.snapshot();
      const { status: code, body } = await world.owner.request('POST', path, {
        ...line.setup,
        [line.keyField]: newToken(24),
      });
      expect(code).toBe(422);
      expect(faultsSchema.parse(body).detail.map(({ loc }) => loc)).toEqual([
        ['body', line.keyField],
      ]);
      expect((await status()).status).toBe('not_configured');
      expect(line.snapshot()).toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    'a channel that is set up while the provider is away is pending, and active by itself',
    async () => {
      const { line, status, setUp } = await agent();
      gates[provider]?.set(false);
      try {
        expect((await setUp(line.setup)).status).toBe('pending');
      } finally {
        gates[provider]?.set(true);
      }
      await eventually('the channel to be active', async () =>
        (await status()).status === 'active' ? true : undefined,
      );
    },
    LIMIT_MS,
  );

  test(
    'a channel that is deleted leaves the provider as it was, and is not there any more',
    async () => {
      const { line, path, status, calls, setUp } = await agent();
      const before = line.snapshot();
      await setUp(line.setup);
      expect((await world.owner.request('DELETE', path)).status).toBe(204);
      await eventually('the provider to be as it was', () =>
        JSON.stringify(line.snapshot()) === JSON.stringify(before) ? true : undefined,
      );
      expect(line.snapshot()).toEqual(before);
      expect(await status()).toMatchObject({ status: 'not_configured', enabled: false });
      expect(await calls()).toEqual([]);
      expect((await world.owner.request('DELETE', path)).status).toBe(404);
    },
    LIMIT_MS,
  );
});

/** The part of a change that leads back to the first number. */
const numberOf = (line: ProviderLine): object =>
  Object.fromEntries(Object.keys(line.move).map((field) => [field, line.phoneNumber]));

const faultsSchema = z.object({
  detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])) })),
});
