import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Heard } from '#contracts/speech-to-text.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { hearingWorld, inRealTime, sayNumbers } from '#test/support/hearing-links.ts';
import type { HearingManners } from '#test/support/hearing-links.ts';
import { chainSpeechToText } from './chain-speech-to-text.ts';

const ENGLISH = { language: 'en', keyterms: [] };
/** Three sentences with pauses. */
const AUDIO = Buffer.concat([
  sayNumbers([1, 2, 3, 4], 900),
  sayNumbers([5, 6, 7], 500),
  sayNumbers([8, 9, 10, 11, 12], 1_200),
]);
const WORDS = Array.from({ length: 12 }, (_, index) => `w${index + 1}`).join(' ');

function chainOf(...manners: readonly HearingManners[]) {
  const clock = virtualClock();
  const world = hearingWorld(clock);
  const [first, ...rest] = manners.map((one, index) => world.link({ name: `r${index}`, ...one }));
  if (!first) throw new Error('a chain has a link');
  const links = [first, ...rest] as const;
  const chain = chainSpeechToText(links, { clock });
  const heard: Heard[] = [];
  const atMs: number[] = [];
  const stream = chain.listen(ENGLISH, (one) => {
    heard.push(one);
    atMs.push(clock.now());
  });
  return {
    clock,
    world,
    links,
    chain,
    heard,
    atMs,
    stream,
    async hear(audio: Uint8Array = AUDIO) {
      await inRealTime(clock, audio, stream.write);
      stream.finalize();
      // The line goes on, as lines do.
      await inRealTime(clock, sayNumbers([], 16_000), stream.write);
    },
  };
}

/** What stands for good. */
const wordsOf = (heard: readonly Heard[]): string =>
  heard
    .flatMap((one) => (one.type === 'final' || one.type === 'end' ? [one.text] : []))
    .filter((text) => text !== '')
    .join(' ');
const typesOf = (heard: readonly Heard[]): readonly string[] =>
  heard.map(({ type }) => type).filter((type) => !['interim', 'final', 'end'].includes(type));

const manners = fc.record({
  endOfTurn: fc.boolean(),
  lagMs: fc.constantFrom(20, 150, 600),
});
const dies = fc.record({
  afterMs: fc.integer({ min: 0, max: 6_000 }),
  how: fc.constantFrom('fails' as const, 'falls silent' as const),
});

describe('a chain of recognisers', () => {
  test('whenever the first dies, every word is heard for good, once', async () => {
    await fc.assert(
      fc.asyncProperty(manners, manners, dies, async (one, two, death) => {
        const { heard, hear, stream, world, clock } = chainOf({ ...one, dies: death }, two);
        await hear();
        expect(wordsOf(heard)).toBe(WORDS);
        stream.close();
        expect(world.open).toBe(0);
        await clock.advance(10_000);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('two of them dying are no worse', async () => {
    await fc.assert(
      fc.asyncProperty(manners, manners, dies, dies, async (one, two, death, another) => {
        const { heard, hear } = chainOf({ ...one, dies: death }, { ...two, dies: another }, {});
        await hear();
        expect(wordsOf(heard)).toBe(WORDS);
      }),
      { numRuns: 40 },
    );
  });

  test('vendors that do not say where in the sound a final ends lose and double nothing', async () => {
    await fc.assert(
      fc.asyncProperty(manners, dies, async (one, death) => {
        const { heard, hear } = chainOf(
          { ...one, lagMs: 150, endOfTurn: false, tellsUntil: false, dies: death },
          { tellsUntil: false },
        );
        await hear();
        expect(wordsOf(heard)).toBe(WORDS);
      }),
      { numRuns: 40 },
    );
  });

  test('nor where the next one fails before it has said anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 6_000 }), async (afterMs) => {
        const { heard, hear } = chainOf(
          { lagMs: 150, tellsUntil: false, dies: { afterMs, how: 'fails' } },
          { refuses: true },
          { tellsUntil: false },
        );
        await hear();
        expect(wordsOf(heard)).toBe(WORDS);
      }),
      { numRuns: 40 },
    );
  });

  test('what was heard is not taken back while the next one catches up', async () => {
    const { heard, hear } = chainOf({ dies: { afterMs: 800, how: 'fails' } }, {});
    await hear(sayNumbers([1, 2, 3, 4, 5, 6], 500));
    const interims = heard.flatMap((one) => (one.type === 'interim' ? [one.text.length] : []));
    expect(interims).toEqual(interims.toSorted((one, two) => one - two));
    expect(typesOf(heard)).toEqual(['switched']);
  });

  test('says who goes on, and whether that one decides the end of turns', async () => {
    const { heard, hear, chain } = chainOf({ refuses: true }, { endOfTurn: true });
    expect(chain.can.endOfTurn).toBe(false);
    await hear();
    expect(heard[0]).toMatchObject({
      type: 'switched',
      failure: { vendor: 'r0', code: 'refused' },
      to: 'r1',
      endOfTurn: true,
    });
    // For the rest of the call.
    expect(chain.can.endOfTurn).toBe(true);
    expect(wordsOf(heard)).toBe(WORDS);
  });

  test('is back in time within a second of the failure', async () => {
    const { heard, atMs, links, hear } = chainOf({ dies: { afterMs: 4_000, how: 'fails' } }, {});
    const long = sayNumbers(
      Array.from({ length: 25 }, (_, index) => index + 1),
      1_000,
    );
    await hear(long);
    const failedMs = links[1]?.opened[0] ?? Infinity;
    const next = atMs.findIndex((ms, index) => ms > failedMs && heard[index]?.type === 'interim');
    expect((atMs[next] ?? Infinity) - failedMs).toBeLessThanOrEqual(1_000);
    expect(wordsOf(heard).split(' ')).toHaveLength(25);
  });

  test('one that owes a final and gives none is replaced', async () => {
    const { heard, hear, links } = chainOf({ dies: { afterMs: 3_000, how: 'falls silent' } }, {});
    const early = sayNumbers([1, 2, 3], 2_340);
    await hear(early);
    expect(links[0].failures[0]?.code).toBe('timeout');
    expect(wordsOf(heard)).toBe('w1 w2 w3');
  });

  test('of a monologue too long to be heard again, the words that were said stand', async () => {
    const { heard, hear } = chainOf(
      { endOfTurn: true, dies: { afterMs: 40_000, how: 'fails' } },
      { tellsUntil: false },
    );
    const words = Array.from({ length: 99 }, (_, index) => index + 1);
    const twice = Buffer.concat([sayNumbers(words, 0), sayNumbers(words.slice(0, 90), 500)]);
    await hear(twice);
    const said = [...words, ...words.slice(0, 90)].map((word) => `w${word}`).join(' ');
    expect(wordsOf(heard)).toBe(said);
  });

  test('a chain that is down says so once and names every link', async () => {
    const { heard, hear } = chainOf({ refuses: true }, { refuses: true });
    await hear(sayNumbers([1], 100));
    expect(typesOf(heard)).toEqual(['switched', 'failed']);
    const last = heard.at(-1);
    expect(last?.type === 'failed' && last.failure.vendor).toBe('r0, r1');
  });

  test('closed, it says nothing more and leaves nothing open', async () => {
    const { stream, world, clock, heard } = chainOf({}, {});
    stream.write(sayNumbers([1, 2], 100));
    stream.close();
    await clock.advance(5_000);
    expect(heard).toEqual([]);
    expect(world.open).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
