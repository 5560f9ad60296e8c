import type { VoiceActivityEvent } from '#contracts/voice-activity.ts';

/** One judged window of a stream. */
export type JudgedWindow = {
  readonly startMs: number;
  readonly endMs: number;
  /** 0 to 1; 0 for a window the model was spared. */
  readonly probability: number;
  /** Where the last loud sound of the window ends, counted from its start; 0: it is silent. */
  readonly loudUntilMs: number;
};

export type Speech =
  /** `sinceMs`: start of the windows in a row, so far too few, that sound like speech. */
  | { readonly name: 'silence'; readonly sinceMs: number; readonly windows: number }
  | {
      readonly name: 'speech';
      readonly startMs: number;
      /** End of the last speech so far. */
      readonly untilMs: number;
      /** Windows in a row that do not sound like speech. */
      readonly windows: number;
    };

export const SILENCE: Speech = { name: 'silence', sinceMs: 0, windows: 0 };

/** The model's own recommendation; higher ones miss the soft beginnings that a phone line leaves. */
const START_PROBABILITY = 0.5;
/** Lower than the start, so that a voice near one threshold does not flap between two states. */
const STOP_PROBABILITY = 0.35;
/** 64 ms: longer than a click, a plosive of line noise or a key tone's edge; shorter than any word. */
const START_WINDOWS = 2;
/** 96 ms: longer than the closure of a "t" or "k" within a word, and short before any pause that counts. */
const STOP_WINDOWS = 3;

/** Turns probabilities into speech with a beginning and an end. Pure; windows come in order. */
export function nextSpeech(
  speech: Speech,
  window: JudgedWindow,
): { readonly speech: Speech; readonly event?: VoiceActivityEvent } {
  if (speech.name === 'silence') {
    if (window.probability < START_PROBABILITY) return { speech: SILENCE };
    const sinceMs = speech.windows === 0 ? window.startMs : speech.sinceMs;
    const windows = speech.windows + 1;
    if (windows < START_WINDOWS) return { speech: { name: 'silence', sinceMs, windows } };
    return {
      speech: {
        name: 'speech',
        startMs: sinceMs,
        untilMs: soundEndMs(window, sinceMs),
        windows: 0,
      },
      event: { type: 'started', audioMs: sinceMs },
    };
  }
  if (window.probability >= STOP_PROBABILITY) {
    const untilMs = soundEndMs(window, speech.untilMs);
    return { speech: { ...speech, untilMs, windows: 0 } };
  }
  const windows = speech.windows + 1;
  if (windows < STOP_WINDOWS) return { speech: { ...speech, windows } };
  return { speech: SILENCE, event: { type: 'stopped', audioMs: speech.untilMs } };
}

/** The model goes on believing for a moment after the last sound; what cannot be heard was not spoken. */
const soundEndMs = (window: JudgedWindow, untilMs: number): number =>
  window.loudUntilMs === 0 ? untilMs : window.startMs + window.loudUntilMs;
