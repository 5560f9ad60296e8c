import type { Ask, RecordedReply } from './asks.ts';

/** When something of a reply was played. */
export type Mark = {
  readonly playedMs: number;
  readonly atMs: number;
  /** The place of the recorded mark in the journal; undefined: there was none, and the time is reckoned. */
  readonly stepIndex: number | undefined;
};

/** How much sound of a reply was made while it was recorded, and whether that is all of it. */
export function soundOf({ speech }: RecordedReply): {
  readonly lengthMs: number;
  readonly isAll: boolean;
} {
  const inputs = speech.flatMap(({ answers }) => answers.map(({ input }) => input));
  return {
    lengthMs: Math.max(
      0,
      ...inputs.map((input) => (input.type === 'speech-audio' ? input.audioMs : 0)),
    ),
    isAll: inputs.some(({ type }) => type === 'speech-done'),
  };
}

/**
 * When the line would have told what of a reply was played, had its audio been let go at `startMs`: as
 * it did when it was recorded, as long as it was then playing; beyond that by the rule that a line
 * plays a second of sound in a second. In order.
 */
export function marksOf(
  reply: RecordedReply,
  stretch: { readonly index: number; readonly fromMs: number; readonly startMs: number },
): readonly Mark[] {
  const recorded = recordedStretch(reply, stretch);
  const shiftMs = recorded ? stretch.startMs - recorded.startMs : 0;
  const live: readonly Mark[] = (recorded?.marks ?? []).map((mark) => ({
    ...mark,
    atMs: mark.atMs + shiftMs,
  }));
  // It was not silenced: the line told all that it had to tell.
  if (recorded && recorded.cutMs === undefined) return live;
  const last = live.at(-1) ?? {
    playedMs: stretch.fromMs,
    atMs: stretch.startMs + lagMs(reply),
  };
  const further = positionsOf(reply).filter((playedMs) => playedMs > last.playedMs);
  // What had not been played when it was silenced would have been later.
  const earliestMs = (recorded?.cutMs ?? -Infinity) + shiftMs;
  const lateMs = Math.max(0, earliestMs - (last.atMs + (further[0] ?? 0) - last.playedMs));
  return [
    ...live,
    ...further.map((playedMs) => ({
      playedMs,
      atMs: last.atMs + playedMs - last.playedMs + lateMs,
      stepIndex: undefined,
    })),
  ];
}

/** Marks that came after the line had been silenced, by how long after. */
export function lateMarksOf(
  reply: RecordedReply,
  stretchIndex: number,
): readonly (Mark & { readonly afterMs: number })[] {
  const ask = reply.stretches[stretchIndex];
  const cutMs = ask?.cutMs;
  if (!ask || cutMs === undefined) return [];
  return marksIn(ask, 'late').map((mark) => ({ ...mark, afterMs: mark.atMs - cutMs }));
}

function recordedStretch(
  reply: RecordedReply,
  { index, fromMs }: { readonly index: number; readonly fromMs: number },
):
  | {
      readonly startMs: number;
      readonly cutMs: number | undefined;
      readonly marks: readonly Mark[];
    }
  | undefined {
  const ask = reply.stretches[index];
  if (ask?.effect.type !== 'release-audio' || Math.abs(ask.effect.fromMs - fromMs) > 1)
    return undefined;
  const startMs = startOf(reply, ask);
  if (startMs === undefined) return undefined;
  return { startMs, cutMs: ask.cutMs, marks: marksIn(ask, 'live') };
}

/** When its sound could begin: it was let go, and there was some. */
function startOf(reply: RecordedReply, ask: Ask): number | undefined {
  const fromMs = ask.effect.type === 'release-audio' ? ask.effect.fromMs : 0;
  for (const { answers } of reply.speech)
    for (const { input } of answers)
      if (input.type === 'speech-audio' && input.audioMs > fromMs)
        return Math.max(ask.atMs, input.atMs);
  return undefined;
}

/** `live`: told while it was let go; `late`: on its way when the line was silenced. */
const marksIn = (ask: Ask, when: 'live' | 'late'): readonly Mark[] =>
  ask.answers.flatMap(({ input, stepIndex }) =>
    input.type === 'played' && stepIndex > ask.cutStep === (when === 'late')
      ? [{ playedMs: input.playedMs, atMs: input.atMs, stepIndex }]
      : [],
  );

/** How much later than it was played the line tells that something was: the middle of what was recorded. */
function lagMs(reply: RecordedReply): number {
  const lags = reply.stretches
    .flatMap((ask) => {
      const startMs = startOf(reply, ask);
      const fromMs = ask.effect.type === 'release-audio' ? ask.effect.fromMs : 0;
      if (startMs === undefined) return [];
      return marksIn(ask, 'live').map(({ atMs, playedMs }) => atMs - startMs - (playedMs - fromMs));
    })
    .toSorted((one, other) => one - other);
  return Math.max(0, lags[Math.floor(lags.length / 2)] ?? 0);
}

/** Where the line may tell how far it is: at the ends of words, and where it did. */
function positionsOf(reply: RecordedReply): readonly number[] {
  const { lengthMs } = soundOf(reply);
  const places = new Set<number>([lengthMs]);
  for (const { answers } of reply.speech)
    for (const { input } of answers)
      if (input.type === 'speech-words') for (const { endMs } of input.words) places.add(endMs);
  for (const stretch of reply.stretches)
    for (const { input } of stretch.answers)
      if (input.type === 'played') places.add(input.playedMs);
  return [...places].filter((ms) => ms > 0 && ms <= lengthMs).toSorted((a, b) => a - b);
}
