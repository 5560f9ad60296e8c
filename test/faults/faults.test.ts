import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registeredRoles } from '#test/support/registered-roles.ts';
import { FAULT_KINDS, faultCases, ROWS } from './cases.ts';
import type { FaultCase } from './cases.ts';
import { playCases } from './play.ts';
import { caseLine, faultsReport, isFlawless } from './report.ts';
import { openFaultWorld } from './world.ts';
import type { FaultWorld } from './world.ts';

const cases = faultCases();

describe('the cases', () => {
  test('hold every vendor of the registry in each of its roles', () => {
    for (const { vendor, role } of registeredRoles())
      expect(ROWS[role].map((row) => row.vendor)).toContain(vendor);
  });

  test('hold every fault for every way of every vendor, but those that its protocol rules out', () => {
    for (const [role, rows] of Object.entries(ROWS))
      for (const row of rows) {
        const kinds = new Set(
          cases
            .filter(({ name }) => name.startsWith(`${role}: ${row.name}, `))
            .map(({ kind }) => kind),
        );
        expect([...FAULT_KINDS].filter((kind) => !kinds.has(kind))).toEqual(
          row.swaps.length > 0 ? [] : ['wrong order'],
        );
      }
  });

  test('have names of their own, and another vendor behind the one in trouble', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    for (const { role, chains, trouble } of cases) {
      const [first, second] = chains[role];
      expect(first?.vendor).toBe(trouble.vendor);
      expect(second?.vendor).not.toBe(trouble.vendor);
      const others = Object.entries(chains).filter(([of]) => of !== role);
      for (const [, links] of others)
        expect(links.map(({ vendor }) => vendor)).not.toContain(trouble.vendor);
    }
  });
});

describe('a call', () => {
  let world: FaultWorld;
  beforeAll(async () => void (world = await openFaultWorld()));
  afterAll(() => world[Symbol.asyncDispose]());

  const named = (...parts: readonly string[]): FaultCase => {
    const found = cases.find(({ name }) => parts.every((part) => name.includes(part)));
    if (!found) throw new Error(`no case is called ${parts.join(' … ')}`);
    return found;
  };
  const few = [
    named('speech-to-text: deepgram nova-3', 'half-open while'),
    named('language-model: openai', 'closed mid-utterance'),
    named('text-to-speech: cartesia', 'half-open while'),
    named('text-to-speech: elevenlabs', 'closed mid-utterance after 20'),
  ];

  test('survives a few of them, one of each sort', { timeout: 120_000 }, async () => {
    const results = await playCases(world, few);
    expect(
      results.filter((result) => !isFlawless(result)).map((result) => caseLine(result)),
    ).toEqual([]);
    expect(faultsReport(results)).toMatchObject({
      ok: true,
      cases: few.length,
      calls_dropped: 0,
      words_lost: 0,
      words_repeated: 0,
    });
  });

  test(
    'is seen to be dropped where nobody stands behind the vendor',
    { timeout: 120_000 },
    async () => {
      const one = named('text-to-speech: cartesia', '401');
      const [alone] = one.chains['text-to-speech'];
      if (!alone) throw new Error('a chain without a link');
      const results = await playCases(world, [
        { ...one, chains: { ...one.chains, 'text-to-speech': [alone] } },
      ]);
      const report = faultsReport(results);
      expect(report).toMatchObject({ ok: false, calls_dropped: 1 });
      expect(report.words_lost).toBeGreaterThan(10);
      expect(report.failed[0]?.dropped).toContain('vendor_failure');
    },
  );
});

test('no case at all shows nothing', () => {
  expect(faultsReport([])).toMatchObject({ ok: false, cases: 0, gap_ms: { max: null } });
});
