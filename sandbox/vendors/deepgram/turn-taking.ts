/** When the recogniser is sure that a finished sentence was the last one; milliseconds of silence after its last word. */
export type TurnTiming = {
  /** Where the confidence reaches 0.7, Flux's default `eot_threshold`. */
  readonly endOfTurnMs: number;
  /** Where the confidence reaches 0.5. */
  readonly eagerEndOfTurnMs: number;
};

/**
 * How sure it is that a turn with these words is over after this much silence: 0 to 1, rising with
 * silence, always the same for the same input.
 *
 * - A finished sentence: 0.05 at its last word, 0.5 after `eagerEndOfTurnMs`, 0.7 after
 *   `endOfTurnMs`, 0.9 after twice that, at most 0.97.
 * - An unfinished one (no terminal punctuation, or a last word that asks for more): 0.02 at its
 *   last word, 0.25 after 3 s, 0.45 after 5 s, 0.6 after 10 s, at most 0.75.
 */
export function endOfTurnConfidence(
  transcript: string,
  silenceMs: number,
  timing: TurnTiming,
): number {
  const { endOfTurnMs, eagerEndOfTurnMs } = timing;
  return interpolate(
    soundsFinished(transcript)
      ? [
          [0, 0.05],
          [eagerEndOfTurnMs, 0.5],
          [endOfTurnMs, 0.7],
          [endOfTurnMs * 2, 0.9],
          [endOfTurnMs * 4, 0.97],
        ]
      : [
          [0, 0.02],
          [3_000, 0.25],
          [5_000, 0.45],
          [10_000, 0.6],
          [20_000, 0.75],
        ],
    silenceMs,
  );
}

/** Words after which English goes on, whatever the punctuation says. */
const OPEN_ENDED =
  /\b(?:and|but|or|because|the|a|an|my|your|our|their|um|uh|er|(?:number|name|address|email|code|date|birthday) is)$/i;

/** Whether the words could stand as they are: they end as a sentence does, on a word that asks for no more. */
export function soundsFinished(transcript: string): boolean {
  const text = transcript.trim();
  if (!/[.!?]["')\]]*$/.test(text) || /(?:\.\.|…)["')\]]*$/.test(text)) return false;
  return !OPEN_ENDED.test(text.replace(/[.!?"')\]]+$/, ''));
}

type Point = readonly [atMs: number, confidence: number];

function interpolate(points: readonly Point[], atMs: number): number {
  let before: Point = [0, 0];
  for (const point of points) {
    if (atMs <= point[0]) {
      const widthMs = point[0] - before[0];
      const share = widthMs <= 0 ? 1 : (atMs - before[0]) / widthMs;
      return before[1] + share * (point[1] - before[1]);
    }
    before = point;
  }
  return before[1];
}
