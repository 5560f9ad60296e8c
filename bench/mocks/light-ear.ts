import { MULAW_TO_LINEAR } from '#audio/g711.ts';
import type { Ear, EarFormat, HeardWord, OpenEar, SpeechClip } from '#sandbox/speech/speech.ts';

/** Loudness is measured over this long. */
const BLOCK_MS = 5;
/** Loudness is smoothed over this many: two periods of a low voice, so that where a block begins matters little. */
const SMOOTH_BLOCKS = 4;
/** Mean amplitude above which a block is sound: over the steps of mu-law around zero, under any voice. */
const LOUD = 60;
/** Sound is compared with the clips once there is this much of it, and from then on. */
const DECIDE_BLOCKS = 60;
/** How far the beginning of the sound may lie from that of the clip: a resampler's delay, a cut frame. */
const MAX_SHIFT_BLOCKS = 5;
/** Mean difference of loudness, in octaves, up to which sound is taken for a clip. */
const MAX_DIFFERENCE = 0.6;
/** Silence that ends an utterance which is no clip, or was broken off. */
const GIVE_UP_MS = 700;
/** Pauses shorter than this do not end a sound. */
const PAUSE_MS = 200;

/**
 * Ears that cost next to nothing (a hundredth of the sandbox's own): they know a line by the course of its
 * loudness, from its beginning. They know words only of the given clips, only in quiet, and only lines
 * that are said from the start: enough for callers who read from a script, and for nothing else. They
 * open for 8 kHz alone: what wider sound has above the telephone's band is loudness that clips lack. A
 * word is heard when its end has been received, and not if the sound differs from the clip by then.
 */
export function lightEars(clips: readonly SpeechClip[]): OpenEar {
  const lines = clips.map((clip) => lineOf(clip));
  return (format) => {
    if (format.sampleRateHz !== 8_000)
      throw new RangeError(`A light ear hears 8 kHz, not ${format.sampleRateHz} Hz.`);
    return openLightEar(lines, format);
  };
}

/** A clip as a course of loudness that begins with its first sound. */
type Line = {
  readonly clip: SpeechClip;
  readonly levels: Float32Array;
  readonly onsetMs: number;
};

/** A line that what is being said may be. */
type Candidate = { readonly line: Line; readonly shiftBlocks: number; difference: number };

type Utterance = {
  readonly startMs: number;
  readonly levels: number[];
  /** Undefined: too early to tell. */
  candidates: Candidate[] | undefined;
  said: number;
};

function openLightEar(lines: readonly Line[], format: EarFormat): Ear {
  const blockSamples = (format.sampleRateHz * BLOCK_MS) / 1_000;
  const sampleBytes = format.encoding === 'mulaw' ? 1 : 2;
  const words: HeardWord[] = [];
  let sum = 0;
  let samples = 0;
  let blocks = 0;
  let soundSinceMs: number | undefined;
  let soundUntilMs: number | undefined;
  let utterance: Utterance | undefined;
  const recent = smoother();

  const block = (mean: number, heard: HeardWord[]): void => {
    const startMs = blocks * BLOCK_MS;
    blocks += 1;
    const smooth = recent(mean);
    if (mean > LOUD) {
      if (soundUntilMs === undefined || startMs - soundUntilMs >= PAUSE_MS) soundSinceMs = startMs;
      soundUntilMs = startMs + BLOCK_MS;
      utterance ??= { startMs, levels: [], candidates: undefined, said: 0 };
    }
    if (!utterance) return;
    utterance.levels.push(levelOf(smooth));
    listen(utterance, heard);
    const best = utterance.candidates?.[0];
    const isSaid = best !== undefined && utterance.said >= best.line.clip.words.length;
    if (isSaid || startMs - (soundUntilMs ?? 0) >= GIVE_UP_MS) utterance = undefined;
  };

  const listen = (to: Utterance, heard: HeardWord[]): void => {
    const last = to.levels.length - 1;
    if (to.candidates) {
      for (const one of to.candidates) one.difference += differenceAt(to.levels, one, last);
      // Those that begin alike part ways soon; the likeliest stands first.
      to.candidates = to.candidates
        .filter(({ difference }) => difference / (last + 1) <= MAX_DIFFERENCE)
        .toSorted((one, two) => one.difference - two.difference);
    } else if (last + 1 >= DECIDE_BLOCKS) to.candidates = candidatesFor(lines, to.levels);
    const best = to.candidates?.[0];
    if (!best) return;
    const { clip, onsetMs } = best.line;
    const clipStartMs = to.startMs - onsetMs - best.shiftBlocks * BLOCK_MS;
    for (;;) {
      const word = clip.words[to.said];
      if (!word || clipStartMs + word.endMs > blocks * BLOCK_MS) return;
      const found: HeardWord = {
        text: word.text,
        startMs: clipStartMs + word.startMs,
        endMs: clipStartMs + word.endMs,
        clip,
        wordIndex: to.said,
      };
      to.said += 1;
      words.push(found);
      heard.push(found);
    }
  };

  return {
    write(audio) {
      const heard: HeardWord[] = [];
      for (let at = 0; at + sampleBytes <= audio.length; at += sampleBytes) {
        sum += format.encoding === 'mulaw' ? (AMPLITUDE[audio[at] ?? 0] ?? 0) : linear(audio, at);
        samples += 1;
        if (samples < blockSamples) continue;
        block(sum / blockSamples, heard);
        sum = 0;
        samples = 0;
      }
      return heard;
    },
    end: () => [],
    words,
    get writtenMs() {
      return blocks * BLOCK_MS + (samples * 1_000) / format.sampleRateHz;
    },
    get soundSinceMs() {
      return soundSinceMs;
    },
    get soundUntilMs() {
      return soundUntilMs;
    },
  };
}

