import { expect, test, vi } from 'vitest';
import type { LanguageModel, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import type { Log } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Fault, Outage } from '#sandbox/faults.ts';
import { logLines } from '#test/support/log-lines.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { tellSubject } from './subject.ts';

/** What the simulated model does with the caller's last words; see `obedientReply`. */
export type ThinkingWorld = {
  /** A key the simulator takes. */
  readonly apiKey: string;
  open(options: {
    readonly apiKey: string;
    readonly clock: VirtualClock;
    readonly log: Log;
    readonly model?: string;
  }): LanguageModel;
  setFault(fault: Fault | Outage | undefined): Promise<void>;
  /** How each answer asked for so far went on the vendor's side. */
  outcomes(): readonly { readonly state: string; readonly tokens: number }[];
};

const TOOL = {
  name: 'book_table',
  description: 'Books a table.',
  parameters: { type: 'object', properties: { people: { type: 'integer' } }, required: ['people'] },
};

/** "say …" is repeated; "book for N" calls the tool; a result of a tool is read out; notes are counted. */
export function obedientReply(items: readonly { readonly role: string; readonly text: string }[]): {
  readonly text?: string;
  readonly toolCalls?: readonly { name: string; arguments: Readonly<Record<string, unknown>> }[];
} {
  const last = items.at(-1);
  if (last?.role === 'tool-result') return { text: `The tool says ${last.text}` };
  const words = items.findLast((item) => item.role === 'caller')?.text ?? '';
  const people = /^book for (\d+)/.exec(words)?.[1];
  if (people) return { toolCalls: [{ name: TOOL.name, arguments: { people: Number(people) } }] };
  const spoken = /^say (.*)/s.exec(words)?.[1];
  if (spoken) return { text: spoken };
  return { text: `${items.filter((item) => item.role === 'note').length} notes` };
}

const asking = (words: string): ThinkRequest => ({
  systemPrompt: 'You answer the phone.',
  context: [{ role: 'caller', text: words }],
  tools: [TOOL],
  maxOutputTokens: 256,
});

