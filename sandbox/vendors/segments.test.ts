import { describe, expect, it } from 'vitest';
import { isSpeakable, splitAll, splitSpeech } from './segments.ts';

describe('text that is still coming', () => {
  it.each([
    ['Hello there. How are', ['Hello there. '], 'How are'],
    ['Hello there.', ['Hello there.'], ''],
    ['It costs 3.', [], 'It costs 3.'],
    ['It costs 3.50 a day. And', ['It costs 3.50 a day. '], 'And'],
    ['Dr. Smith will see you', [], 'Dr. Smith will see you'],
    ['Sure, I can', [], 'Sure, I can'],
    ['If that suits you well, I can', ['If that suits you well, '], 'I can'],
    ['Really?! Yes', ['Really?! '], 'Yes'],
    ['', [], ''],
  ])('is cut where it may be spoken: %s', (text, segments, rest) => {
    expect(splitSpeech(text)).toEqual({ segments, rest });
  });
});

describe('text that is complete', () => {
  it.each([
    ['One. Two, three and four. Five', ['One. ', 'Two, three and four. ', 'Five']],
    ['Dr. Smith', ['Dr. Smith']],
    ['', []],
  ])('is cut after sentences, and all of it: %s', (text, segments) => {
    expect(splitAll(text)).toEqual(segments);
  });

  it('is nothing to be said without a letter or a digit', () => {
    expect([' ', '...', '—', 'a', '7'].map(isSpeakable)).toEqual([false, false, false, true, true]);
  });
});
