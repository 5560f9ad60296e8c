/** Whether a stream's windows go through the model. Most of a call's audio is silence, which needs no model to tell. */
export type Gate = {
  readonly open: boolean;
  /** Silent windows since the last loud one. */
  readonly silentWindows: number;
};

export const CLOSED_GATE: Gate = { open: false, silentWindows: 0 };

/**
 * The gate stays open this long after the last loud window (8 × 32 ms), so that the quiet parts between
 * words and the soft end of a sentence are judged by the model and its memory is not cut in mid-speech.
 */
const CLOSE_AFTER_WINDOWS = 8;

/** It opens with a loud window, and closes after some silence unless the stream is in speech. */
export function nextGate(gate: Gate, isLoud: boolean, inSpeech: boolean): Gate {
  if (isLoud) return { open: true, silentWindows: 0 };
  if (!gate.open) return gate;
  const silentWindows = gate.silentWindows + 1;
  return { open: inSpeech || silentWindows < CLOSE_AFTER_WINDOWS, silentWindows };
}

/**
 * Windows from before the gate opened that the model hears first (4 × 32 ms): the onset of a word is often
 * too soft to open the gate, and a model that has heard nothing yet is slow to believe in speech.
 */
export const PRE_ROLL_WINDOWS = 4;
