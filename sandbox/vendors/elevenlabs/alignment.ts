import type { SpeechClip } from '../../speech/speech.ts';

/** One character and when it is spoken, from the first sample of its clip. */
export type CharacterTime = {
  readonly character: string;
  readonly startMs: number;
  readonly endMs: number;
};

/**
 * When each character of a clip's text is spoken. The characters of a word share its time evenly; white
 * space fills what is between words, and what stands around the text takes no time.
 */
export function characterTimes(clip: SpeechClip, text: string): readonly CharacterTime[] {
  const clipMs = clip.pcm.length / 8;
  const times: CharacterTime[] = [];
  let wordIndex = -1;
  let place = 0;
  for (const [index, character] of Array.from(text).entries()) {
    const isSpace = /\s/.test(character);
    const previous = times.at(-1);
    if (isSpace) {
      const next = clip.words[wordIndex + 1];
      const startMs = previous?.endMs ?? 0;
      times.push({ character, startMs, endMs: next ? next.startMs : clipMs });
      continue;
    }
    if (index === 0 || /\s/.test(previous?.character ?? ' ')) {
      wordIndex += 1;
      place = 0;
    }
    const word = clip.words[wordIndex];
    if (!word) throw new Error(`the clip of "${text}" has too few words`);
    const stepMs = (word.endMs - word.startMs) / Array.from(word.text).length;
    times.push({
      character,
      startMs: word.startMs + place * stepMs,
      endMs: word.startMs + (place + 1) * stepMs,
    });
    place += 1;
  }
  return times;
}

/** As a socket says it: milliseconds from the first sample of the piece of audio it came with. */
export function socketAlignment(times: readonly CharacterTime[], fromMs: number): object | null {
  if (times.length === 0) return null;
  const starts = times.map(({ startMs }) => Math.round(startMs - fromMs));
  return {
    chars: times.map(({ character }) => character),
    charStartTimesMs: starts,
    charDurationsMs: times.map(
      ({ endMs }, index) => Math.round(endMs - fromMs) - (starts[index] ?? 0),
    ),
  };
}

/** As an HTTP answer says it: seconds from the first sample of all of its audio. */
export const httpAlignment = (times: readonly CharacterTime[], beganMs: number): object => ({
  characters: times.map(({ character }) => character),
  character_start_times_seconds: times.map(({ startMs }) => seconds(beganMs + startMs)),
  character_end_times_seconds: times.map(({ endMs }) => seconds(beganMs + endMs)),
});

/** To the microsecond: finer than a sample at any rate. */
const seconds = (ms: number): number => Math.round(ms * 1_000) / 1_000_000;
