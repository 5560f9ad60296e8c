import { afterAll, beforeAll, test } from 'vitest';
import type { ExpectStatic } from 'vitest';
import type { Fault, Outage } from '#sandbox/faults.ts';
import type { Phone } from './support/agents.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import { faultyVendors } from './support/faulty-vendors.ts';
import type { FaultyName, FaultyVendors } from './support/faulty-vendors.ts';
import { heardBy, longestSilenceMs, plain } from './support/words.ts';
import { openSandbox, openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const APOLOGY = 'I am sorry, I am having technical difficulties. Please call again later. Goodbye.';
const GREETING = 'Hello, how can I help you?';
const DEAD_AIR_MS = 3_000;
const LIMITED = { timeout: 120_000 };

const opened = new AsyncDisposableStack();
let world: World;
let vendors: FaultyVendors;
beforeAll(async () => {
  const sandbox = opened.adopt(await openSandbox(), (running) => running.close());
  vendors = opened.use(await faultyVendors(sandbox));
  world = opened.use(await openWorld({ sandbox, env: vendors.env }));
  // Made before, so that no call waits while the others' speech is.
  for (const text of [GREETING, STORY]) await sandbox.bank.speak(text, 'slt');
  // The prepared speech was made with this voice; saying it again makes it known to the ears.
  await sandbox.bank.speak(APOLOGY, 'slt');
});
afterAll(() => opened.disposeAsync());

type Trouble = Fault | Outage;
const always: readonly (readonly [string, Trouble])[] = [
  ['refuses the key', { kind: 'refuse' }],
  ['is out of order', { kind: 'server-error' }],
  ['accepts a connection and says nothing', { kind: 'half-open' }],
  ['dies in the middle', { kind: 'die', afterMessages: 4 }],
  ['sends half a message', { kind: 'garble', message: 3 }],
];

const inMidCall: typeof always = [
  ['goes down', { kind: 'down' }],
  ['falls silent', { kind: 'half-open' }],
];

const roles = {
  deepgram: 'speech-to-text',
  openai: 'language-model',
  cartesia: 'text-to-speech',
} as const satisfies Record<FaultyName, string>;
const cases = (troubles: typeof always) =>
  (['deepgram', 'openai', 'cartesia'] as const).flatMap((vendor) =>
    troubles.map(([what, trouble]) => ({ vendor, what, trouble })),
  );

/** An agent of whose vendors one has troubles. */
async function agentWith(vendor: FaultyName) {
  const { apiKey, faults } = await vendors.add(vendor);
  const agent = await world.addAgent({
    config: {
      greeting: GREETING,
      // Nobody stands behind them.
      voice: { dead_air_ms: DEAD_AIR_MS, stt: ['deepgram'], llm: ['openai'], tts: ['cartesia'] },
    },
    setup: { [`${vendor}_api_key`]: apiKey },
  });
  return { agent, faults };
}

async function expectApology(phone: Phone, vendor: FaultyName, expect: ExpectStatic) {
  const call = await phone.record();
  const experience = await phone.experience;
  expect(call.end_reason).toBe('vendor_failure');
  expect(call.end_detail).toContain(vendor);
  expect(call.end_detail).toContain(roles[vendor]);
  const heard = heardBy(experience);
  expect(heard.slice(heard.indexOf('i am sorry'))).toBe(plain(APOLOGY));
  expect(experience.endedBy).toBe('other-side');
  expect(longestSilenceMs(experience)).toBeLessThan(DEAD_AIR_MS * 2 + 2_000);
}

test.concurrent.for(cases(always))(
  'the caller hears an apology where $vendor $what',
  LIMITED,
  async ({ vendor, trouble }, { expect }) => {
    const { agent, faults } = await agentWith(vendor);
    await faults.set(trouble);
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { expectHangUp: true },
    ]);
    await expectApology(phone, vendor, expect);
  },
);

test.concurrent.for(cases(inMidCall))(
  'the caller hears an apology where $vendor $what in mid-call',
  LIMITED,
  async ({ vendor, trouble }, { expect }) => {
    const { agent, faults } = await agentWith(vendor);
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { expectHangUp: true },
    ]);
    await phone.saying('Once');
    await faults.set(trouble);
    await expectApology(phone, vendor, expect);
  },
);
