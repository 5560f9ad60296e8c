import { bytesPerSample, LOUD_AMPLITUDE, msOf, sampleAt } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';

/**
 * Cuts the caller's audio into segments where nobody asks for it: after a pause, before a segment grows
 * too long, and where the service seems to have stopped listening.
 */
export type PauseFinder = {
  /** Whether the segment is to end after this audio, which should be a tenth of a second or less. */
  write(audio: Uint8Array): boolean;
  /** How long it has been quiet; 0 while somebody speaks, and before the first audio of a segment. */
  readonly quietMs: number;
  /** The last audio was loud: a cut here may go through a word. */
  readonly isSpeech: boolean;
  /** Words of the segment have come. */
  heard(): void;
  /** A new segment begins. */
  reset(): void;
};

/** Speech of less than this is a click. */
const MIN_SPEECH_MS = 80;
/**
 * A pause that ends a segment. Longer than those inside a sentence, since a sentence cut in two is
 * understood worse, and than whoever listens needs to ask for the end of it sooner.
 */
const PAUSE_MS = 700;
/** From here on a shorter pause is enough, and from the next on none is needed. */
const LONG_SEGMENT_MS = 15_000;
const SHORT_PAUSE_MS = 160;
const LONGEST_SEGMENT_MS = 30_000;
/**
 * The service is known to fall silent in the middle of a segment, and to listen again from the next one
 * on. So much loud audio without a word is that, or no speech; twice as much where it never gets quiet.
 */
const DEAF_MS = 5_000;
/** Of 40 samples one; fewer are a click. */
const LOUD_SHARE = 1 / 40;

export function createPauseFinder(format: AudioFormat): PauseFinder {
  let segmentMs = 0;
  let speechMs = 0;
  let quietMs = 0;
  let unheardMs = 0;
  let isSpeech = false;

  return {
    write(audio) {
      const lengthMs = msOf(audio.length, format);
      segmentMs += lengthMs;
      isSpeech = isSpoken(audio, format);
      if (isSpeech) {
        speechMs += lengthMs;
        unheardMs += lengthMs;
        quietMs = 0;
      } else quietMs += lengthMs;
      if (segmentMs >= LONGEST_SEGMENT_MS || unheardMs >= 2 * DEAF_MS) return true;
      if (unheardMs >= DEAF_MS && !isSpeech) return true;
      if (segmentMs >= LONG_SEGMENT_MS && quietMs >= SHORT_PAUSE_MS) return true;
      return speechMs >= MIN_SPEECH_MS && quietMs >= PAUSE_MS;
    },
    get quietMs() {
      return quietMs;
    },
    get isSpeech() {
      return isSpeech;
    },
    heard() {
      unheardMs = 0;
    },
    reset() {
      isSpeech = false;
      segmentMs = 0;
      speechMs = 0;
      quietMs = 0;
      unheardMs = 0;
    },
  };
}

function isSpoken(audio: Uint8Array, format: AudioFormat): boolean {
  const step = bytesPerSample(format);
  let loudCount = 0;
  for (let at = 0; at < audio.length; at += step)
    if (Math.abs(sampleAt(audio, at, format)) >= LOUD_AMPLITUDE) loudCount++;
  return loudCount > (audio.length / step) * LOUD_SHARE;
}
