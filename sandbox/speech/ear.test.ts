import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOf, clipAudio, encodeAudio, noise, withGain, withNoise } from './clip-audio.ts';
import { openEar } from './ear.ts';
import { createVoiceBank } from './voice-bank.ts';
import type { Ear, EarFormat, SpeechClip, WordSpan } from './speech.ts';

const MULAW: EarFormat = { encoding: 'mulaw', sampleRateHz: 8_000 };
const FORMATS: readonly EarFormat[] = [
  MULAW,
  { encoding: 'linear16', sampleRateHz: 8_000 },
  { encoding: 'linear16', sampleRateHz: 16_000 },
  { encoding: 'linear16', sampleRateHz: 24_000 },
];

const KNOWN = [
  'I would like to book a table for 7 people.',
  'I would like to cancel my booking, please.',
  "No, not today. I'll call you to-morrow.",
  'Could you tell me, um, what your hours are on Sunday?',
  'Yes.',
];
/** Words that no known sentence has, said by the same voices. */
const UNKNOWN = [
  'Quick brown foxes jump over lazy dogs.',
  'Zebras enjoy grassy plains in Africa.',
  'Seventeen oranges fell down behind that old wooden bridge.',
];

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
let strangers: readonly SpeechClip[];
beforeAll(async () => {
  bank = await createVoiceBank();
  await using other = await createVoiceBank();
  const speakers = ['slt', 'rms', 'kal'];
  await Promise.all(speakers.flatMap((voice) => KNOWN.map((text) => bank.speak(text, voice))));
  strangers = await Promise.all(
    speakers.flatMap((voice) => UNKNOWN.map((text) => other.speak(text, voice))),
  );
});
afterAll(() => bank[Symbol.asyncDispose]());

const SIBILANT = 'Six boxes of fresh fish cost sixty six cents, she says.';

const join = (...parts: readonly Int16Array[]): Int16Array =>
  Int16Array.from(parts.flatMap((part) => [...part]));
const quiet = (ms: number): Int16Array => new Int16Array(8 * ms);
const at = (ms: number): number => Math.round(8 * ms);
const textOf = (words: readonly { readonly text: string }[]): string =>
  words.map(({ text }) => text).join(' ');

/** Writes sound in packets, and how late (in ms of further sound) the latest word was answered. */
function listen(
  pcm: Int16Array,
  format: EarFormat = MULAW,
  packetMs = 20,
): { readonly ear: Ear; readonly text: string; readonly lateMs: number } {
  const ear = openEar(bank)(format);
  const audio = encodeAudio(pcm, format);
  const step = bytesOf(packetMs, format);
  let lateMs = 0;
  for (let n = 0; n < audio.length; n += step)
    for (const { endMs } of ear.write(audio.subarray(n, n + step)))
      lateMs = Math.max(lateMs, ear.writtenMs - endMs);
  return { ear, text: textOf(ear.words), lateMs };
}

const clipOf = (text: string, voice = 'slt'): SpeechClip => {
  const clip = bank.clips.find((one) => one.text.startsWith(text) && one.voice === voice);
  if (!clip) throw new Error(`not in the bank: ${text}`);
  return clip;
};

const clipAt = (n: number): SpeechClip => {
  const clip = bank.clips[n];
  if (!clip) throw new Error(`the bank has no clip ${n}`);
  return clip;
};

/** Stands for one word of one clip; see `placeOf`. A number, so that a failure is reported in a line. */
const anyWord = fc.nat(10_000);
const placeOf = (
  n: number,
): { readonly clip: SpeechClip; readonly word: WordSpan; readonly index: number } => {
  const places = bank.clips.flatMap((clip) =>
    clip.words.map((word, index) => ({ clip, word, index })),
  );
  const place = places[n % places.length];
  if (!place) throw new Error('the bank is empty');
  return place;
};
const anyFormat = fc.constantFrom(...FORMATS);
const before = (clip: SpeechClip, index: number): string => textOf(clip.words.slice(0, index));

