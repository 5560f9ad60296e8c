import { isDeepStrictEqual } from 'node:util';
import type { Turn } from '#protocol/calls.ts';
import type { Evidence } from '../evidence.ts';
import type { Rule } from './rule.ts';
import { contentOf, judgedSpan, statesOf } from './timeline.ts';

/** From a word to the turn it stands in: the longest wait for its end, and a recogniser that takes over. */
const LATEST_MS = 12_000;

/**
 * The store holds each turn once, with the numbers 0, 1, 2, …, as the session made them: none is lost,
 * none is there twice. A killed node may take the turn in flight with it.
 */
export const turnsAreStored: Rule = {
  name: 'turns-are-stored',
  check({ events, call, plan, sessionMs, overMs }) {
    if (sessionMs === undefined) return [];
    const made = events.flatMap(({ what }) => (what.type === 'turn' ? what.turn : []));
    const stored = call?.turns ?? [];
    const atMs = overMs ?? sessionMs;
    const isKilled = plan.node?.kind === 'kill';
    const inFlight = isKilled ? (plan.storeTroubles.length > 0 ? made.length : 1) : 0;
    if (stored.length > made.length || stored.length < made.length - inFlight)
      return [{ atMs, what: `${made.length} turns were made and ${stored.length} are stored` }];
    const wrong = stored.findIndex(
      (turn, index) => turn.index !== index || !isDeepStrictEqual(turn, plain(made[index])),
    );
    return wrong < 0 ? [] : [{ atMs, what: `turn ${wrong} is not stored as it was made` }];
  },
};

const plain = (turn: Turn | undefined): unknown => turn && JSON.parse(JSON.stringify(turn));

/**
 * Each word of the caller stands in the record once: none that a recogniser that took over heard again
 * stands there twice, and none that was spoken while the agent listened is missing.
 */
export const callersWords: Rule = {
  name: 'callers-words',
  check(evidence) {
    const judged = judgedSpan(evidence);
    if (!judged) return [];
    const counts = new Map<string, number>();
    for (const { what } of evidence.events)
      if (what.type === 'turn' && what.turn.role === 'caller')
        for (const token of contentOf(what.turn.text))
          counts.set(token, (counts.get(token) ?? 0) + 1);
    const listensUntilMs = Math.min(judged.untilMs, deafMs(evidence));
    return evidence.spoken.flatMap(({ word, startMs, endMs }) => {
      const [token] = contentOf(word.text);
      if (token === undefined) return [];
      const count = counts.get(token) ?? 0;
      if (count > 1) return { atMs: startMs, what: `"${token}" is written down ${count} times` };
      const isDue = startMs > judged.fromMs && endMs + LATEST_MS < listensUntilMs;
      if (count === 1 || !isDue || evidence.plan.carrier.lossRate !== undefined) return [];
      return { atMs: startMs, what: `"${token}" was said and is not written down` };
    });
  },
};

/** From when on the agent listens no more: its last words, or somebody else has the line. */
function deafMs(evidence: Evidence): number {
  const last = statesOf(evidence).find(
    ({ state }) => state === 'ending' || state === 'transferring',
  );
  return last?.fromMs ?? Infinity;
}
