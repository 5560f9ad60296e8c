import type { CallRecord } from '#sandbox/caller/record.ts';
import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { JournalEntry } from '#store/store.ts';

/** What a call left behind, at the caller's ear and in the server's own words. */
export type CallEvidence = {
  readonly record: CallRecord;
  /** The caller's turns as they were written down. */
  readonly transcript: string;
  readonly endReason: string | undefined;
  readonly endDetail: string | null | undefined;
  /** Of the carrier, of faults of the program, and of what was left open. */
  readonly complaints: readonly string[];
  /** When a vendor of a chain was replaced, in ms since the answer. */
  readonly switchesMs: readonly number[];
  /** What happened, for whoever looks for the reason of a failed case. */
  readonly journal: readonly JournalEntry[];
};

export type CallScript = { readonly agentText: string; readonly callerText: string };

export type CallJudgement = {
  /** Undefined: the call went to its end. */
  readonly dropped: string | undefined;
  readonly lost: readonly string[];
  readonly repeated: readonly string[];
  /** For each word that the agent was to say. */
  readonly words: readonly HeardAfter[];
  readonly switchesMs: readonly number[];
};

/** When a word began, and the longest silence since the word before it; undefined: it was not heard. */
export type HeardAfter = { readonly startMs: number; readonly silenceMs: number } | undefined;

/** Said to bridge a silence: it stands for no word of the reply. */
const FILLER = ['one', 'moment', 'please'];

/** Compares what was to be said with what was heard, both ways. Pure. */
export function judgeCall(evidence: CallEvidence, script: CallScript): CallJudgement {
  const { record, transcript, endReason, endDetail, complaints } = evidence;
  const spans = withoutFiller(record.agentWords);
  const agent = align(
    plainWords(script.agentText),
    spans.map(({ text }) => plainWords(text).join('')),
  );
  const caller = align(plainWords(script.callerText), plainWords(transcript));
  const reasons = [
    ...(endReason === 'agent_hangup'
      ? []
      : [`ended with ${endReason ?? 'nothing'}, ${endDetail ?? ''}`]),
    ...(record.problem === undefined ? [] : [record.problem]),
    ...complaints,
  ];
  return {
    dropped: reasons.length === 0 ? undefined : reasons.join('; '),
    lost: [
      ...agent.lost.map((word) => `agent: ${word}`),
      ...caller.lost.map((word) => `caller: ${word}`),
    ],
    repeated: [
      ...agent.added.map((word) => `agent: ${word}`),
      ...caller.added.map((word) => `caller: ${word}`),
    ],
    words: heardAfter(record, spans, agent.places),
    switchesMs: evidence.switchesMs,
  };
}

export type Gap = {
  /** Silence beyond that of the call without the fault, at the word where it is longest. */
  readonly addedMs: number;
  /** What of it is left after the vendor was given up, or after `detectionMs` if that took longer. */
  readonly gapMs: number;
};

/**
 * How much longer than in `without` the caller had to wait for a word, at most. From the beginning of
 * the silence to the moment at which the vendor was replaced the fault could not be told from slowness:
 * that, up to `detectionMs`, is detection and no gap; where no vendor was replaced all of it is gap. Pure.
 */
export function longestGap(
  withFault: CallJudgement,
  without: CallJudgement,
  detectionMs: number,
): Gap {
  let longest: Gap = { addedMs: 0, gapMs: 0 };
  for (const [index, word] of withFault.words.entries()) {
    const usual = without.words[index];
    if (!word || !usual) continue;
    const addedMs = Math.max(0, word.silenceMs - usual.silenceMs);
    const sinceMs = word.startMs - word.silenceMs;
    const switchMs = withFault.switchesMs.findLast((atMs) => atMs <= word.startMs) ?? sinceMs;
    const detectedMs = Math.min(detectionMs, Math.max(0, switchMs - sinceMs));
    const gapMs = Math.max(0, addedMs - detectedMs);
    longest = {
      addedMs: Math.max(longest.addedMs, addedMs),
      gapMs: Math.max(longest.gapMs, gapMs),
    };
  }
  return longest;
}

/** Words as they compare: small letters and digits, and the apostrophe inside a word. */
export const plainWords = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}' ]/gu, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');

export type Alignment = {
  readonly lost: readonly string[];
  readonly added: readonly string[];
  /** For each expected word its place among those that came; undefined: lost. */
  readonly places: readonly (number | undefined)[];
};

/** The longest common subsequence decides which word is which. */
export function align(expected: readonly string[], came: readonly string[]): Alignment {
  const rows = expected.length + 1;
  const columns = came.length + 1;
  const lengths = new Uint16Array(rows * columns);
  const at = (row: number, column: number): number => lengths[row * columns + column] ?? 0;
  for (let row = expected.length - 1; row >= 0; row--)
    for (let column = came.length - 1; column >= 0; column--)
      lengths[row * columns + column] =
        expected[row] === came[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));

  const places: (number | undefined)[] = [];
  const lost: string[] = [];
  const added: string[] = [];
  let column = 0;
  for (const [row, word] of expected.entries()) {
    while (column < came.length && word !== came[column] && at(row, column + 1) >= at(row, column))
      added.push(came[column++] ?? '');
    if (word === came[column]) places.push(column++);
    else {
      places.push(undefined);
      lost.push(word);
    }
  }
  added.push(...came.slice(column));
  return { lost, added, places };
}

function withoutFiller(words: readonly WordSpan[]): readonly WordSpan[] {
  const plain = words.map(({ text }) => plainWords(text).join(''));
  const starts = plain.flatMap((_, index) =>
    FILLER.every((word, offset) => plain[index + offset] === word) ? [index] : [],
  );
  return words.filter((_, index) =>
    starts.every((start) => index < start || index >= start + FILLER.length),
  );
}

function heardAfter(
  { steps, agentSound }: CallRecord,
  spans: readonly WordSpan[],
  places: readonly (number | undefined)[],
): readonly HeardAfter[] {
  const callerEndsMs = steps.flatMap(({ said }) => said.at(-1)?.endMs ?? []);
  return places.map((place) => {
    const word = place === undefined ? undefined : spans[place];
    if (!word || place === undefined) return undefined;
    const agentEndMs = spans[place - 1]?.endMs ?? 0;
    const callerEndMs = callerEndsMs.findLast((endMs) => endMs <= word.startMs) ?? 0;
    // While the caller speaks nobody waits.
    const fromMs = Math.max(agentEndMs, callerEndMs);
    return {
      startMs: word.startMs,
      silenceMs: longestSilenceMs(agentSound, fromMs, word.startMs),
    };
  });
}

/** The longest stretch without a sound of the agent. */
function longestSilenceMs(
  sounds: CallRecord['agentSound'],
  fromMs: number,
  untilMs: number,
): number {
  let silentSinceMs = fromMs;
  let longestMs = 0;
  for (const { startMs, endMs } of sounds) {
    if (endMs <= fromMs) continue;
    if (startMs >= untilMs) break;
    longestMs = Math.max(longestMs, startMs - silentSinceMs);
    silentSinceMs = Math.max(silentSinceMs, endMs);
  }
  return Math.max(longestMs, untilMs - silentSinceMs);
}