/** What every language model must do. Passing it is the definition of done. */
export function languageModelContract(world: () => ThinkingWorld): void {
  tellSubject('language-model', () => open(world()).vendor);

  test('answers in pieces that add up to the whole, then says what it cost', async () => {
    using model = open(world());
    const text = 'Certainly! A table for two — “quiet”, if I may ask? Ça va: 東京.';
    const { thoughts } = model.think(asking(`say ${text}`));
    const done = await thoughts.until(isEnd);
    expect(deltas(thoughts)).toBe(text);
    expect(thoughts.all.filter(({ type }) => type === 'delta').length).toBeGreaterThan(5);
    expect(done).toMatchObject({ type: 'done' });
    if (done.type !== 'done') return;
    expect(done.inputTokens).toBeGreaterThan(0);
    expect(done.outputTokens).toBeGreaterThan(5);
    expect(thoughts.all.at(-1)).toBe(done);
    expect(model.clock.pending).toBe(0);
  });

  test('calls a tool, and goes on from its result', async () => {
    using model = open(world());
    const { thoughts } = model.think(asking('book for 4'));
    const call = await thoughts.until(({ type }) => type === 'tool-call');
    if (call.type !== 'tool-call') throw new Error('no tool call');
    expect(call).toMatchObject({ name: 'book_table' });
    expect(JSON.parse(call.arguments)).toEqual({ people: 4 });
    expect((await thoughts.until(isEnd)).type).toBe('done');

    const next = model.think({
      ...asking('book for 4'),
      context: [
        { role: 'caller', text: 'book for 4' },
        { role: 'tool-call', callId: call.callId, name: call.name, arguments: call.arguments },
        { role: 'tool-result', callId: call.callId, result: 'booked at eight' },
      ],
    });
    await next.thoughts.until(isEnd);
    expect(deltas(next.thoughts)).toBe('The tool says booked at eight');
  });

  test('a context with a torn tool call, a stray result and empty words is still answered', async () => {
    using model = open(world());
    const { thoughts } = model.think({
      ...asking(''),
      context: [
        { role: 'tool-result', callId: 'stray', result: 'of a call long forgotten' },
        { role: 'agent', text: '' },
        { role: 'tool-call', callId: 'torn', name: 'book_table', arguments: '{"people":2}' },
        { role: 'note', text: 'The caller interrupted.' },
        { role: 'caller', text: 'say All is well.' },
      ],
    });
    expect((await thoughts.until(isEnd)).type).toBe('done');
    expect(deltas(thoughts)).toBe('All is well.');
  });

  test('notes reach the model, and an empty context is answered as well', async () => {
    using model = open(world());
    const note = { role: 'note', text: 'The caller pressed 1.' } as const;
    const noted = model.think({ ...asking(''), context: [note, note] });
    await noted.thoughts.until(isEnd);
    expect(deltas(noted.thoughts)).toBe('2 notes');
    const empty = model.think({ ...asking(''), context: [], tools: [] });
    expect((await empty.thoughts.until(isEnd)).type).toBe('done');
  });

  test('abort stops the vendor too, and nothing is said after it', async () => {
    using model = open(world());
    const { thoughts, thinking } = model.think(asking(`say ${'and so on '.repeat(200)}`));
    await thoughts.until(({ type }) => type === 'delta');
    thinking.abort();
    const said = thoughts.all.length;
    await vi.waitFor(() => expect(world().outcomes().at(-1)?.state).toBe('aborted'));
    expect(world().outcomes().at(-1)?.tokens).toBeLessThan(200);
    expect(thoughts.all.length).toBe(said);
    expect(model.clock.pending).toBe(0);
    thinking.abort();
    expect(thoughts.all.length).toBe(said);
  });

  test('closing the vendor stops what it is thinking', async () => {
    const model = open(world());
    const { thoughts } = model.think(asking(`say ${'and so on '.repeat(200)}`));
    await thoughts.until(({ type }) => type === 'delta');
    model.vendor.close();
    const said = thoughts.all.length;
    await vi.waitFor(() => expect(world().outcomes().at(-1)?.state).toBe('aborted'));
    expect(thoughts.all.length).toBe(said);
    expect(model.clock.pending).toBe(0);
  });

  test('warm needs no request to follow, and hurts nobody', async () => {
    using model = open(world());
    model.vendor.warm();
    model.vendor.warm();
    const { thoughts } = model.think(asking('say Hello.'));
    await thoughts.until(isEnd);
    expect(deltas(thoughts)).toBe('Hello.');
  });

  test('a wrong key is said to be refused, without being repeated', async () => {
    const apiKey = 'sk-wrong-0123456789abcdef-tail';
    using model = open(world(), { apiKey });
    const failure = await failureOf(model.think(asking('say Hello.')).thoughts);
    expect(failure.code).toBe('refused');
    for (const part of [apiKey, 'sk-wrong', 'tail']) {
      expect(failure.message).not.toContain(part);
      expect(model.logged()).not.toContain(part);
    }
  });

  test('an unknown model is invalid, by its name', async () => {
    using model = open(world(), { model: 'gpt-nonsense-9' });
    const failure = await failureOf(model.think(asking('say Hello.')).thoughts);
    expect(failure).toMatchObject({ code: 'invalid' });
    expect(failure.message).toContain('gpt-nonsense-9');
  });

  test.each<[Fault | Outage, FailureCode]>([
    [{ kind: 'refuse' }, 'refused'],
    [{ kind: 'limit' }, 'limited'],
    [{ kind: 'quota' }, 'quota'],
    [{ kind: 'server-error' }, 'unreachable'],
    [{ kind: 'reset' }, 'unreachable'],
    [{ kind: 'down' }, 'unreachable'],
    [{ kind: 'die', afterMessages: 6 }, 'closed'],
    [{ kind: 'fail', afterMessages: 6 }, 'unreachable'],
    [{ kind: 'garble', message: 6 }, 'garbled'],
  ])('a vendor that does %o has failed as %s, once and last', async (fault, code) => {
    await world().setFault(fault);
    using model = open(world());
    const { thoughts } = model.think(asking('say I would like to book a table, please.'));
    const failure = await failureOf(thoughts);
    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain(world().apiKey);
    expect(thoughts.all.filter(isEnd)).toHaveLength(1);
    expect(isEnd(thoughts.all.at(-1) ?? thoughts.all[0])).toBe(true);
    expect(model.clock.pending).toBe(0);
  });

  test('a vendor that never answers has failed by the deadline', async () => {
    await world().setFault({ kind: 'half-open' });
    using model = open(world());
    const { thoughts } = model.think(asking('say Hello.'));
    await model.clock.advance(15_000);
    expect((await failureOf(thoughts)).code).toBe('timeout');
    expect(model.clock.pending).toBe(0);
  });

  test('a slow vendor is waited for', async () => {
    await world().setFault({ kind: 'slow', delayMs: 200 });
    using model = open(world());
    const { thoughts } = model.think(asking('say Hello.'));
    expect((await thoughts.until(isEnd)).type).toBe('done');
    expect(deltas(thoughts)).toBe('Hello.');
  });

  test('it works again after the vendor does', async () => {
    using model = open(world());
    await world().setFault({ kind: 'reset' });
    await failureOf(model.think(asking('say Hello.')).thoughts);
    await world().setFault(undefined);
    const { thoughts } = model.think(asking('say Hello.'));
    expect((await thoughts.until(isEnd)).type).toBe('done');
  });

  test('check tells a good key from a wrong one, a wrong model, and a vendor that is down', async () => {
    const { signal } = new AbortController();
    using good = open(world());
    expect(await good.vendor.check(signal)).toEqual({ ok: true });
    using wrong = open(world(), { apiKey: 'sk-wrong-0123456789abcdef' });
    const refused = await wrong.vendor.check(signal);
    expect(refused).toMatchObject({ ok: false, failure: { code: 'refused' } });
    expect(JSON.stringify(refused)).not.toContain('sk-wrong');
    using unknown = open(world(), { model: 'gpt-nonsense-9' });
    expect(await unknown.vendor.check(signal)).toMatchObject({ failure: { code: 'invalid' } });
    await world().setFault({ kind: 'down' });
    expect(await good.vendor.check(signal)).toMatchObject({ failure: { code: 'unreachable' } });
  });
}

