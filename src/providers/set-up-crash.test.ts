import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ownerOf } from '#test/support/carrier-world.ts';
import { noCalls, openChannelWorld } from '#test/support/channel-world.ts';
import type { ChannelWorld } from '#test/support/channel-world.ts';
import type { ChannelSetup } from './decisions.ts';
import { tearDownChannel } from './tear-down.ts';

let world: ChannelWorld;
beforeAll(async () => {
  world = await openChannelWorld();
});
afterAll(() => world.close());

type Action = 'complete' | 'move' | 'add key' | 'take key' | 'give key' | 'retell' | 'tear down';
const actions: readonly Action[] = [
  'complete',
  'move',
  'add key',
  'take key',
  'give key',
  'retell',
  'tear down',
];

/** Does `first`, then `last` in a process that dies after so many steps; answers whether it got to the end. */
async function dieDuring(
  first: readonly Action[],
  last: Action,
  steps: number,
  faults: readonly ('up' | 'unreachable')[],
): Promise<boolean> {
  const at = await world.setting();
  const setups: Readonly<Record<Exclude<Action, 'tear down'>, ChannelSetup>> = {
    complete: at.complete,
    move: { twilioPhoneNumber: at.B, secrets: {} },
    'add key': { secrets: { google_api_key: 'g' } },
    'take key': { secrets: { openai_api_key: null } },
    'give key': { secrets: { openai_api_key: 'sk' } },
    retell: { provider: 'retell', secrets: {} },
  };
  const run = (action: Action): Promise<unknown> =>
    action === 'tear down' ? at.tearDown() : at.setUp(setups[action]);
  for (const action of first) await run(action);
  world.carrier.faults.push(...faults);
  world.dieAfter(steps);
  const isAlive = await run(last).then(
    () => true,
    () => false,
  );
  const survivor = await world.settle();
  world.carrier.faults.length = 0;

  const channel = await at.channel();
  expect(channel?.status).not.toBe('pending');
  const number = channel?.provider === 'pipecat' ? channel.twilioPhoneNumber : undefined;
  for (const other of [at.A, at.B])
    if (other !== number) expect(world.carrier.pointsAt.get(other)).toBe(ownerOf(other));
  if (channel?.status === 'active' && number)
    expect(world.carrier.pointsAt.get(number)).toBe(at.ours);
  // What was there before is still known: taking the channel away puts it back.
  await tearDownChannel({ ...survivor, live: noCalls }, at.tenantId, at.instanceId);
  for (const each of [at.A, at.B]) expect(world.carrier.pointsAt.get(each)).toBe(ownerOf(each));
  return isAlive;
}

test.each<[Action, readonly Action[]]>([
  ['complete', []],
  ['move', ['complete']],
  ['give key', ['complete', 'take key']],
  ['retell', ['complete']],
  ['tear down', ['complete']],
])(
  'at whatever step of "%s" the process dies, carrier and store agree in the end',
  async (last, first) => {
    let steps = 0;
    while (!(await dieDuring(first, last, steps, []))) steps += 1;
    expect(steps).toBeGreaterThan(3);
  },
);

test('nothing is lost either when the carrier is away while the process dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...actions), { maxLength: 3 }),
      fc.constantFrom(...actions),
      fc.nat(12),
      fc.array(fc.constantFrom('up' as const, 'unreachable' as const), { maxLength: 3 }),
      async (first, last, steps, faults) =>
        void (await dieDuring(['complete', ...first], last, steps, faults)),
    ),
    { numRuns: 60 },
  );
}, 120_000);
