import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeMulaw, encodeMulaw } from '#audio/g711.ts';
import { voices } from './speech.ts';
import { createVoiceBank } from './voice-bank.ts';
import type { SpeechClip } from './speech.ts';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => {
  bank = await createVoiceBank();
});
afterAll(() => bank[Symbol.asyncDispose]());

const power = (pcm: Int16Array, fromMs: number, toMs: number): number => {
  const part = pcm.subarray(Math.round(fromMs * 8), Math.round(toMs * 8));
  return part.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, part.length);
};

/** Power of the words alone, as a level below full scale. */
const levelDb = (clip: SpeechClip): number => {
  const spans = clip.words.map(({ startMs, endMs }) => ({
    energy: power(clip.pcm, startMs, endMs) * (endMs - startMs),
    ms: endMs - startMs,
  }));
  const mean =
    spans.reduce((sum, { energy }) => sum + energy, 0) / spans.reduce((sum, { ms }) => sum + ms, 0);
  return 10 * Math.log10(mean / 32_768 ** 2);
};

const texts = async (text: string): Promise<readonly string[]> =>
  (await bank.speak(text, 'slt')).words.map((word) => word.text);

describe('a voice bank', () => {
  test.each(voices)('%s says every word, in order, at a telephone level', async (voice) => {
    const clip = await bank.speak('Hello there. How can I help you today?', voice);
    expect(clip.words.map(({ text }) => text).join(' ')).toBe(clip.text);
    let lastMs = 0;
    for (const { startMs, endMs } of clip.words) {
      expect(startMs).toBeGreaterThanOrEqual(lastMs);
      expect(endMs).toBeGreaterThan(startMs + 30);
      lastMs = endMs;
    }
    expect(lastMs).toBeLessThanOrEqual(clip.pcm.length / 8);
    expect(levelDb(clip)).toBeGreaterThan(-23.5);
    expect(levelDb(clip)).toBeLessThan(-19.5);
    expect(Math.max(...clip.pcm.map(Math.abs))).toBeLessThan(32_000);
  });

  test.each(voices)('%s is silent outside of words, and loses little to mu-law', async (voice) => {
    const clip = await bank.speak('Wait. Stop.', voice);
    const [wait, stop] = clip.words;
    if (!wait || !stop) throw new Error('two words');
    const gap = power(clip.pcm, wait.endMs + 5, stop.startMs - 5);
    expect(gap).toBeLessThan(power(clip.pcm, stop.startMs, stop.endMs) / 300);
    const back = decodeMulaw(encodeMulaw(clip.pcm));
    const lost = clip.pcm.map((sample, i) => sample - (back[i] ?? 0));
    expect(power(lost, 0, 1e4)).toBeLessThan(power(clip.pcm, 0, 1e4) / 1_000);
  });

  test('a number, an amount or a time is one word, as long as what is said for it', async () => {
    const clip = await bank.speak("It's $3 for 7, at 12:30.", 'slt');
    expect(clip.words.map(({ text }) => text)).toEqual(["It's", '$3', 'for', '7,', 'at', '12:30.']);
    const alone = await bank.speak('three dollars', 'slt');
    const [three, dollars] = alone.words;
    const amount = clip.words[1];
    if (!three || !dollars || !amount) throw new Error('words are missing');
    const ratio = (amount.endMs - amount.startMs) / (dollars.endMs - three.startMs);
    expect(ratio).toBeGreaterThan(0.7);
    expect(ratio).toBeLessThan(1.3);
  });

  test('apostrophes, hyphens, initials and abbreviations do not split or shift words', async () => {
    const text = "I'll ask Dr. J. R. Smith's well-known nurse, mm-hm, okay?";
    const clip = await bank.speak(text, 'rms');
    expect(clip.words.map((word) => word.text)).toEqual(text.split(' '));
    const nurse = clip.words.find((word) => word.text === 'nurse,');
    const alone = (await bank.speak('nurse,', 'rms')).words[0];
    if (!nurse || !alone) throw new Error('words are missing');
    expect(Math.abs(nurse.endMs - nurse.startMs - (alone.endMs - alone.startMs))).toBeLessThan(200);
  });

  test('signs nobody can say go with their neighbour; typographic ones are understood', async () => {
    expect(await texts('Yes - of course')).toEqual(['Yes -', 'of', 'course']);
    expect(await texts('— hello')).toEqual(['— hello']);
    expect(await texts('I’ll have a “café” latte…')).toEqual([
      'I’ll',
      'have',
      'a',
      '“café”',
      'latte…',
    ]);
  });

  test('nothing to say is a short silence without words', async () => {
    const clip = await bank.speak(' … ', 'kal');
    expect(clip.words).toEqual([]);
    expect(clip.pcm.length).toBeGreaterThan(0);
    expect(clip.pcm.every((sample) => sample === 0)).toBe(true);
  });

  test('the same text in the same voice is one clip, and the same samples in any bank', async () => {
    const first = await bank.speak('All the same.', 'awb');
    expect(await bank.speak('All the same.', 'awb')).toBe(first);
    expect(bank.clips.filter(({ text }) => text === 'All the same.')).toEqual([first]);
    await using other = await createVoiceBank();
    await other.speak('Something else before.', 'awb');
    expect(await other.speak('All the same.', 'awb')).toEqual(first);
  });

  test('speaking leaves the event loop free', async () => {
    let turns = 0;
    const tick = setInterval(() => turns++, 1);
    await bank.speak('This sentence has never been said, so that it takes a while.', 'slt');
    clearInterval(tick);
    expect(turns).toBeGreaterThan(5);
  });

  test('an unknown voice is refused by name', async () => {
    await expect(bank.speak('Hello', 'nobody')).rejects.toThrow('No voice is called "nobody"');
  });

  test('a closed bank says so instead of never answering', async () => {
    const closing = await createVoiceBank();
    const waiting = expect(closing.speak('Too late', 'slt')).rejects.toThrow('closed');
    await closing[Symbol.asyncDispose]();
    await waiting;
    await expect(closing.speak('Later still', 'slt')).rejects.toThrow('closed');
  });
});
