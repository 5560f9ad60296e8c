import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SpeakOptions, Spoken } from '#contracts/text-to-speech.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { speechWorld, WORD_MS } from '#test/support/speech-links.ts';
import type { SpeechManners } from '#test/support/speech-links.ts';
import { chainTextToSpeech } from './chain-text-to-speech.ts';

const STALL_MS = 2_000;
const TEXT = 'Zero one, two "three" four. Five six; seven eight nine! Ten eleven twelve.';
const WORDS = TEXT.split(' ');

/** A chain of fake vendors; texts are pushed in clauses, as the conversation pushes them. */
function chainOf(...manners: readonly SpeechManners[]) {
  const clock = virtualClock();
  const world = speechWorld(clock);
  const [first, ...rest] = manners.map((one, index) => world.link({ name: `v${index}`, ...one }));
  if (!first) throw new Error('a chain has a link');
  const links = [first, ...rest] as const;
  const chain = chainTextToSpeech(links, { clock, stallMs: STALL_MS });
  const speak = async (text = TEXT, apartMs = 0) => {
    const spoken: Spoken[] = [];
    const startMs = clock.now();
    const atMs: number[] = [];
    const utterance = chain.speak({ voice: 'ignored', language: 'en' }, (said) => {
      spoken.push(said);
      atMs.push(clock.now() - startMs);
    });
    for (const clause of text.split(/(?<=[.,;!] )/)) {
      utterance.push(clause);
      if (apartMs > 0) await clock.advance(apartMs);
    }
    utterance.finish();
    await clock.advance(30_000);
    return { spoken, atMs };
  };
  return { clock, world, links, chain, speak };
}

const typesOf = (spoken: readonly Spoken[]): readonly string[] =>
  spoken.map(({ type }) => type).filter((type) => type !== 'audio' && type !== 'words');
const wordsOf = (spoken: readonly Spoken[]) =>
  spoken.flatMap((said) => (said.type === 'words' ? said.words : []));

const deaths = fc.record({
  afterMessages: fc.nat(60),
  how: fc.constantFrom('fails' as const, 'falls silent' as const),
});
const manners = fc.record({
  firstMs: fc.constantFrom(20, 150, 900),
  chunkMs: fc.constantFrom(20, 60, 100, 330),
});

describe('a voice that stands alone', () => {
  test('is asked again after a lost connection, and says no word twice but perhaps the first', async () => {
    await fc.assert(
      fc.asyncProperty(manners, fc.nat(60), async (one, afterMessages) => {
        const { world, speak } = chainOf({
          ...one,
          wordsLate: 1,
          dies: { afterMessages, how: 'fails' },
        });
        const { spoken } = await speak();
        const all = world.hear(spoken);
        // The opening goes out before its words are told: the caller waits for it.
        const heard = all[0] === all[1] ? all.slice(1) : all;
        expect(heard).toEqual(WORDS.slice(0, heard.length));
      }),
      { numRuns: 100 },
    );
  });
});

