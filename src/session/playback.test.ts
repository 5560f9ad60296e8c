import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MULAW_SILENCE, phoneBytes, phoneMs } from '#audio/g711.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { WORD_EDGE_MS } from '#conversation/policies/heard.ts';
import { createPlayback } from './playback.ts';
import type { Playback } from './playback.ts';

/**
 * A carrier that plays what it gets in packets of 20 ms and returns marks as Twilio does: when the
 * packet with their last sample has been played, or all at once on `clear`. The caller's own sound
 * comes back on the same line, in order with the marks, `returnDelayMs` late.
 */
function carrier(options: { wordTimes?: boolean; returnDelayMs?: number } = {}) {
  const { wordTimes = true, returnDelayMs = 0 } = options;
  let nowMs = 0;
  let lineMs = 0;
  let queue: ({ bytes: number } | { mark: string })[] = [];
  let inPacket: string[] = [];
  const returning: { name: string | undefined; atMs: number }[] = [];
  const played: { replyId: number; playedMs: number }[] = [];
  let heardBytes = 0;
  let sentBytes = 0;
  let clears = 0;
  const back = (name?: string): void => void returning.push({ name, atMs: nowMs + returnDelayMs });

  const playback: Playback = createPlayback({
    wordTimes,
    transport: {
      leadMs: Infinity,
      sendAudio(mulaw) {
        sentBytes += mulaw.length;
        queue.push({ bytes: mulaw.length });
      },
      sendMark: (mark) => void queue.push({ mark }),
      clear() {
        clears++;
        for (const name of inPacket) back(name);
        inPacket = [];
        for (const item of queue) if ('mark' in item) back(item.mark);
        queue = [];
      },
    },
    onPlayed: (replyId, playedMs) => void played.push({ replyId, playedMs }),
  });

  const playPacket = (): void => {
    back();
    for (const name of inPacket) back(name);
    inPacket = [];
    let room = phoneBytes(20);
    for (let item = queue[0]; item; item = queue[0]) {
      if ('mark' in item) {
        inPacket.push(item.mark);
        queue.shift();
        continue;
      }
      if (room === 0) break;
      const part = Math.min(room, item.bytes);
      item.bytes -= part;
      room -= part;
      heardBytes += part;
      if (item.bytes === 0) queue.shift();
    }
  };
  const deliver = (): void => {
    for (let next = returning[0]; next && next.atMs <= nowMs; next = returning[0]) {
      returning.shift();
      if (next.name === undefined) lineMs += 20;
      else playback.mark(next.name, lineMs);
    }
  };
  return {
    playback,
    played,
    run(ms: number): void {
      for (let passed = 0; passed < ms; passed += 20) {
        playPacket();
        deliver();
        nowMs += 20;
        deliver();
      }
    },
    get heardMs() {
      return phoneMs(heardBytes);
    },
    get sentMs() {
      return phoneMs(sentBytes);
    },
    get clears() {
      return clears;
    },
    get playedMs() {
      return played.at(-1)?.playedMs ?? 0;
    },
  };
}

const audio = (ms: number): Uint8Array => new Uint8Array(phoneBytes(ms)).fill(MULAW_SILENCE);
/** When a word that ends there counts as heard. */
const edge = (endMs: number): number => endMs - WORD_EDGE_MS;
const words = (...ends: number[]): WordTime[] =>
  ends.map((endMs, index) => ({ text: `w${index}`, startMs: ends[index - 1] ?? 0, endMs }));

