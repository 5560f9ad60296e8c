import type { Turn } from '#protocol/calls.ts';
import type { Evidence } from '../evidence.ts';
import { isWhole } from '../world/labelled-sound.ts';
import type { Piece } from '../world/labelled-sound.ts';
import { UNTIMED_VOICE } from '../plan.ts';
import type { Rule } from './rule.ts';
import { contentOf, judgedSpan, roundTripMs } from './timeline.ts';
import { tokensOf } from './tokens.ts';

/** Words whose sound ended so near to the end of a stretch may be counted or not: their mark was on its way. */
const MARKS_MS = 300;
/** One packet that is played, and one that is on its way to the ear. */
const PACKETS_MS = 40;
/** Of a voice that tells no word times the words that were heard are an estimate, which is off by no more. */
const ESTIMATE_WORDS = 4;

type Found = { readonly atMs: number; readonly what: string };

/**
 * What the model is shown, and the owner reads, as heard is what sounded at the caller's ear: each
 * word of the agent once, whole and in order, none that was not heard, and none twice. Where a voice
 * without word times spoke, how far a reply that was cut off had come is an estimate.
 */
export const contextIsWhatWasHeard: Rule = {
  name: 'context-is-what-was-heard',
  check(evidence) {
    const judged = judgedSpan(evidence);
    if (!judged || evidence.plan.carrier.lossRate !== undefined) return [];
    const whole = evidence.heard.filter((piece) => isWhole(piece) && piece.endMs <= judged.untilMs);
    return [...doubled(whole, evidence), ...asRecorded(evidence, whole, judged.untilMs)];
  },
};

/** Longer than this the conversation waits for no mark before it goes on after a false alarm. */
const SETTLED_MS = 250;
/** From a word to itself, where it is said again because its mark was late. */
const SAID_AGAIN_MS = 3_000;

/**
 * A word of the vocabulary is said once in a call, by a voice that knows where its words are. It may be
 * said again after a false alarm if its last packet was the one that was being played when the line was
 * cleared, or if the line is so slow that marks come too late.
 */
function doubled(whole: readonly Piece[], evidence: Evidence): readonly Found[] {
  const delayMs = roundTripMs(evidence);
  const holdsMs = holdsOf(evidence);
  const isTorn = ({ endMs }: Piece): boolean =>
    holdsMs.some((holdMs) => holdMs >= endMs - delayMs - PACKETS_MS && holdMs <= endMs);
  const seen = new Map<string, Piece>();
  return whole.flatMap((piece) => {
    const { word, startMs } = piece;
    const [token] = contentOf(word?.text ?? '');
    if (token === undefined) return [];
    if (word?.by === UNTIMED_VOICE) return [];
    const before = seen.get(token);
    seen.set(token, piece);
    if (before === undefined || isTorn(before)) return [];
    if (delayMs > SETTLED_MS && startMs - before.startMs < SAID_AGAIN_MS) return [];
    return { atMs: startMs, what: `"${word?.text}" is heard twice` };
  });
}

/** When the agent fell silent to listen. */
const holdsOf = ({ journal, sessionMs }: Evidence): readonly number[] =>
  journal.flatMap(({ atMs, did }) =>
    Array.isArray(did) && did.some((effect) => String(effect).startsWith('hold-audio'))
      ? (sessionMs ?? 0) + atMs
      : [],
  );

function asRecorded(
  evidence: Evidence,
  whole: readonly Piece[],
  judgedUntilMs: number,
): readonly Found[] {
  const lateMs = MARKS_MS + roundTripMs(evidence);
  const found: Found[] = [];
  const heardAt = new Map<string, number>();
  for (const { word, endMs } of whole)
    for (const token of contentOf(word?.text ?? '')) heardAt.set(token, endMs);
  const recorded = new Set<string>();
  // The packet that is being played when the line is cleared may be heard to its end or not.
  const almost = new Set(
    evidence.heard.flatMap(({ word, untilMs }) =>
      word && untilMs >= word.durationMs - PACKETS_MS ? contentOf(word.text) : [],
    ),
  );
  const estimated = new Set(
    evidence.heard.flatMap(({ word }) => (word?.by === UNTIMED_VOICE ? contentOf(word.text) : [])),
  );
  for (const turn of recordedTurns(evidence)) {
    if (turn.role !== 'agent') continue;
    const isEstimate = contentOf(turn.text).some((token) => estimated.has(token));
    const shown = new Set(contentOf(turn.heard));
    const endMs = (evidence.sessionMs ?? 0) + turn.end_ms;
    if (endMs > judgedUntilMs + lateMs) continue;
    const off = contentOf(turn.text).filter((token) => {
      recorded.add(token);
      const soundedMs = heardAt.get(token);
      if (shown.has(token)) return soundedMs === undefined && !almost.has(token);
      return soundedMs !== undefined && soundedMs < Math.min(endMs, judgedUntilMs) - lateMs;
    });
    if (off.length > (isEstimate ? ESTIMATE_WORDS : 0))
      found.push({
        atMs: endMs,
        what: `the record of turn ${turn.index} is wrong about ${off.map((token) => `"${token}"`).join(', ')}`,
      });
    if (!isPrefix(tokensOf(turn.heard), tokensOf(turn.text)))
      found.push({ atMs: endMs, what: `turn ${turn.index} was not heard from its beginning on` });
  }
  // Where marks come too late, a reply that the caller cut off at its first word counts as unheard.
  if (roundTripMs(evidence) > SETTLED_MS) return found;
  for (const [token, endMs] of heardAt)
    if (!recorded.has(token) && endMs < judgedUntilMs - lateMs - LATEST_TURN_MS)
      found.push({ atMs: endMs, what: `"${token}" was heard and stands in no turn` });
  return found;
}

/** A reply is recorded at its end. */
const LATEST_TURN_MS = 30_000;

const recordedTurns = ({ events }: Evidence): readonly Turn[] =>
  events.flatMap(({ what }) => (what.type === 'turn' ? what.turn : []));

const isPrefix = (start: readonly string[], all: readonly string[]): boolean =>
  start.every((token, index) => token === all[index]);