describe('a chain of voices', () => {
  test('whenever the first dies, every word is heard once, whole, with its own time', async () => {
    await fc.assert(
      fc.asyncProperty(
        manners,
        manners,
        deaths,
        fc.constantFrom(0, 250),
        async (a, b, dies, apart) => {
          const { world, speak, clock } = chainOf({ ...a, dies }, b);
          const { spoken } = await speak(TEXT, apart);
          expect(world.hear(spoken)).toEqual(WORDS);
          expect(wordsOf(spoken).map(({ text }) => text)).toEqual(WORDS);
          const endsMs = wordsOf(spoken).map(({ endMs }) => endMs);
          expect(endsMs).toEqual(endsMs.toSorted((one, two) => one - two));
          expect(typesOf(spoken).at(-1)).toBe('done');
          expect(world.open).toBe(0);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('none is lost either where word times come late', async () => {
    await fc.assert(
      fc.asyncProperty(
        manners,
        deaths,
        fc.integer({ min: 1, max: 3 }),
        async (a, dies, wordsLate) => {
          const { world, speak } = chainOf({ ...a, dies, wordsLate }, {});
          const { spoken } = await speak();
          expect(WORDS.filter((word) => !world.hear(spoken).includes(word))).toEqual([]);
          expect(wordsOf(spoken).map(({ text }) => text)).toEqual(WORDS);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('three of them dying one after the other are no worse', async () => {
    await fc.assert(
      fc.asyncProperty(deaths, deaths, async (one, two) => {
        const { world, speak } = chainOf({ dies: one }, { dies: two }, {});
        const { spoken } = await speak();
        expect(world.hear(spoken)).toEqual(WORDS);
        expect(wordsOf(spoken).map(({ text }) => text)).toEqual(WORDS);
      }),
      { numRuns: 60 },
    );
  });

  test('word times are those of the sound, over the seam, too', async () => {
    const { world, speak } = chainOf({ dies: { afterMessages: 9, how: 'fails' } }, {});
    const { spoken } = await speak();
    expect(world.hear(spoken)).toEqual(WORDS);
    expect(wordsOf(spoken).map(({ startMs }) => startMs)).toEqual(
      WORDS.map((_, index) => index * WORD_MS),
    );
  });

  test('the next one is given what has no whole sound yet, in its own voice, and keeps the floor', async () => {
    const { links, speak } = chainOf({ dies: { afterMessages: 9, how: 'fails' } }, {});
    const { spoken } = await speak();
    expect(spoken.filter(({ type }) => type === 'switched')).toEqual([
      { type: 'switched', failure: expect.objectContaining({ vendor: 'v0' }), to: 'v1' },
    ]);
    expect(TEXT.endsWith(links[1]?.texts[0] ?? '?')).toBe(true);
    const again = await speak('Thirteen fourteen.');
    expect(typesOf(again.spoken)).toEqual(['done']);
    expect(links[0].texts).toHaveLength(1);
    expect(links[0].failures).toHaveLength(1);
  });

  test('one that makes no sound is given up within its deadline, and speech goes on within a second', async () => {
    for (const afterMessages of [0, 1, 8, 20]) {
      const { speak } = chainOf({ dies: { afterMessages, how: 'falls silent' } }, {});
      const { spoken, atMs } = await speak();
      const at = spoken.findIndex(({ type }) => type === 'switched');
      const lastMs = spoken.slice(0, at).findLastIndex(({ type }) => type === 'audio');
      expect((atMs[at] ?? 0) - (atMs[lastMs] ?? 0)).toBeLessThanOrEqual(STALL_MS + 150);
      const next = spoken.findIndex(({ type }, index) => index > at && type === 'audio');
      expect((atMs[next] ?? Infinity) - (atMs[at] ?? 0)).toBeLessThanOrEqual(300);
    }
  });

  test('one that is only waiting for more text is not given up', async () => {
    const { speak, links } = chainOf({}, {});
    const { spoken } = await speak(TEXT, 5_000);
    expect(typesOf(spoken)).toEqual(['done']);
    expect(links[1]?.texts).toEqual([]);
  });

  test('a chain that is down says so once and names every link', async () => {
    const { speak, world } = chainOf({ refuses: true }, { refuses: true });
    const { spoken } = await speak();
    expect(typesOf(spoken)).toEqual(['switched', 'failed']);
    const failed = spoken.at(-1);
    expect(failed?.type === 'failed' && failed.failure).toMatchObject({
      vendor: 'v0, v1',
      message: 'v0 failed; v1 failed',
    });
    expect(world.open).toBe(0);
  });

  test('a connection that ended gets one more when there is no other vendor', async () => {
    const { speak, links, world } = chainOf({ dies: { afterMessages: 20, how: 'fails' } });
    const { spoken } = await speak('One two three.');
    expect(typesOf(spoken)).toEqual(['done']);
    const longer = await speak('One two three four five six.');
    expect(typesOf(longer.spoken)).toEqual(['switched', 'done']);
    expect(links[0].texts).toHaveLength(3);
    expect(world.hear(longer.spoken)).toEqual('One two three four five six.'.split(' '));
  });

  test('the first word is heard no later than without a chain', async () => {
    const slow = { chunkMs: 20, firstMs: 0 } as const;
    const chained = chainOf(slow, {});
    const alone = chainOf(slow);
    const first = async ({ speak }: typeof chained) => {
      const { spoken, atMs } = await speak('One two three.');
      return atMs[spoken.findIndex(({ type }) => type === 'audio')] ?? Infinity;
    };
    expect(await first(chained)).toBe(await first(alone));
  });

  test('cancelled, it says nothing more and leaves nothing open', async () => {
    const { chain, clock, world } = chainOf({}, {});
    const spoken: Spoken[] = [];
    const utterance = chain.speak({ voice: '', language: 'en' }, (said) => spoken.push(said));
    utterance.push(TEXT);
    await clock.advance(200);
    utterance.cancel();
    const before = spoken.length;
    await clock.advance(10_000);
    expect(spoken.length).toBe(before);
    expect(world.open).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('where vendors tell no times, no more than a word is lost or said twice at the seam', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (afterMessages) => {
        const quiet = { wordTimes: false } as const;
        const text = 'aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj.';
        const { world, speak, chain } = chainOf(
          { ...quiet, dies: { afterMessages, how: 'fails' } },
          quiet,
        );
        // They are found in the sound then.
        expect(chain.can.wordTimes).toBe(true);
        const { spoken } = await speak(text);
        expect(wordsOf(spoken).map((word) => word.text)).toEqual(text.split(' '));
        const heard = world.hear(spoken);
        const missing = text.split(' ').filter((word) => !heard.includes(word));
        expect(missing).toEqual([]);
        expect(typesOf(spoken).at(-1)).toBe('done');
      }),
      { numRuns: 40 },
    );
  });

  test('a voice without word times behind one with them gets estimated ones, each word once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), async (afterMessages) => {
        const { speak } = chainOf({ dies: { afterMessages, how: 'fails' } }, { wordTimes: false });
        const { spoken } = await speak();
        expect(wordsOf(spoken).map(({ text }) => text)).toEqual(WORDS);
      }),
      { numRuns: 30 },
    );
  });
});

test('who speaks first is warmed up for its own voice', () => {
  const clock = virtualClock();
  const link = speechWorld(clock).link({ name: 'v0' });
  const warmed: (SpeakOptions | undefined)[] = [];
  const vendor = { ...link.vendor, warm: (asked?: SpeakOptions) => void warmed.push(asked) };
  const chain = chainTextToSpeech([{ ...link, vendor }], { clock, stallMs: STALL_MS });
  chain.warm({ voice: 'ignored', language: 'en' });
  chain.warm();
  expect(warmed).toEqual([{ voice: 'v0-voice', language: 'en' }, undefined]);
});
