import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { RestFault } from '#sandbox/retell/rest.ts';
import type { Store } from '#store/store.ts';
import { carrierWorld } from '#test/support/carrier-world.ts';
import { noCalls } from '#test/support/channel-world.ts';
import { openRetellWorld } from '#test/support/retell-world.ts';
import { openTestStore } from '#test/support/store.ts';
import type { ChannelSetup } from './decisions.ts';
import { createKeyedLock } from './keyed-lock.ts';
import { setUpChannel } from './set-up.ts';
import { tearDownChannel } from './tear-down.ts';
import { createWiringWorker } from './wiring-worker.ts';

let clock: VirtualClock;
let store: Store;
beforeAll(async () => {
  clock = virtualClock(Date.UTC(2026, 10, 20));
  store = await openTestStore({ clock });
});
afterAll(() => store.close());

const NUMBERS = ['+14155550101', '+14155550102'] as const;

type Action = {
  readonly kind: 'set up' | 'tear down' | 'wait';
  /** Which agent and number: none, the first or the second; undefined: as it is. */
  readonly agent: 0 | 1 | 2 | undefined;
  readonly number: 0 | 1 | 2 | undefined;
  readonly fault: RestFault['kind'] & ('reset' | 'lost-answer');
  /** Requests that go well before so many go wrong. */
  readonly faulty: number;
};

const choice = fc.constantFrom(0 as const, 1 as const, 2 as const, undefined);
const actions: fc.Arbitrary<readonly Action[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'set up' as const,
      'set up' as const,
      'tear down' as const,
      'wait' as const,
    ),
    agent: choice,
    number: choice,
    fault: fc.constantFrom('reset' as const, 'lost-answer' as const),
    faulty: fc.constantFrom(0, 0, 1, 2, 5),
  }),
  { minLength: 1, maxLength: 6 },
);

/** Plays the actions; answers what Retell has before, and after the channel was taken away for good. */
async function play(script: readonly Action[]) {
  const world = await openRetellWorld();
  const agents = [
    world.account.addAgent({ webhook_url: 'https://theirs.example/1' }),
    world.account.addAgent({ webhook_url: 'https://theirs.example/2' }, false),
  ];
  for (const phoneNumber of NUMBERS)
    world.account.addNumber({
      phoneNumber,
      inboundWebhookUrl: `https://theirs.example/${phoneNumber}`,
    });
  const before = world.snapshot();

  const tenantId = crypto.randomUUID();
  await store.ensureTenant(tenantId);
  const { id } = await store.instances.create(tenantId, {
    name: 'agent',
    agentConfig: agentConfigSchema.parse({}),
  });
  const parts = {
    store,
    providers: { pipecat: carrierWorld([]).provider, retell: world.provider },
    clock,
    log: silentLog,
    lock: createKeyedLock(),
  };
  const worker = createWiringWorker({ ...parts, random: () => 0.5 });
  const settle = async (): Promise<void> => {
    world.retell.setRestFaults();
    for (let round = 0; round < 3; round += 1) {
      await clock.advance(400_000);
      await worker.runDue();
    }
  };
  const setupOf = ({ agent, number }: Action): ChannelSetup => ({
    provider: 'retell',
    secrets: world.secrets(),
    ...(agent !== undefined && { agentId: agents[agent - 1] ?? null }),
    ...(number !== undefined && { phoneNumber: NUMBERS[number - 1] ?? null }),
  });

  for (const action of script) {
    if (action.faulty > 0) world.retell.setRestFaults({ kind: action.fault, times: action.faulty });
    if (action.kind === 'set up') await setUpChannel(parts, tenantId, id, setupOf(action));
    if (action.kind === 'tear down')
      await tearDownChannel({ ...parts, live: noCalls }, tenantId, id);
    if (action.kind === 'wait') await settle();
  }
  await settle();
  const channel = await store.channels.get(tenantId, id);
  const made = [...world.account.agents.values()].length - agents.length;
  const wired = NUMBERS.filter((phoneNumber) =>
    world.account.numbers.get(phoneNumber)?.inboundWebhookUrl?.includes(`/${id}/`),
  );
  await tearDownChannel({ ...parts, live: noCalls }, tenantId, id);
  await settle();
  const after = world.snapshot();
  await world.close();
  return { before, after, channel, made, wired };
}

test('whatever is set up, changed and taken away, in whatever weather, Retell is as the channel says, and in the end as it was found', async () => {
  await fc.assert(
    fc.asyncProperty(actions, async (script) => {
      const { before, after, channel, made, wired } = await play(script);
      if (channel) expect(channel.status).toBe('active');
      expect(made).toBe(channel && channel.agentId === null ? 1 : 0);
      expect(wired).toEqual(channel?.phoneNumber ? [channel.phoneNumber] : []);
      expect(after).toEqual(before);
    }),
    { numRuns: 40 },
  );
}, 120_000);