type Open = Disposable & {
  readonly vendor: LanguageModel;
  readonly clock: VirtualClock;
  think(request: ThinkRequest): {
    readonly thoughts: Recorder<Thought>;
    readonly thinking: { abort(): void };
  };
  logged(): string;
};

function open(
  world: ThinkingWorld,
  options: { readonly apiKey?: string; readonly model?: string } = {},
): Open {
  const clock = virtualClock();
  const { log, text } = logLines();
  const vendor = world.open({ apiKey: world.apiKey, clock, log, ...options });
  return {
    vendor,
    clock,
    think(request) {
      const thoughts = recorder<Thought>();
      return { thoughts, thinking: vendor.think(request, thoughts.on) };
    },
    logged: text,
    [Symbol.dispose]: () => vendor.close(),
  };
}

const isEnd = (thought: Thought | undefined): boolean =>
  thought?.type === 'done' || thought?.type === 'failed';

const deltas = (thoughts: Recorder<Thought>): string =>
  thoughts.all.map((thought) => (thought.type === 'delta' ? thought.text : '')).join('');

async function failureOf(thoughts: Recorder<Thought>): Promise<VendorFailure> {
  const end = await thoughts.until(isEnd);
  if (end.type !== 'failed') throw new Error(`ended with ${end.type}`);
  return end.failure;
}
