import { describe, expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { speechWorld } from '#test/support/speech-links.ts';
import type { SpeechManners } from '#test/support/speech-links.ts';
import type { Spoken } from '#contracts/text-to-speech.ts';
import { speakBySentence } from './by-sentence.ts';
import type { SentenceEnd } from './by-sentence.ts';

const ASKED = { voice: 'v', language: 'en' };

function speaker(manners: SpeechManners = {}) {
  const clock = virtualClock();
  const world = speechWorld(clock);
  const link = world.link({ wordTimes: false, ...manners });
  const said: (Spoken | SentenceEnd)[] = [];
  const utterance = speakBySentence(link.vendor, ASKED, (spoken) => void said.push(spoken));
  return {
    clock,
    world,
    texts: link.texts,
    utterance,
    said,
    types: () => said.map(({ type }) => type).filter((type) => type !== 'audio'),
    heard: () =>
      world.hear(
        said.filter((one): one is Extract<Spoken, { type: 'audio' }> => one.type === 'audio'),
      ),
  };
}

describe('a voice that speaks sentence by sentence', () => {
  test('says all of them in order, and where each has ended', async () => {
    const { clock, utterance, said, types, heard, texts } = speaker();
    utterance.push('One two, ');
    utterance.push('three. Four five! Six');
    utterance.push(' seven.');
    utterance.finish();
    await clock.advance(10_000);
    expect(texts).toEqual(['One two, three. ', 'Four five! ', 'Six seven.']);
    expect(heard()).toEqual('One two, three. Four five! Six seven.'.split(' '));
    expect(types()).toEqual(['sentence-end', 'sentence-end', 'sentence-end', 'done']);
    const lengths = said.flatMap((one) => (one.type === 'sentence-end' ? [one.lengthChars] : []));
    expect(lengths).toEqual(texts.map(({ length }) => length));
  });

  test('works at two of them at one time and no more', async () => {
    const { clock, utterance, texts, world } = speaker();
    utterance.push('One two three. Four five six. Seven eight nine. Ten. ');
    expect(texts).toHaveLength(2);
    expect(world.open).toBe(2);
    utterance.finish();
    await clock.advance(10_000);
    expect(texts).toHaveLength(4);
    expect(world.open).toBe(0);
  });

  test('ends with the failure of the sentence that is being said', async () => {
    const { clock, utterance, types, world } = speaker({
      dies: { afterMessages: 8, how: 'fails' },
    });
    utterance.push('One two. Three four five six seven eight nine ten. Eleven.');
    utterance.finish();
    await clock.advance(10_000);
    expect(types()).toEqual(['sentence-end', 'failed']);
    expect(world.open).toBe(0);
  });

  test('blanks and marks alone make no sentence', async () => {
    const { clock, utterance, texts, types } = speaker();
    utterance.push('  … ');
    utterance.finish();
    expect(types()).toEqual([]);
    await clock.advance(100);
    expect(texts).toEqual([]);
    expect(types()).toEqual(['done']);
  });

  test('cancelled, it says nothing more and leaves nothing open', async () => {
    const { clock, utterance, said, world } = speaker();
    utterance.push('One two three. Four five six. Seven.');
    await clock.advance(150);
    utterance.cancel();
    const before = said.length;
    utterance.push('More.');
    utterance.finish();
    await clock.advance(10_000);
    expect(said.length).toBe(before);
    expect(world.open).toBe(0);
  });
});
