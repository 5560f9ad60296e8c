import type { HeardTurn } from './load/caller.ts';
import type { Stamp } from './mocks/stamps.ts';

/**
 * Where the time between the vendors' messages went, of one turn, in milliseconds. What the vendors
 * take is not in it: each part runs from a message that left a vendor to one that came to the next,
 * or to the caller.
 */
export type OwnShare = {
  /** From the (eager) end of the turn to the request to the language model. */
  readonly thinkMs: number;
  /** From the token that completes the first clause to the text's coming to the voice. */
  readonly speakMs: number;
  /** From the first audio, or from the end of the turn where that is later, to its coming to the caller's carrier. */
  readonly playMs: number;
  readonly totalMs: number;
};

/**
 * Finds each turn's messages among those of all calls. Calls may say the same line at nearly the same time;
 * then each takes the first message that is left and fits, which keeps their sum right.
 * @param isEager replies are prepared on the eager end of a turn
 * @param clauseOf the first piece of a reply that is spoken
 * @returns one for each turn whose messages are all there
 */
export function ownShares(
  turns: readonly HeardTurn[],
  stamps: readonly Stamp[],
  {
    isEager,
    clauseOf,
  }: { readonly isEager: boolean; readonly clauseOf: (reply: string) => string },
): readonly OwnShare[] {
  const left = new Map<string, Stamp[]>();
  for (const stamp of stamps.toSorted((one, two) => one.atMs - two.atMs)) {
    const key = `${stamp.kind} ${stamp.text}`;
    const same = left.get(key);
    if (same) same.push(stamp);
    else left.set(key, [stamp]);
  }
  const take = (kind: Stamp['kind'], text: string, fromMs: number, untilMs: number) => {
    const same = left.get(`${kind} ${text}`) ?? [];
    const at = same.findIndex(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
    return at < 0 ? undefined : same.splice(at, 1)[0]?.atMs;
  };

  const shares: OwnShare[] = [];
  for (const turn of turns.toSorted((one, two) => one.spokenAtMs - two.spokenAtMs)) {
    const { line, reply, spokenAtMs, arrivedAtMs, outcome } = turn;
    if (outcome !== 'right' || arrivedAtMs === undefined) continue;
    const clause = clauseOf(reply);
    const eager = take('eager', line, spokenAtMs, arrivedAtMs);
    const end = take('end', line, spokenAtMs, arrivedAtMs);
    const start = isEager ? eager : end;
    if (end === undefined || start === undefined) continue;
    const asked = take('asked', line, start, arrivedAtMs);
    const complete = asked === undefined ? asked : take('clause', clause, asked, arrivedAtMs);
    const spoken = complete === undefined ? complete : take('speak', clause, complete, arrivedAtMs);
    const speech = spoken === undefined ? spoken : take('speech', clause, spoken, arrivedAtMs);
    if (asked === undefined || complete === undefined) continue;
    if (spoken === undefined || speech === undefined) continue;
    const thinkMs = asked - start;
    const speakMs = spoken - complete;
    const playMs = arrivedAtMs - Math.max(speech, end);
    shares.push({ thinkMs, speakMs, playMs, totalMs: thinkMs + speakMs + playMs });
  }
  return shares;
}
