import type { LanguageModel, Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { checkChain } from './check-chain.ts';
import { continuationOf, createJoiner, wholeWords } from './continuation.ts';
import type { Joiner } from './continuation.ts';
import { failureOfChain, linkOrder } from './links.ts';
import type { Attempt, Link, LinkOrder } from './links.ts';

export type ModelLink = Link<LanguageModel>;

/** After so many answers in a row that a rival gave first, the rival is asked first. */
const RACES_LOST = 2;
/** After a tool call the answer may go on, with another; if it does not, the call stands. */
const AFTER_TOOL_CALL_MS = 4_000;

/**
 * Thinks with the first link that can, for one call. One that is silent for `hedgeMs` gets a rival:
 * the next is asked, too, the first to say something speaks and the other is stopped. One that fails
 * before its first output is replaced. One that fails or stalls after it is continued by the next,
 * from the whole words given so far. An answer that had come to a tool call is over: no tool is called twice.
 */
export function chainLanguageModel(
  links: readonly [ModelLink, ...ModelLink[]],
  options: { readonly clock: Clock; readonly hedgeMs: number },
): LanguageModel {
  const order = linkOrder(links);
  const lost = new Map<ModelLink, number>();
  const [{ vendor: first }] = links;
  const raced = (winner: ModelLink, slow: ModelLink | undefined): void => {
    lost.delete(winner);
    if (!slow) return;
    const races = (lost.get(slow) ?? 0) + 1;
    lost.set(slow, races);
    if (races < RACES_LOST) return;
    lost.delete(slow);
    order.demote(slow);
  };
  return {
    vendor: first.vendor,
    model: first.model,
    think: (request, on) => thinkByChain({ ...options, request, on, order, raced }),
    warm() {
      // The rival, too: a handshake would cost it the race.
      const one = order.next([]);
      one?.vendor.warm();
      if (one) order.nextBeside([], [one])?.vendor.warm();
    },
    check: (signal) => checkChain(links, signal),
    close: () => links.forEach(({ vendor }) => vendor.close()),
  };
}

/** One link at work on the answer. */
type Run = { readonly link: ModelLink; readonly joiner: Joiner; thinking?: Thinking };

function thinkByChain(parts: {
  readonly clock: Clock;
  readonly hedgeMs: number;
  readonly request: ThinkRequest;
  readonly on: (thought: Thought) => void;
  readonly order: LinkOrder<ModelLink>;
  readonly raced: (winner: ModelLink, slow: ModelLink | undefined) => void;
}): Thinking {
  const { clock, hedgeMs, request, on, order } = parts;
  const attempts: Attempt<ModelLink>[] = [];
  /** In the order they were asked; the one that speaks is alone. */
  let runs: Run[] = [];
  let speaker: Run | undefined;
  /** Whole words that went on, and the beginning of the next. */
  let given = '';
  let growing = '';
  let hasCalledTool = false;
  let over = false;
  let cancelTimer: Cancel = () => undefined;

  const stop = (stopped: readonly Run[]): void =>
    stopped.forEach(({ thinking }) => thinking?.abort());
  const end = (last?: Thought): void => {
    if (over) return;
    over = true;
    cancelTimer();
    const left = runs;
    runs = [];
    stop(left);
    if (last) on(last);
  };

  const ask = (link: ModelLink): void => {
    const run: Run = { link, joiner: createJoiner(given) };
    runs = [...runs, run];
    const thinking = link.vendor.think(continuationOf(request, given), (thought) =>
      onThought(run, thought),
    );
    run.thinking = thinking;
    // Failed, or beaten, before there was anything to abort.
    if (!runs.includes(run)) return thinking.abort();
    expectOutput();
  };
  /** Somebody else is asked, too, when nobody has said anything for too long. */
  const expectOutput = (): void => {
    cancelTimer();
    if (hasCalledTool) {
      cancelTimer = clock.after(AFTER_TOOL_CALL_MS, () => end(NO_MORE));
      return;
    }
    cancelTimer = clock.after(hedgeMs, () => {
      const rival = order.nextBeside(
        attempts,
        runs.map(({ link }) => link),
      );
      if (rival) ask(rival);
    });
  };

  const speaks = (run: Run): void => {
    const others = runs.filter((other) => other !== run);
    const slow = runs[0] === run ? undefined : runs[0];
    // What may still grow came from the one that is beaten.
    if (slow === speaker) growing = '';
    const isFirst = speaker !== run;
    speaker = run;
    runs = [run];
    stop(others);
    for (const other of others)
      attempts.push({ link: other.link, failure: slowness(other, hedgeMs), isBeaten: true });
    if (isFirst || others.length > 0) parts.raced(run.link, slow?.link);
    expectOutput();
    if (!slow) return;
    on({ type: 'switched', failure: slowness(slow, hedgeMs), to: run.link.vendor.vendor });
  };

  const give = (text: string): void => {
    const { whole, rest } = wholeWords(growing + text);
    growing = rest;
    if (whole === '') return;
    given += whole;
    on({ type: 'delta', text: whole });
  };
  const giveRest = (run: Run): void => {
    give(run.joiner.end());
    const text = growing;
    growing = '';
    if (text === '' || over) return;
    given += text;
    on({ type: 'delta', text });
  };

  const onThought = (run: Run, thought: Thought): void => {
    if (over || !runs.includes(run)) return;
    switch (thought.type) {
      case 'delta':
        if (thought.text === '') return;
        speaks(run);
        if (!over) give(run.joiner.push(thought.text));
        return;
      case 'tool-call':
        hasCalledTool = true;
        speaks(run);
        if (!over) giveRest(run);
        if (!over) on(thought);
        return;
      case 'done':
        speaks(run);
        if (!over) giveRest(run);
        return end(thought);
      case 'failed':
        return failed(run, thought.failure);
      case 'switched':
        return on(thought);
    }
  };

  const failed = (run: Run, failure: VendorFailure): void => {
    runs = runs.filter((other) => other !== run);
    stop([run]);
    const attempt = { link: run.link, failure };
    attempts.push(attempt);
    order.failed(attempt);
    if (run === speaker) {
      speaker = undefined;
      growing = '';
      if (hasCalledTool) return end(NO_MORE);
    }
    const [rival] = runs;
    const next = rival?.link ?? order.next(attempts);
    if (!next) return end({ type: 'failed', failure: failureOfChain(attempts) });
    on({ type: 'switched', failure, to: next.vendor.vendor });
    if (over) return;
    if (!rival) return ask(next);
    expectOutput();
  };

  const first = order.next([]);
  if (first) ask(first);
  return { abort: () => end() };
}

/** What it cost is not known. */
const NO_MORE: Thought = { type: 'done', inputTokens: 0, outputTokens: 0 };

const slowness = ({ link }: Run, silentMs: number): VendorFailure => ({
  vendor: link.vendor.vendor,
  role: 'language-model',
  code: 'timeout',
  message: `${link.vendor.vendor} had said nothing for ${silentMs} ms, and another was faster`,
});