/** Every line that the sound so far may be the beginning of, and where it may have begun, likeliest first. */
function candidatesFor(lines: readonly Line[], levels: readonly number[]): Candidate[] {
  const found: Candidate[] = [];
  for (const line of lines) {
    for (let shift = -MAX_SHIFT_BLOCKS; shift <= MAX_SHIFT_BLOCKS; shift++) {
      const candidate: Candidate = { line, shiftBlocks: shift, difference: 0 };
      for (let at = 0; at < levels.length; at++)
        candidate.difference += differenceAt(levels, candidate, at);
      if (candidate.difference / levels.length <= MAX_DIFFERENCE) found.push(candidate);
    }
  }
  return found.toSorted((one, two) => one.difference - two.difference);
}

const differenceAt = (levels: readonly number[], { line, shiftBlocks }: Candidate, at: number) =>
  Math.abs((levels[at] ?? 0) - (line.levels[at + shiftBlocks] ?? QUIET));

function lineOf(clip: SpeechClip): Line {
  const blockSamples = 8 * BLOCK_MS;
  const means: number[] = [];
  for (let from = 0; from < clip.pcm.length; from += blockSamples) {
    let total = 0;
    for (const sample of clip.pcm.subarray(from, from + blockSamples)) total += Math.abs(sample);
    means.push(total / blockSamples);
  }
  const onset = Math.max(
    0,
    means.findIndex((mean) => mean > LOUD),
  );
  const smooth = smoother();
  const levels = means.map((mean) => levelOf(smooth(mean)));
  return {
    clip,
    levels: Float32Array.from(levels.slice(onset)),
    onsetMs: onset * BLOCK_MS,
  };
}

/** Running mean over the last blocks. */
function smoother(): (mean: number) => number {
  const last = new Float32Array(SMOOTH_BLOCKS);
  let at = 0;
  return (mean) => {
    last[at++ % SMOOTH_BLOCKS] = mean;
    let sum = 0;
    for (const one of last) sum += one;
    return sum / SMOOTH_BLOCKS;
  };
}

/** Loudness in octaves; everything that is nearly silent is alike. */
function levelOf(mean: number): number {
  return Math.log2(32 + mean);
}

const QUIET = levelOf(0);

const AMPLITUDE = Uint16Array.from(MULAW_TO_LINEAR, (sample) => Math.abs(sample));

function linear(audio: Uint8Array, at: number): number {
  const value = (audio[at] ?? 0) | ((audio[at + 1] ?? 0) << 8);
  return value >= 0x8000 ? 0x10000 - value : value;
}
