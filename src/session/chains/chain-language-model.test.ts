import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Thought } from '#contracts/language-model.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { modelWorld } from '#test/support/model-links.ts';
import type { ModelManners } from '#test/support/model-links.ts';
import { chainLanguageModel } from './chain-language-model.ts';

const HEDGE_MS = 1_200;
const ANSWER =
  'Four people on Friday at half past seven, gladly. We have a quiet corner by the window, or a long table on the terrace.';
const REQUEST = {
  systemPrompt: 'Be brief.',
  context: [{ role: 'caller', text: 'A table for four.' }],
  tools: [],
  maxOutputTokens: 100,
} as const;

function chainOf(...manners: readonly ModelManners[]) {
  const clock = virtualClock();
  const world = modelWorld(clock, ANSWER);
  const [first, ...rest] = manners.map((one, index) => world.link({ name: `m${index}`, ...one }));
  if (!first) throw new Error('a chain has a link');
  const links = [first, ...rest] as const;
  const chain = chainLanguageModel(links, { clock, hedgeMs: HEDGE_MS });
  const think = async () => {
    const thoughts: Thought[] = [];
    const startMs = clock.now();
    const atMs: number[] = [];
    chain.think(REQUEST, (thought) => {
      thoughts.push(thought);
      atMs.push(clock.now() - startMs);
    });
    await clock.advance(60_000);
    return { thoughts, atMs };
  };
  return { clock, world, links, chain, think };
}

const textOf = (thoughts: readonly Thought[]): string =>
  thoughts.map((thought) => (thought.type === 'delta' ? thought.text : '')).join('');
const typesOf = (thoughts: readonly Thought[]): readonly string[] =>
  thoughts.map(({ type }) => type).filter((type) => type !== 'delta');

const dies = fc.record({
  afterPieces: fc.nat(35),
  how: fc.constantFrom('fails' as const, 'falls silent' as const),
});
const goesOn = fc.constantFrom(
  'exactly' as const,
  'with an overlap' as const,
  'from the start' as const,
);
const pieceChars = fc.constantFrom(1, 3, 4, 9, 200);

describe('a chain of models', () => {
  test('whenever the first dies, the caller is given one whole answer', async () => {
    await fc.assert(
      fc.asyncProperty(dies, goesOn, pieceChars, pieceChars, async (death, how, one, two) => {
        const { think, world, clock } = chainOf(
          { dies: death, pieceChars: one },
          { goesOn: how, pieceChars: two },
        );
        const { thoughts } = await think();
        expect(textOf(thoughts)).toBe(ANSWER);
        expect(typesOf(thoughts).filter((type) => type === 'done')).toEqual(['done']);
        expect(world.working).toBe(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('two of them dying one after the other are no worse', async () => {
    await fc.assert(
      fc.asyncProperty(dies, dies, goesOn, async (one, two, how) => {
        const { think } = chainOf({ dies: one }, { dies: two, goesOn: how }, { goesOn: how });
        const { thoughts } = await think();
        expect(textOf(thoughts)).toBe(ANSWER);
      }),
      { numRuns: 100 },
    );
  });

  test('one that is slow gets a rival; the faster one speaks and the other is stopped', async () => {
    const { think, links, world } = chainOf({ firstMs: 9_000 }, {});
    const { thoughts, atMs } = await think();
    expect(textOf(thoughts)).toBe(ANSWER);
    expect(atMs[0]).toBe(HEDGE_MS + 300);
    expect(thoughts[0]).toMatchObject({
      type: 'switched',
      failure: { vendor: 'm0', code: 'timeout' },
      to: 'm1',
    });
    expect(world.working).toBe(0);
    // Slow once is not broken.
    expect(links[0].failures).toEqual([]);
  });

  test('the rival is stopped if the first was faster after all, and nobody is told', async () => {
    const { think, links, world } = chainOf({ firstMs: HEDGE_MS + 100 }, {});
    const { thoughts } = await think();
    expect(textOf(thoughts)).toBe(ANSWER);
    expect(typesOf(thoughts)).toEqual(['done']);
    expect(links[1]?.asked).toHaveLength(1);
    expect(world.working).toBe(0);
  });

  test('one that is quick enough has no rival', async () => {
    const { think, links } = chainOf({ firstMs: HEDGE_MS - 1 }, {});
    await think();
    expect(links[1]?.asked).toEqual([]);
  });

  test('who loses two races in a row is no longer asked first', async () => {
    const { think, links } = chainOf({ firstMs: 9_000 }, {});
    await think();
    await think();
    const third = await think();
    expect(links[0].asked).toHaveLength(2);
    expect(third.atMs[0]).toBeLessThan(400);
  });

  test('who fails is not asked first again in this call', async () => {
    const { think, links } = chainOf({ dies: { afterPieces: 0, how: 'fails' } }, {});
    await think();
    await think();
    expect(links[0].asked).toHaveLength(1);
    expect(links[0].failures).toHaveLength(1);
  });

  test('a tool that was called is not called again: the answer is over', async () => {
    const tool = { tool: 'look_up', pieceChars: 200 } as const;
    const { think, links } = chainOf({ ...tool, dies: { afterPieces: 2, how: 'fails' } }, tool);
    const { thoughts } = await think();
    expect(typesOf(thoughts)).toEqual(['tool-call', 'done']);
    expect(textOf(thoughts)).toBe(ANSWER);
    expect(links[1]?.asked).toEqual([]);
  });

  test('a tool that was not called yet is called by the one that goes on', async () => {
    const tool = { tool: 'look_up', pieceChars: 200 } as const;
    const { think } = chainOf({ ...tool, dies: { afterPieces: 1, how: 'fails' } }, tool);
    expect(typesOf((await think()).thoughts)).toEqual(['switched', 'tool-call', 'done']);
  });

  test('a chain that is down says so once and names every link', async () => {
    const dead = { dies: { afterPieces: 0, how: 'fails' } } as const;
    const { think } = chainOf(dead, dead);
    const { thoughts } = await think();
    expect(typesOf(thoughts).filter((type) => type === 'failed')).toHaveLength(1);
    const last = thoughts.at(-1);
    expect(last?.type === 'failed' && last.failure.vendor).toBe('m0, m1');
  });

  test('aborted in the middle of a race it stops both and says nothing', async () => {
    const { chain, clock, world } = chainOf({ firstMs: 9_000 }, { firstMs: 9_000 });
    const thoughts: Thought[] = [];
    const thinking = chain.think(REQUEST, (thought) => thoughts.push(thought));
    await clock.advance(HEDGE_MS + 10);
    expect(world.working).toBe(2);
    thinking.abort();
    expect(world.working).toBe(0);
    await clock.advance(20_000);
    expect(thoughts).toEqual([]);
  });
});
