import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { CallRecord, Span, StepRecord } from './record.ts';

/** One stretch of the conversation by one side, as it sounded on the line. */
export type SpokenTurn = Span & {
  readonly role: 'caller' | 'agent';
  readonly text: string;
  readonly words: readonly WordSpan[];
};

export type CallerTurnReport = SpokenTurn & {
  /** End of the caller's last word to the agent's first sound; undefined when no answer came. */
  readonly voiceToVoiceMs: number | undefined;
  /** The agent began to speak before the caller's last word began. */
  readonly cutIn: boolean;
};

export type BargeIn = {
  /** The interrupting speech began. */
  readonly atMs: number;
  /** From there to the last sound of the agent before a silence of 200 ms; undefined when it was not speaking. */
  readonly bargeInMs: number | undefined;
  /** The agent's words that were heard before it fell silent, since its utterance began. */
  readonly heard: string;
};

export type CallReport = {
  readonly callerTurns: readonly CallerTurnReport[];
  readonly voiceToVoiceMs: readonly number[];
  readonly bargeIns: readonly BargeIn[];
  /** Whether the agent began to speak inside a hesitation of the caller. */
  readonly cutInOnHesitation: boolean;
  readonly agentUtterances: readonly SpokenTurn[];
  /** Both sides in the order in which they began. */
  readonly transcript: readonly SpokenTurn[];
};

/** Silence that ends a stretch of the agent's sound. */
const STRETCH_GAP_MS = 200;
/** Silence after which more words of the agent are another utterance, though the caller said nothing. */
const UTTERANCE_GAP_MS = 1_500;
/** An agent that pauses between two sentences when the interruption begins may still start the second. */
const REACTION_MS = 300;

/** What the caller's side of a call shows of the agent. Pure. */
export function callReport(record: CallRecord): CallReport {
  const stretches = joined(record.agentSound, STRETCH_GAP_MS);
  const turns = record.steps.filter((step) => isTurn(step) && step.said.length > 0);
  const utterances = utterancesOf(
    record.agentWords,
    turns.map((turn) => wordsSpan(turn.said).endMs),
  );
  const callerTurns = turns.map((turn, index) => callerTurn(turn, turns[index + 1], stretches));
  const hesitations = record.steps.flatMap(({ hesitation }) => hesitation ?? []);
  return {
    callerTurns,
    voiceToVoiceMs: callerTurns.flatMap(({ voiceToVoiceMs }) => voiceToVoiceMs ?? []),
    bargeIns: turns
      .filter(({ step }) => 'interrupt' in step)
      .map((turn) =>
        bargeIn(wordsSpan(turn.said).startMs, record.agentWords, stretches, utterances),
      ),
    cutInOnHesitation: hesitations.some((pause) =>
      stretches.some(({ startMs }) => startMs >= pause.startMs && startMs < pause.endMs),
    ),
    agentUtterances: utterances,
    transcript: [
      ...utterances,
      ...callerTurns.map(({ role, text, words, startMs, endMs }) => ({
        role,
        text,
        words,
        startMs,
        endMs,
      })),
    ].toSorted((left, right) => left.startMs - right.startMs),
  };
}

/** Sounds of assent and coughs are no turns: nobody owes them an answer. */
const isTurn = ({ step }: StepRecord): boolean =>
  'say' in step || 'hesitate' in step || 'interrupt' in step;

function callerTurn(
  turn: StepRecord,
  next: StepRecord | undefined,
  stretches: readonly Span[],
): CallerTurnReport {
  const words = turn.said;
  const { startMs, endMs } = wordsSpan(words);
  const lastWordMs = words.at(-1)?.startMs ?? startMs;
  const untilMs = next ? wordsSpan(next.said).startMs : Infinity;
  const answer = stretches.find(
    (stretch) => stretch.startMs >= lastWordMs && stretch.startMs < untilMs,
  );
  return {
    role: 'caller',
    text: textOf(words),
    words,
    startMs,
    endMs,
    voiceToVoiceMs: answer && answer.startMs - endMs,
    cutIn: stretches.some((stretch) => stretch.startMs > startMs && stretch.startMs < lastWordMs),
  };
}

function bargeIn(
  atMs: number,
  agentWords: readonly WordSpan[],
  stretches: readonly Span[],
  utterances: readonly SpokenTurn[],
): BargeIn {
  const cut = stretches.findLast(
    ({ startMs, endMs }) => startMs <= atMs + REACTION_MS && endMs > atMs,
  );
  const sinceMs = utterances.findLast(({ startMs }) => startMs <= atMs)?.startMs ?? atMs;
  const untilMs = cut?.endMs ?? atMs;
  const heard = agentWords.filter(({ startMs }) => startMs >= sinceMs && startMs < untilMs);
  return { atMs, bargeInMs: cut && cut.endMs - atMs, heard: textOf(heard) };
}

/** Groups the agent's words: a new utterance begins after a turn of the caller, or a long silence. */
function utterancesOf(
  words: readonly WordSpan[],
  turnEndsMs: readonly number[],
): readonly SpokenTurn[] {
  const groups: WordSpan[][] = [];
  for (const word of words.toSorted((left, right) => left.startMs - right.startMs)) {
    const previous = groups.at(-1)?.at(-1);
    const apart =
      !previous ||
      word.startMs - previous.endMs >= UTTERANCE_GAP_MS ||
      turnEndsMs.some((endMs) => previous.startMs < endMs && endMs <= word.startMs);
    if (apart) groups.push([word]);
    else groups.at(-1)?.push(word);
  }
  return groups.map((group) => ({
    role: 'agent',
    text: textOf(group),
    words: group,
    ...wordsSpan(group),
  }));
}

/** Spans with gaps shorter than `gapMs` between them become one. */
export function joined(spans: readonly Span[], gapMs: number): readonly Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && span.startMs - last.endMs < gapMs)
      result[result.length - 1] = { startMs: last.startMs, endMs: span.endMs };
    else result.push(span);
  }
  return result;
}

const textOf = (words: readonly WordSpan[]): string => words.map(({ text }) => text).join(' ');

const wordsSpan = (words: readonly WordSpan[]): Span => ({
  startMs: words[0]?.startMs ?? 0,
  endMs: words.at(-1)?.endMs ?? 0,
});