describe('an ear', () => {
  test('hears every word of every clip once, in order, with its times and its place', () => {
    for (const clip of bank.clips) {
      const { ear, lateMs } = listen(join(quiet(100), clip.pcm));
      expect(textOf(ear.words)).toBe(clip.text);
      expect(lateMs).toBeLessThanOrEqual(60);
      for (const [i, heard] of ear.words.entries()) {
        expect(heard.wordIndex).toBe(i);
        expect(heard.clip.voice).toBe(clip.voice);
        expect(heard.startMs).toBeCloseTo((clip.words[i]?.startMs ?? 0) + 100, 0);
        expect(heard.endMs).toBeCloseTo((clip.words[i]?.endMs ?? 0) + 100, 0);
      }
    }
  });

  test('hears through mu-law and resampling, at any level, in packets of any size', () => {
    fc.assert(
      fc.property(
        fc.nat(bank.clips.length - 1),
        anyFormat,
        fc.integer({ min: -12, max: 12 }),
        fc.integer({ min: 1, max: 130 }),
        (n, format, db, packetMs) => {
          const clip = clipAt(n);
          const loud = withGain(clip.pcm, db);
          // What clips at full scale is another sound.
          fc.pre(loud.every((sample) => Math.abs(sample) < 32_767));
          expect(listen(loud, format, packetMs).text).toBe(clip.text);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('hears on a line with noise 15 dB below the speech', () => {
    for (const clip of bank.clips)
      expect(listen(withNoise(join(quiet(500), clip.pcm), 15, 5).slice(at(450))).text).toBe(
        clip.text,
      );
  });

  test('hears sound whose samples lie between those of the clip', () => {
    const format: EarFormat = { encoding: 'linear16', sampleRateHz: 24_000 };
    for (const skipped of [1, 2, 4, 5]) {
      const clip = clipOf('Could you');
      const ear = openEar(bank)(format);
      ear.write(encodeAudio(clip.pcm, format).subarray(2 * skipped));
      expect(textOf(ear.words)).toBe(clip.text);
    }
  });

  test('has heard a word as soon as its last sample came, if nothing follows at all', () => {
    fc.assert(
      fc.property(anyWord, anyFormat, (n, format) => {
        const { clip, word, index } = placeOf(n);
        const { ear } = listen(clip.pcm.slice(0, at(word.endMs)), format);
        ear.end();
        expect(textOf(ear.words)).toBe(before(clip, index + 1));
      }),
      { numRuns: 60 },
    );
  });

  test('has heard it, too, when silence or other speech follows at once', () => {
    fc.assert(
      fc.property(anyWord, fc.boolean(), (n, isSilence) => {
        const { clip, word, index } = placeOf(n);
        const next = clipOf('No, not', 'rms');
        const rest = isSilence ? quiet(200) : next.pcm.slice(at(40));
        const { text, lateMs } = listen(join(clip.pcm.slice(0, at(word.endMs)), rest));
        const want = [before(clip, index + 1), isSilence ? '' : next.text].join(' ').trim();
        expect(text).toBe(want);
        expect(lateMs).toBeLessThanOrEqual(60);
      }),
      { numRuns: 60 },
    );
  });

  test('has not heard a word whose last 10 ms or more are missing', () => {
    fc.assert(
      fc.property(
        anyWord,
        anyFormat,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, format, part) => {
          const { clip, word, index } = placeOf(n);
          const cutMs = word.endMs - 10 - part * (word.endMs - word.startMs - 10);
          const { ear } = listen(join(clip.pcm.slice(0, at(cutMs)), quiet(200)), format);
          ear.end();
          expect(textOf(ear.words)).toBe(before(clip, index));
        },
      ),
      { numRuns: 80 },
    );
  });

  test('has not heard a word whose start is missing, but all that follow', () => {
    fc.assert(
      fc.property(anyWord, fc.boolean(), (n, isWhole) => {
        const { clip, word, index } = placeOf(n);
        const { text } = listen(clip.pcm.slice(at(word.startMs + (isWhole ? 0 : 20))));
        expect(text).toBe(textOf(clip.words.slice(isWhole ? index : index + 1)));
      }),
      { numRuns: 60 },
    );
  });

  test('goes from clip to clip without a gap, whatever their order, the same one twice, too', () => {
    const anyClips = fc.array(fc.nat(bank.clips.length - 1), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(anyClips, anyFormat, (picked, format) => {
        const clips = picked.map(clipAt);
        const { text } = listen(join(...clips.map(({ pcm }) => pcm)), format);
        expect(text).toBe(textOf(clips));
      }),
      { numRuns: 30 },
    );
  });

  test('follows an interruption in mid-word by a clip that begins with the same words', () => {
    const book = clipOf('I would like to book');
    const cancel = clipOf('I would like to cancel');
    const cut = book.words[4];
    if (!cut) throw new Error('a fifth word');
    const cutMs = (cut.startMs + cut.endMs) / 2;
    const { text, ear } = listen(join(book.pcm.slice(0, at(cutMs)), cancel.pcm));
    expect(text).toBe(`I would like to ${cancel.text}`);
    expect(ear.words.at(-1)?.clip).toBe(cancel);
  });

  test('loses only the word that a lost packet fell on', () => {
    const clip = clipOf('Could you');
    const lost = clip.words[2];
    if (!lost) throw new Error('a third word');
    const gap = at((lost.startMs + lost.endMs) / 2);
    const want = textOf(clip.words.filter((word) => word !== lost));
    const concealed = Int16Array.from(clip.pcm).fill(0, gap, gap + 160);
    expect(listen(concealed).text).toBe(want);
    const skipped = join(clip.pcm.slice(0, gap), clip.pcm.slice(gap + 160));
    expect(listen(skipped).text).toBe(want);
  });

  test('hears clips that were said after it was opened', async () => {
    const ear = openEar(bank)(MULAW);
    const clip = await bank.speak('This is entirely new.', 'slt');
    ear.write(encodeAudio(clip.pcm, MULAW));
    expect(textOf(ear.words)).toBe(clip.text);
  });
});

describe('an ear hears no words in', () => {
  test('speech that was never in the bank, by voices that are', () => {
    for (const { pcm } of strangers) {
      expect(listen(pcm).text).toBe('');
      expect(listen(withNoise(pcm, 15, 9)).text).toBe('');
    }
  });

  test('noise, tones, a cough, a click, speech backwards', () => {
    const hz = (f: number, ms: number): Int16Array =>
      Int16Array.from(
        { length: 8 * ms },
        (_, i) => 8_000 * Math.sin((2 * Math.PI * f * i) / 8_000),
      );
    const cough = noise(250, 8_000, 4).map((x, i, all) => x * Math.exp((-4 * i) / all.length));
    const click = quiet(200).fill(20_000, 800, 804);
    const backwards = clipOf('Could you').pcm.toReversed();
    for (const sound of [
      noise(2_000, 3_000, 1),
      hz(440, 1_000),
      hz(120, 1_000),
      cough,
      click,
      backwards,
    ])
      expect(listen(sound).text).toBe('');
  });
});

describe('the sound an ear measures', () => {
  test('begins and ends with the speech, to 5 ms or what is too soft to hear', () => {
    const clip = clipOf('Yes.');
    const word = clip.words[0];
    if (!word) throw new Error('a word');
    const { ear } = listen(join(quiet(1_000), clip.pcm, quiet(500)));
    expect(Math.abs((ear.soundSinceMs ?? 0) - 1_000 - word.startMs)).toBeLessThan(15);
    expect(Math.abs((ear.soundUntilMs ?? 0) - 1_000 - word.endMs)).toBeLessThan(25);
    expect(ear.writtenMs).toBeCloseTo(1_500 + clip.pcm.length / 8, 5);
  });

  test('is undefined before the first, and not the noise of the line', () => {
    expect(listen(quiet(500)).ear.soundSinceMs).toBeUndefined();
    const clip = clipOf('Yes.');
    const line = join(quiet(1_000), clip.pcm, quiet(1_000));
    const hiss = noise(line.length / 8 + 1, 300, 2);
    const noisy = line.map((x, i) => x + (hiss[i] ?? 0));
    const { ear } = listen(noisy);
    expect(Math.abs((ear.soundUntilMs ?? 0) - 1_000 - (clip.words[0]?.endMs ?? 0))).toBeLessThan(
      60,
    );
  });
});

test.each(FORMATS)(
  'what lies above the band of a telephone hides no word in %o',
  async (format) => {
    for (const voice of ['slt', 'rms', 'awb', 'kal', 'kal16']) {
      const ear = openEar(bank)(format);
      ear.write(clipAudio(await bank.speak(SIBILANT, voice), format));
      ear.end();
      expect(textOf(ear.words)).toBe(SIBILANT);
    }
  },
);
