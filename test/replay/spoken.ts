import { journalSchema } from '#protocol/calls.ts';
import { demoAgent, demoScript } from '#sandbox/demo/scenario.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { ASK_FOR_STORY } from '#test/e2e/support/brain.ts';
import { openSandbox, openWorld } from '#test/e2e/support/world.ts';

type Spoken = {
  readonly name: string;
  readonly call: string;
  readonly config: object;
  readonly script: readonly Step[];
  /** A vendor that falls silent while the agent says its story. */
  readonly dies?: 'cartesia';
};

const CALLS: readonly Spoken[] = [
  {
    name: 'demo',
    call: 'The demo as it was spoken; its recogniser decides the end of turns.',
    config: demoAgent,
    script: demoScript,
  },
  {
    name: 'demo-own-endpointing',
    call: 'The demo as it was spoken; silence decides the end of turns.',
    config: { ...demoAgent, voice: { vendors: { deepgram: { stt_model: 'nova-3' } } } },
    script: demoScript,
  },
  {
    name: 'spoken-failover',
    call: 'A voice falls silent in the middle of a sentence, and another says the rest.',
    config: {
      greeting: 'Hello, how can I help you?',
      voice: { tts: ['cartesia', 'openai'] },
    },
    script: [
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { waitForAgent: 'to-finish' },
      { say: 'No, that is all. Thank you very much, goodbye.' },
      { expectHangUp: true },
    ],
    dies: 'cartesia',
  },
];

/** Has calls spoken in the sandbox, in real time, and answers their journals. */
export async function recordSpoken(
  onRecorded: (name: string, call: string, entries: readonly unknown[]) => void,
): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const sandbox = opened.adopt(await openSandbox(), (running) => running.close());
  const world = opened.use(await openWorld({ sandbox }));
  for (const { name, call, config, script, dies } of CALLS) {
    const agent = await world.addAgent({ config });
    const phone = await agent.dial(script);
    if (dies) {
      await phone.saying('Once');
      await sandbox.vendors.faults[dies].set({ kind: 'half-open' });
    }
    await phone.record();
    if (dies) await sandbox.vendors.faults[dies].set(undefined);
    const journal = await world.owner.ask('GET', `/v1/calls/${await phone.id()}/journal`);
    onRecorded(name, call, journalSchema.parse(journal).entries);
  }
}