describe('playback', () => {
  test('holds a reply until it is released', () => {
    const line = carrier();
    line.playback.push(1, audio(500));
    line.playback.words(1, words(200, 500));
    line.run(400);
    expect(line.heardMs).toBe(0);
    line.playback.release(1, 0);
    line.run(100);
    expect(line.heardMs).toBe(100);
  });

  test('a reply released before its first audio flows as it comes', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.push(1, audio(200));
    line.run(60);
    expect(line.heardMs).toBe(60);
  });

  test('waits for a little more than nothing, so that a stall does not tear the first word', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.push(1, audio(60));
    expect(line.sentMs).toBe(0);
    line.playback.push(1, audio(60));
    expect(line.sentMs).toBe(120);

    const short = carrier();
    short.playback.release(1, 0);
    short.playback.push(1, audio(100));
    short.playback.done(1);
    expect(short.sentMs).toBe(100);
  });

  test('says what was played at the end of every word, and at the end of all', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.words(1, words(180, 310, 700));
    line.playback.push(1, audio(760));
    line.playback.done(1);
    line.run(1_000);
    const at = line.played.map(({ playedMs }) => playedMs);
    for (const end of [20, edge(180), edge(310), edge(700), 760]) expect(at).toContain(end);
    expect(line.playedMs).toBe(760);
  });

  test('sends a second ahead where words are known, and little where they are not yet', () => {
    const known = carrier();
    known.playback.release(1, 0);
    known.playback.words(1, words(...Array.from({ length: 20 }, (_, index) => 300 * (index + 1))));
    known.playback.push(1, audio(6_000));
    expect(known.sentMs).toBe(1_000);

    const unknown = carrier();
    unknown.playback.release(1, 0);
    unknown.playback.push(1, audio(6_000));
    expect(unknown.sentMs).toBe(400);
    unknown.run(6_100);
    expect(unknown.heardMs).toBe(6_000);
  });

  test('a hold takes everything off the line at once, and a release goes on where it is told', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.words(1, words(200, 400, 600, 800, 1_000));
    line.playback.push(1, audio(1_000));
    line.playback.done(1);
    line.run(500);
    line.playback.hold(1);
    expect(line.clears).toBe(1);
    line.run(500);
    expect(line.heardMs).toBe(500);
    expect(line.playedMs).toBe(edge(400));
    line.playback.release(1, 400);
    line.run(800);
    expect(line.heardMs).toBe(1_100);
    expect(line.playedMs).toBe(1_000);
  });

  test('marks thrown away by the hold are not taken for words that were heard', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.words(1, words(200, 400, 600, 800));
    line.playback.push(1, audio(800));
    line.playback.done(1);
    line.run(260);
    line.playback.drop(1);
    line.run(1_000);
    expect(line.playedMs).toBe(edge(200));
  });

  test('words that ended while the hold was on its way count as heard', () => {
    // Marks take 100 ms to come back: when we hold, the caller has heard more than we know.
    const line = carrier({ returnDelayMs: 100 });
    line.playback.release(1, 0);
    line.playback.words(1, words(200, 380, 460, 900));
    line.playback.push(1, audio(900));
    line.playback.done(1);
    line.run(480);
    expect(line.playedMs).toBe(edge(380));
    line.playback.hold(1);
    line.run(400);
    expect(line.heardMs).toBe(480);
    expect(line.playedMs).toBe(edge(460));
  });

  test('what is thrown away right after the line had run dry was not heard', () => {
    const line = carrier();
    line.playback.release(1, 0);
    line.playback.words(1, words(300));
    line.playback.push(1, audio(300));
    line.run(1_500);
    expect(line.playedMs).toBe(300);
    line.playback.words(1, words(300, 780).slice(1));
    line.playback.push(1, audio(480));
    line.run(20);
    line.playback.hold(1);
    line.run(400);
    expect(line.playedMs).toBeLessThanOrEqual(line.heardMs);
  });

  test('the next reply begins while marks of the last one are still to come back', () => {
    const line = carrier({ returnDelayMs: 60 });
    line.playback.release(1, 0);
    line.playback.words(1, words(300, 600));
    line.playback.push(1, audio(600));
    line.run(200);
    line.playback.drop(1);
    line.playback.release(2, 0);
    line.playback.words(2, words(200));
    line.playback.push(2, audio(200));
    line.playback.done(2);
    line.run(600);
    expect(line.played.filter(({ replyId }) => replyId === 2).at(-1)?.playedMs).toBe(200);
    expect(
      line.played.filter(({ replyId }) => replyId === 1).every((one) => one.playedMs <= 200),
    ).toBe(true);
  });

  test('never claims more than was heard, wherever it is held', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 40, max: 600 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 0, max: 4_000 }),
        fc.boolean(),
        fc.constantFrom(0, 20, 60, 180),
        (lengths, cutMs, wordTimes, returnDelayMs) => {
          let endMs = 0;
          const ends = lengths.map((length) => (endMs += length));
          const line = carrier({ wordTimes, returnDelayMs });
          line.playback.release(1, 0);
          for (const [index, length] of lengths.entries()) {
            line.playback.push(1, audio(length));
            if (wordTimes)
              line.playback.words(1, [
                { text: 'w', startMs: (ends[index] ?? 0) - length, endMs: ends[index] ?? 0 },
              ]);
          }
          line.playback.done(1);
          line.run(cutMs);
          line.playback.hold(1);
          const heardMs = line.heardMs;
          line.run(600);
          expect(line.heardMs).toBe(heardMs);
          expect(line.playedMs).toBeLessThanOrEqual(heardMs);
          // A word that was heard to its end is claimed.
          const lastWordMs = edge(ends.findLast((end) => edge(end) <= heardMs) ?? 0);
          if (wordTimes) expect(line.playedMs).toBeGreaterThanOrEqual(lastWordMs);
        },
      ),
    );
  });
});
