import { beforeEach, describe, expect, test } from 'vitest';
import type { Spoken, Utterance } from '#contracts/text-to-speech.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startUtterance } from './utterance.ts';
import type { PieceEvent } from './utterance.ts';

describe('an utterance in pieces', () => {
  type Asked = { text: string; on: (event: PieceEvent) => void; isCancelled: boolean };
  let asked: Asked[];
  let spoken: Spoken[];
  let released: boolean[];
  let clock: VirtualClock;
  let utterance: Utterance;
  let onSpoken: (one: Spoken) => void;
  const failures = failureMaker('openai', 'text-to-speech', 'sk-0123456789');
  beforeEach(() => {
    asked = [];
    spoken = [];
    released = [];
    clock = virtualClock();
    onSpoken = () => undefined;
    utterance = startUtterance({
      speaker: {
        say(text, on) {
          const piece: Asked = { text, on, isCancelled: false };
          asked.push(piece);
          return { cancel: () => void (piece.isCancelled = true) };
        },
        release: (isSuspect) => void released.push(isSuspect),
      },
      clock,
      log: silentLog,
      failures,
      on(one) {
        spoken.push(one);
        onSpoken(one);
      },
      onEnd: () => undefined,
    });
  });
  const audio = (n: number, byte: number): void =>
    asked[n]?.on({ type: 'audio', audio: Uint8Array.of(byte) });
  const done = (n: number): void => asked[n]?.on({ type: 'done' });
  const bytes = (): readonly number[] =>
    spoken.flatMap((one) => (one.type === 'audio' ? [...one.audio] : []));

  test('makes two at a time and says them in order', () => {
    utterance.push('One. Two. Three.');
    utterance.finish();
    expect(asked.map(({ text }) => text)).toEqual(['One. ', 'Two. ']);
    audio(1, 2);
    done(1);
    expect(asked).toHaveLength(2);
    audio(0, 1);
    expect(bytes()).toEqual([1]);
    done(0);
    expect(bytes()).toEqual([1, 2]);
    expect(asked).toHaveLength(3);
    audio(2, 3);
    done(2);
    expect(bytes()).toEqual([1, 2, 3]);
    expect(spoken.at(-1)).toEqual({ type: 'done' });
    expect(released).toEqual([false]);
    expect(clock.pending).toBe(0);
  });

  test('a word that may go on waits for the rest of it, but not for ever', async () => {
    utterance.push('Good');
    expect(asked).toEqual([]);
    utterance.push('bye, An');
    await clock.advance(300);
    expect(asked.map(({ text }) => text)).toEqual(['Goodbye, An']);
  });

  test('silence of the speaker is a failure, and the speaker is suspect', async () => {
    utterance.push('One. Two.');
    await clock.advance(4_999);
    audio(0, 1);
    await clock.advance(4_999);
    expect(spoken.some(({ type }) => type === 'failed')).toBe(false);
    await clock.advance(1);
    expect(spoken.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'timeout' } });
    expect(asked.map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
    expect(released).toEqual([true]);
    expect(clock.pending).toBe(0);
  });

  test('there is no deadline while there is nothing to speak', async () => {
    utterance.push('One.');
    audio(0, 1);
    done(0);
    await clock.advance(60_000);
    expect(spoken.map(({ type }) => type)).toEqual(['audio']);
    utterance.finish();
    await Promise.resolve();
    expect(spoken.at(-1)).toEqual({ type: 'done' });
  });

  test('a failure of the piece behind ends what is being said, too', () => {
    utterance.push('One. Two.');
    audio(0, 1);
    asked[1]?.on({ type: 'failed', failure: failures.of('closed', 'gone') });
    audio(0, 2);
    expect(bytes()).toEqual([1]);
    expect(spoken.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'closed' } });
    expect(asked[0]?.isCancelled).toBe(true);
  });

  test('a listener that cancels while it is being told hears no more', () => {
    utterance.push('One. Two.');
    audio(1, 2);
    onSpoken = () => utterance.cancel();
    audio(0, 1);
    done(0);
    utterance.finish();
    expect(bytes()).toEqual([1]);
    expect(spoken).toHaveLength(1);
    expect(released).toEqual([false]);
  });
});
