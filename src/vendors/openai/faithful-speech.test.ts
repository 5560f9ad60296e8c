import { beforeEach, describe, expect, test } from 'vitest';
import { failureMaker } from '#contracts/vendor-failure.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { logLines } from '#test/support/log-lines.ts';
import { speakFaithfully } from './faithful-speech.ts';
import type { PieceEvent } from './utterance.ts';
import type { ResponseEvent } from './voice-line.ts';

const TEXT = 'I would like to book a table.';

describe('a voice model that is to read', () => {
  type Asked = {
    text: string;
    isAgain: boolean;
    on: (event: ResponseEvent) => void;
    isCancelled: boolean;
  };
  let asked: Asked[];
  let events: PieceEvent[];
  let clock: VirtualClock;
  let logged: () => string;
  let speech: { cancel(): void };
  beforeEach(() => {
    asked = [];
    events = [];
    clock = virtualClock();
    const { log, text } = logLines();
    logged = text;
    speech = speakFaithfully({
      text: TEXT,
      respond(request, on) {
        const one: Asked = { ...request, on, isCancelled: false };
        asked.push(one);
        return { cancel: () => void (one.isCancelled = true) };
      },
      clock,
      log,
      failures: failureMaker('openai', 'text-to-speech', 'sk-0123456789'),
      on: (event) => void events.push(event),
    });
  });
  const says = (n: number, text: string): void => asked[n]?.on({ type: 'transcript', text });
  const sounds = (n: number, byte: number): void =>
    asked[n]?.on({ type: 'audio', audio: Uint8Array.of(byte) });
  const ends = (n: number): void => asked[n]?.on({ type: 'done' });
  const bytes = (): readonly number[] =>
    events.flatMap((event) => (event.type === 'audio' ? [...event.audio] : []));

  test('is heard as soon as it has begun with the text’s own words', () => {
    sounds(0, 1);
    expect(bytes()).toEqual([]);
    says(0, 'I would');
    expect(bytes()).toEqual([1]);
    sounds(0, 2);
    says(0, ' like to book a table.');
    ends(0);
    expect(bytes()).toEqual([1, 2]);
    expect(events.at(-1)).toEqual({ type: 'done' });
    expect(logged()).toBe('');
    expect(clock.pending).toBe(0);
  });

  test('is not heard where it answers, and asked once more', () => {
    sounds(0, 1);
    says(0, 'Of course! For how');
    expect(asked[0]?.isCancelled).toBe(true);
    expect(asked[1]).toMatchObject({ text: TEXT, isAgain: true });
    sounds(0, 9);
    ends(0);
    says(1, TEXT);
    sounds(1, 2);
    ends(1);
    expect(bytes()).toEqual([2]);
    expect(events.at(-1)).toEqual({ type: 'done' });
    expect(logged()).toContain('does not begin as its text does');
  });

  test('has failed where it answers twice, so that another vendor speaks', () => {
    says(0, 'Of course! For how');
    says(1, 'Certainly. When would you');
    expect(events).toMatchObject([{ type: 'failed', failure: { code: 'garbled' } }]);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.isCancelled).toBe(true);
  });

  test('is asked for the end that it left out', () => {
    says(0, 'I would like');
    sounds(0, 1);
    ends(0);
    expect(asked[1]).toMatchObject({ text: 'to book a table.', isAgain: true });
    says(1, 'to book a table.');
    sounds(1, 2);
    ends(1);
    expect(bytes()).toEqual([1, 2]);
    expect(events.at(-1)).toEqual({ type: 'done' });
    expect(logged()).toContain('strays from its text');
  });

  test('that says nothing at all is asked once more, and has then failed', () => {
    ends(0);
    expect(asked[1]).toMatchObject({ text: TEXT, isAgain: true });
    ends(1);
    expect(events).toMatchObject([{ type: 'failed', failure: { code: 'garbled' } }]);
  });

  test('that rewords the middle is heard, and the log says so', () => {
    says(0, 'I would love to reserve a table.');
    sounds(0, 1);
    ends(0);
    expect(asked).toHaveLength(1);
    expect(events.at(-1)).toEqual({ type: 'done' });
    expect(logged()).toContain('strays from its text');
  });

  test('is heard without a transcript, if that does not come', async () => {
    sounds(0, 1);
    await clock.advance(300);
    expect(bytes()).toEqual([1]);
    sounds(0, 2);
    expect(bytes()).toEqual([1, 2]);
  });

  test('is not heard once it was cancelled', async () => {
    sounds(0, 1);
    speech.cancel();
    says(0, TEXT);
    ends(0);
    await clock.advance(1_000);
    expect(events).toEqual([]);
    expect(asked[0]?.isCancelled).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('fails with its connection', () => {
    const { of } = failureMaker('openai', 'text-to-speech', 'sk-0123456789');
    asked[0]?.on({ type: 'lost', failure: of('closed', 'gone') });
    expect(events).toMatchObject([{ type: 'failed', failure: { code: 'closed' } }]);
  });
});
