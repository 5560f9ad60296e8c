import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Fault, Outage } from '#sandbox/faults.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import type { VendorName } from '#sandbox/vendors/index.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
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
afterEach(() => Promise.all(Object.values(sandbox.vendors.faults).map((one) => one.set(undefined))));

type Chains = { readonly stt: VendorName[]; readonly llm: VendorName[]; readonly tts: VendorName[] };
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

test.each<[string, Chains, VendorName, string, Fault | Outage]>([
  ['hearing', chains({ stt: ['deepgram', 'google'] }), 'deepgram', 'google', { kind: 'down' }],
  ['hearing', chains({ stt: ['google', 'deepgram'] }), 'google', 'deepgram', { kind: 'reset' }],
  ['thinking', chains({ llm: ['openai', 'anthropic'] }), 'openai', 'anthropic', { kind: 'down' }],
  ['thinking', chains({ llm: ['anthropic', 'google'] }), 'anthropic', 'google', { kind: 'half-open' }],
  ['speaking', chains({ tts: ['cartesia', 'google'] }), 'cartesia', 'google', { kind: 'down' }],
  ['speaking', chains({ tts: ['cartesia', 'openai'] }), 'cartesia', 'openai', { kind: 'half-open' }],
])(
  '%s goes on when, of %j, %s dies in mid-call and %s takes over (%j)',
  LIMITED,
  async (_role, voice, dying, next, trouble) => {
    const agent = await agentWith(voice);
    expect(agent.channel.status).toBe('active');
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { waitForAgent: 'to-finish' },
      { say: 'No, that is all. Thank you very much, goodbye.' },
      { expectHangUp: true },
    ]);
    await phone.saying('Once');
    await sandbox.vendors.faults[dying].set(trouble);
    const call = await phone.record();
    const experience = await phone.experience;
    console.log(JSON.stringify(call.turns.map(({role, heard}) => [role, heard])), call.end_reason, call.end_detail, longestSilenceMs(experience));
    console.log(heardBy(experience));
    console.log(phone.events.filter(({type}) => type === 'vendor-failed'));
    expect(call.end_reason).toBe('agent_hangup');
    const told = heardBy(experience).split(plain(STORY)).length - 1;
    expect(told).toBe(2);
    expect(phone.events).toContainEqual(
      expect.objectContaining({ type: 'vendor-failed', vendor: dying, switched_to: next }),
    );
    expect(longestSilenceMs(experience)).toBeLessThan(LONGEST_SILENCE_MS);
  },
);
