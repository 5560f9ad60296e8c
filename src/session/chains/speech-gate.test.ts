import { describe, expect, test } from 'vitest';
import { bytesOf, msOf, PHONE_AUDIO, silenceOf, WIDE_LINE } from '#audio/format.ts';
import { createPauseFinder } from './pauses.ts';
import { createSpeechGate } from './speech-gate.ts';

const LOUD = 0x10;

describe.each([PHONE_AUDIO, WIDE_LINE.spoken])('in %o', (format) => {
  const sound = (ms: number): Uint8Array => new Uint8Array(bytesOf(ms, format)).fill(LOUD);
  const silence = (ms: number): Uint8Array => silenceOf(ms, format);
  const lengthMs = ({ audio }: { readonly audio: readonly Uint8Array[] }): number =>
    audio.reduce((sum, piece) => sum + msOf(piece.length, format), 0);

  describe('the pauses of a voice', () => {
    test('are the silences between sounds, from the length of a comma’s on', () => {
      const finder = createPauseFinder(format);
      for (const piece of [
        silence(300),
        sound(400),
        silence(80),
        sound(200),
        silence(200),
        sound(9),
      ])
        finder.write(piece);
      expect(finder.pauses()).toEqual([{ startMs: 980, endMs: 1_180 }]);
    });

    test('hold one that is going on, and know a silence as short as between two words', () => {
      const finder = createPauseFinder(format);
      finder.write(sound(400));
      expect(finder.fellSilentMs()).toBeUndefined();
      finder.write(silence(50));
      expect(finder.fellSilentMs()).toBe(400);
      expect(finder.pauses()).toEqual([]);
      finder.write(silence(100));
      expect(finder.pauses()).toEqual([{ startMs: 400, endMs: 550 }]);
    });
  });

  describe('without word times', () => {
    const gateOf = (text: string) => {
      const gate = createSpeechGate({ format, wordTimes: false, holdsBack: true, msPerLetter: 70 });
      gate.text(text);
      return gate;
    };

    test('a sentence passes when it is whole, and is known to its end', () => {
      const text = 'We are open. Come and see.';
      const gate = gateOf(text);
      expect(lengthMs(gate.audio(sound(900)))).toBe(0);
      const passed = gate.sentenceEnd('We are open. '.length);
      expect(lengthMs(passed)).toBe(900);
      expect(passed.words.map((word) => word.text)).toEqual(['We', 'are', 'open.']);
      expect(gate.audio(sound(500)).audio).toEqual([]);
      expect(lengthMs(gate.broken())).toBe(0);
      expect(text.slice(gate.position)).toBe('Come and see.');
    });

    test('one that has to pass before its end is known up to its last pause', () => {
      const text = 'Of course, with pleasure.';
      const gate = gateOf(text);
      gate.audio(sound(600));
      gate.audio(silence(200));
      gate.audio(sound(100));
      expect(lengthMs(gate.force(Infinity))).toBe(900);
      gate.broken();
      expect(text.slice(gate.position)).toBe('with pleasure.');
    });

    test('one that broke off in silence had finished the word that should end there', () => {
      const text = 'Of course, with pleasure.';
      const gate = gateOf(text);
      gate.audio(sound(640));
      gate.force(Infinity);
      gate.audio(silence(60));
      expect(lengthMs(gate.broken())).toBe(60);
      expect(text.slice(gate.position)).toBe('with pleasure.');
    });

    test('a pause where no comma is due is none of the text’s', () => {
      const text = 'Seventy-seven thousand and one reasons, all told.';
      const gate = gateOf(text);
      gate.audio(sound(500));
      gate.audio(silence(200));
      gate.audio(sound(400));
      gate.force(Infinity);
      gate.broken();
      expect(text.slice(gate.position)).toBe('thousand and one reasons, all told.');
    });

    test('begins to be played when there is enough of it to outlast a stall', () => {
      const gate = gateOf('Seventy-seven thousand reasons.');
      gate.audio(sound(100));
      expect(gate.canForce).toBe(false);
      gate.audio(sound(60));
      expect(gate.canForce).toBe(true);
      expect(lengthMs(gate.force(0))).toBe(160);
      gate.audio(sound(20));
      expect(gate.canForce).toBe(true);
    });

    test('of one that is played while it is made words are told no sooner than they must be', () => {
      const text = 'Seventy-seven thousand reasons.';
      const gate = gateOf(text);
      gate.audio(sound(2_000));
      expect(gate.force(0).words).toEqual([]);
      expect([gate.canForce, gate.owesWords]).toEqual([false, true]);
      expect(gate.force(900).words.map((word) => word.text)).toEqual(['Seventy-seven']);
      expect(gate.sentenceEnd(text.length).words.map((word) => word.text)).toEqual([
        'thousand',
        'reasons.',
      ]);
      expect(gate.owesWords).toBe(false);
    });
  });
});
