import { textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { endReasons } from '#protocol/calls.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import { endReasonOf } from './end-reason.ts';
import { FETCHED, LOST, callOf, isOver, numberIn, toldAtMs } from './events.ts';
import type { RetellEvent } from './events.ts';
import { progressOf, turnsOf, utterancesOf } from './transcript.ts';

export type ReceivedEvent = Omit<RetellEvent, 'callId'> & {
  /** Counts only where Retell gives no time of its own. */
  readonly receivedAtMs: number;
};

/** What Retell's events of a call come to. */
export type RetellCall = {
  /** Whoever is not the agent; empty: not known, or no phone, as in a web call. */
  readonly callerPhone: string;
  readonly calledPhone: string;
  /** Undefined: not told. A call that was never connected has no start. */
  readonly startedAtMs: number | undefined;
  /** While it is live. */
  readonly state: CallState;
  readonly end: RetellEnd | undefined;
  readonly turns: readonly Turn[];
  /** Retell's call object as it is at the end; undefined before that. */
  readonly record: JsonRecord | undefined;
  /** Nothing more is to come, or to be asked for. */
  readonly isComplete: boolean;
};

export type RetellEnd = {
  readonly reason: EndReason;
  readonly detail: string;
  readonly atMs: number;
  /** Retell told it itself. Otherwise we gave the call up. */
  readonly isTold: boolean;
};

/**
 * Total, and the same for any order and any repetition of the events. As soon as one of the end is
 * there (`call_ended`, `call_analyzed`, or the call as fetched when it was over), only those make the
 * record, the end and the transcript they have: of what came before any may be lost.
 */
export function foldEvents(events: readonly ReceivedEvent[]): RetellCall {
  const told = latestOfEach(events);
  const finals = told.filter(isFinal).toSorted(bySay);
  const before = told.filter((event) => !isFinal(event)).toSorted(bySay);
  const lost = told.find(({ name }) => name === LOST);

  const record = finals.length > 0 ? merged(finals) : undefined;
  const known = { ...merged(before), ...record };
  const startedAtMs = numberIn(known, 'start_timestamp');
  const end = record ? endOf(record, finals, startedAtMs) : lost && endOfLost(lost);
  const turns = turnsOf(transcriptOf(finals, before) ?? []);
  return {
    ...phonesOf(known),
    startedAtMs,
    state: stateOf(before, turns),
    end,
    turns,
    record,
    isComplete: lost !== undefined || finals.some((event) => stageOf(event) === ANALYZED),
  };
}

/** As the inbox does it: of events with the same key the one of the highest rank. */
function latestOfEach(events: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
  const latest = new Map<string, ReceivedEvent>();
  for (const event of events) {
    const other = latest.get(event.key);
    const isLater =
      !other ||
      event.rank > other.rank ||
      (event.rank === other.rank && event.receivedAtMs < other.receivedAtMs);
    if (isLater) latest.set(event.key, event);
  }
  return [...latest.values()];
}

const isFinal = ({ name, body }: ReceivedEvent): boolean =>
  name === 'call_ended' || name === 'call_analyzed' || (name === FETCHED && isOver(callOf(body)));

/** The weightier one later: analysed after ended, then by the time of telling; never a tie. */
function bySay(left: ReceivedEvent, right: ReceivedEvent): number {
  const difference =
    stageOf(left) - stageOf(right) || (toldAtMs(left.body) ?? 0) - (toldAtMs(right.body) ?? 0);
  if (difference !== 0) return difference;
  const [a, b] = [`${left.name} ${left.rank}`, `${right.name} ${right.rank}`];
  return a < b ? -1 : Number(a > b);
}

const ANALYZED = 3;

function stageOf({ name, body }: ReceivedEvent): number {
  const isAnalyzed = name === 'call_analyzed' || Boolean(callOf(body)['call_analysis']);
  if (isAnalyzed) return ANALYZED;
  return name === FETCHED ? 2 : Number(name === 'call_ended');
}

/** Field by field the last word; a field that is null or missing says nothing. */
const merged = (events: readonly ReceivedEvent[]): JsonRecord =>
  Object.fromEntries(
    events.flatMap(({ body }) =>
      Object.entries(callOf(body)).filter(([, value]) => value !== null && value !== undefined),
    ),
  );

function endOf(
  record: JsonRecord,
  finals: readonly ReceivedEvent[],
  startedAtMs: number | undefined,
): RetellEnd {
  const durationMs = numberIn(record, 'duration_ms');
  const byDuration =
    startedAtMs === undefined || durationMs === undefined ? undefined : startedAtMs + durationMs;
  const last = finals.at(-1);
  const disconnectionReason = textOf(record['disconnection_reason']);
  return {
    reason: endReasonOf(disconnectionReason),
    detail: disconnectionReason || 'Retell gave no reason.',
    atMs:
      numberIn(record, 'end_timestamp') ??
      byDuration ??
      (last && toldAtMs(last.body)) ??
      last?.receivedAtMs ??
      0,
    isTold: true,
  };
}

function endOfLost({ body, receivedAtMs }: ReceivedEvent): RetellEnd {
  const reason = endReasons.find((known) => known === body['reason']) ?? 'transport_lost';
  const atMs = toldAtMs(body) ?? receivedAtMs;
  return { reason, detail: textOf(body['detail']), atMs, isTold: false };
}

/** The last one of the end that has a transcript; without any, the one that has come furthest. */
function transcriptOf(finals: readonly ReceivedEvent[], before: readonly ReceivedEvent[]) {
  const final = finals.findLast(({ body }) => utterancesOf(body) !== undefined);
  if (final) return utterancesOf(final.body);
  return before
    .map(({ body }) => ({ told: toldAtMs(body) ?? 0, said: utterancesOf(body) }))
    .filter(({ said }) => said !== undefined)
    .toSorted((a, b) => a.told - b.told || compare(progressOf(a.said), progressOf(b.said)))
    .at(-1)?.said;
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const difference = value - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function phonesOf(known: JsonRecord): Pick<RetellCall, 'callerPhone' | 'calledPhone'> {
  const from = phoneOf(known['from_number']);
  const to = phoneOf(known['to_number']);
  const isOutbound = known['direction'] === 'outbound';
  return isOutbound
    ? { callerPhone: to, calledPhone: from }
    : { callerPhone: from, calledPhone: to };
}

/** A number, a SIP address or a word such as `anonymous`; whatever else it is, it can be stored. */
const phoneOf = (value: unknown): string =>
  textOf(value)
    .replaceAll(/\p{Cc}|\p{Cs}/gu, '')
    .slice(0, 128);

/** As far as Retell tells while a call goes on: an update comes whenever the other side takes over. */
function stateOf(before: readonly ReceivedEvent[], turns: readonly Turn[]): CallState {
  const transfer = before
    .filter(({ name }) => name.startsWith('transfer_'))
    .toSorted((a, b) => saidAtMs(a) - saidAtMs(b) || bySay(a, b))
    .at(-1);
  if (transfer?.name === 'transfer_started' || transfer?.name === 'transfer_bridged')
    return 'transferring';
  const last = turns.at(-1);
  if (last) return last.role === 'agent' ? 'speaking' : 'listening';
  const isConnected = before.some(
    ({ name, body }) =>
      name === 'call_started' ||
      name === 'transcript_updated' ||
      textOf(callOf(body)['call_status']) === 'ongoing',
  );
  return isConnected ? 'greeting' : 'ringing';
}

const saidAtMs = (event: ReceivedEvent): number => toldAtMs(event.body) ?? event.receivedAtMs;
