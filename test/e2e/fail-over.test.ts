import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Fault, Outage } from '#sandbox/faults.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import type { VendorName } from '#sandbox/vendors/index.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import type { Phone } from './support/agents.ts';
import { eventually } from './support/eventually.ts';
import { heardBy, longestSilenceMs, plain } from './support/words.ts';
import { openSandbox, openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const LIMITED = { timeout: 90_000 };
/** What the caller may wait for the next words while one vendor takes over from another. */
const LONGEST_SILENCE_MS = 4_500;

const opened = new AsyncDisposableStack();
let sandbox: Sandbox;
let world: World;
beforeAll(async () => {
  sandbox = opened.adopt(await openSandbox(), (running) => running.close());
  world = opened.use(await openWorld({ sandbox }));
});
afterAll(() => opened.disposeAsync());
afterEach(() =>
  Promise.all(Object.values(sandbox.vendors.faults).map((one) => one.set(undefined))),
);

type Chains = {
  readonly stt: VendorName[];
  readonly llm: VendorName[];
  readonly tts: VendorName[];
};
const chains = (change: Partial<Chains>): Chains => ({
  stt: ['deepgram'],
  llm: ['openai'],
  tts: ['cartesia'],
  ...change,
});

const agentWith = (voice: Chains) =>
  world.addAgent({
    config: { greeting: 'Hello, how can I help you?', voice },
    setup: {
      anthropic_api_key: sandbox.keys.anthropic,
      google_api_key: sandbox.keys.google,
    },
  });

const calling = [
  { waitForAgent: 'to-finish' },
  { say: ASK_FOR_STORY },
  { waitForAgent: 'to-finish' },
  { say: 'No, that is all. Thank you very much, goodbye.' },
  { expectHangUp: true },
] as const;

type Case = readonly [VendorName, VendorName, Fault | Outage];

/** Calls with two vendors for a role, the first of which gets into trouble at a moment of the call. */
const expectSurvival = async (
  [dying, next, trouble]: Case,
  voice: Chains,
  moment: (phone: Phone) => Promise<unknown>,
): Promise<void> => {
  const agent = await agentWith(voice);
  expect(agent.channel.status).toBe('active');
  const phone = await agent.dial(calling);
  await moment(phone);
  await sandbox.vendors.faults[dying].set(trouble);
  const call = await phone.record();
  const experience = await phone.experience;
  expect(call.end_reason).toBe('agent_hangup');
  expect(call.turns.filter(({ role }) => role === 'caller').map(({ text }) => plain(text))).toEqual(
    [plain(ASK_FOR_STORY), 'no that is all thank you very much goodbye'],
  );
  expect(heardBy(experience).split(plain(STORY))).toHaveLength(2);
  expect(phone.events).toContainEqual(
    expect.objectContaining({ type: 'vendor-failed', vendor: dying, switched_to: next }),
  );
  expect(longestSilenceMs(experience)).toBeLessThan(LONGEST_SILENCE_MS);
};

test.each<Case>([['deepgram', 'openai', { kind: 'reset' }]])(
  '%s dies while the caller speaks, and %s heard every word (%j)',
  LIMITED,
  (...one) =>
    expectSurvival(one, chains({ stt: [one[0], one[1]] }), (phone) =>
      eventually('the caller to be heard', () =>
        phone.events.find(({ type }) => type === 'caller-interim'),
      ),
    ),
);

test.each<Case>([['anthropic', 'google', { kind: 'half-open' }]])(
  '%s dies in the middle of its answer, and %s goes on with it (%j)',
  LIMITED,
  (...one) =>
    expectSurvival(one, chains({ llm: [one[0], one[1]] }), (phone) => phone.saying('Once')),
);

test.each<Case>([['cartesia', 'openai', { kind: 'half-open' }]])(
  '%s dies while the agent speaks, and %s says the rest (%j)',
  LIMITED,
  (...one) =>
    expectSurvival(one, chains({ tts: [one[0], one[1]] }), (phone) => phone.saying('Once')),
);
