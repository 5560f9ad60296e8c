import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrainItem } from '#sandbox/vendors/brain.ts';
import { ROWS } from '#test/faults/cases.ts';
import { startCall } from '#test/faults/call.ts';
import type { Chains, Link } from '#test/faults/call.ts';
import { align, plainWords } from '#test/faults/judge.ts';
import type { CallEvidence } from '#test/faults/judge.ts';
import type { Scenario } from '#test/faults/scenario.ts';
import { openFaultWorld } from '#test/faults/world.ts';
import type { FaultWorld } from '#test/faults/world.ts';

/** No word twice, so that each is known wherever it turns up. */
const REPLY =
  'Of course, with pleasure. We have a quiet corner by the window, or some long benches on our terrace under that old olive tree. How many people will you be, and at what time would they like to come?';
const REPLY_WORDS = plainWords(REPLY);
const ASKS = 'Hi, I would like to book for Friday evening.';
const CUTS_IN = 'Could I hear about lunch instead?';

/** From the end of the caller's question: before the answer begins, all through it, and after it. */
const moments = fc.uniqueArray(fc.noBias(fc.integer({ min: 500, max: 13_000 })), {
  minLength: 8,
  maxLength: 8,
});

const patient = { waitForAgent: 'to-finish', silentForMs: 3_000 } as const;

/** A caller who speaks over the answer at a moment of its own; what the model was shown then is kept. */
function cutIn(afterMs: number): { readonly scenario: Scenario; readonly shown: BrainItem[][] } {
  const shown: BrainItem[][] = [];
  return {
    shown,
    scenario: {
      greeting: 'Hello.',
      script: [
        patient,
        { say: ASKS },
        { silence: afterMs },
        { say: CUTS_IN },
        patient,
        { say: 'No, thank you, goodbye.' },
        { expectHangUp: true },
      ],
      brain: ({ items }) => {
        const said = items.flatMap((item) =>
          item.type === 'message' && item.role === 'user' ? item.text : [],
        );
        const last = said.at(-1) ?? '';
        if (/goodbye/i.test(last))
          return {
            text: 'Bye.',
            toolCalls: [{ name: 'end_call', arguments: { farewell: 'Bye.' } }],
          };
        if (/lunch/i.test(last)) {
          shown.push([...items]);
          return { text: 'Certainly.' };
        }
        return { text: REPLY };
      },
    },
  };
}

const chainsWith = (speech: Link): Chains => ({
  'speech-to-text': [{ vendor: 'deepgram' }],
  'language-model': [{ vendor: 'anthropic' }],
  'text-to-speech': [speech],
});

/** How many words of the reply the caller's ear understood, and how many the model believes were heard. */
function wordsHeard(
  { record, complaints, endReason }: CallEvidence,
  shown: readonly (readonly BrainItem[])[],
): { readonly atEar: number; readonly inContext: number } {
  expect({ complaints, endReason, problem: record.problem }).toEqual({
    complaints: [],
    endReason: 'agent_hangup',
    problem: undefined,
  });
  const ear = record.agentWords.map(({ text }) => plainWords(text).join(''));
  const atEar = align(REPLY_WORDS, ear).places.filter((place) => place !== undefined).length;
  const context = (shown.at(-1) ?? []).flatMap((item) =>
    item.type === 'message' && item.role === 'assistant' ? plainWords(item.text) : [],
  );
  const [, ...kept] = context;
  expect(REPLY_WORDS.slice(0, kept.length)).toEqual(kept);
  return { atEar, inContext: kept.length };
}

describe('after an interruption at any moment the model is shown the words that the caller heard', () => {
  let world: FaultWorld;
  beforeAll(async () => void (world = await openFaultWorld()));
  afterAll(() => world[Symbol.asyncDispose]());

  test.for(ROWS['text-to-speech'].map((row) => ({ ...row, tolerance: toleranceOf(row) })))(
    'from $name, give or take $tolerance',
    { timeout: 300_000 },
    async ({ vendor, model, tolerance }) => {
      await fc.assert(
        fc.asyncProperty(moments, async (afterMs) => {
          const calls = [];
          for (const moment of afterMs) {
            const { scenario, shown } = cutIn(moment);
            const link = { vendor, ...(model !== undefined && { model }) };
            const { evidence } = await startCall(world, chainsWith(link), undefined, scenario);
            calls.push({ moment, shown, evidence });
          }
          await world.during(Promise.all(calls.map(({ evidence }) => evidence)));
          const wrong = [];
          for (const { moment, shown, evidence } of calls) {
            const { atEar, inContext } = wordsHeard(await evidence, shown);
            if (Math.abs(atEar - inContext) > tolerance) wrong.push({ moment, atEar, inContext });
          }
          expect(wrong).toEqual([]);
        }),
        { numRuns: 1, endOnFailure: true },
      );
    },
  );
});

/** Whoever tells the times of words lets it be known exactly; otherwise one word may be mistaken. */
const toleranceOf = ({ vendor }: Link): number =>
  vendor === 'cartesia' || vendor === 'elevenlabs' ? 0 : 1;
