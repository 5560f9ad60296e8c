import { createHash } from 'node:crypto';
import { VoiceError } from '#lib/errors.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { progressOf, utterancesOf } from './transcript.ts';

/** Something that Retell told of a call, and what makes two deliveries the same. */
export type RetellEvent = {
  /** As Retell names it; an alias is resolved. Names of ours begin with a colon. */
  readonly name: string;
  readonly callId: string;
  /** Of the events of a call with the same key one counts: the one of the highest rank. */
  readonly key: string;
  /** Compares as ASCII text; the same for the same content, and different for any other. */
  readonly rank: string;
  /** As it came, without what opens the call to others. */
  readonly body: JsonRecord;
};

/**
 * Reads the body of a webhook whose signature is right. Unknown events and fields are kept as they
 * are. Throws a `VoiceError`: `bad_request` for what is no JSON object, `invalid` where the event or
 * its call cannot be told.
 */
export function readRetellEvent(rawBody: Uint8Array): RetellEvent {
  const body = parse(rawBody);
  const given = textOf(body['event']);
  if (!EVENT_NAME.test(given)) throw missing(['event'], 'The name of an event');
  const call = callOf(body);
  const callId = textOf(call['call_id']);
  if (!CALL_ID.test(callId)) throw missing(['call', 'call_id'], "Retell's id of a call");
  // HydraCore's documents have this name for it.
  const name = given === 'transcript_update' ? 'transcript_updated' : given;
  try {
    return retellEvent(name, callId, body);
  } catch (error) {
    // Nested so deep that it cannot be written down.
    throw new VoiceError('bad_request', 'The body cannot be stored.', { cause: error });
  }
}

/** What Retell's REST API says of a call, as if it had told it by itself at `atMs`. */
export const fetchedEvent = (callId: string, call: JsonRecord, atMs: number): RetellEvent =>
  retellEvent(FETCHED, callId, { call, event_timestamp: Math.round(atMs) });

/** Retell cannot be asked about a call (any more), so this is how it ends for us. */
export const lostEvent = (
  callId: string,
  lost: { readonly reason: 'transport_lost' | 'channel_removed'; readonly detail: string },
  atMs: number,
): RetellEvent => retellEvent(LOST, callId, { ...lost, event_timestamp: Math.round(atMs) });

export const FETCHED = ':fetched';
export const LOST = ':lost';

/** The call object of an event; empty where there is none. */
export const callOf = (body: JsonRecord): JsonRecord =>
  isRecord(body['call']) ? body['call'] : {};

/** When an event was sent, in ms since the epoch, where it says so. */
export const toldAtMs = (body: JsonRecord): number | undefined => numberIn(body, 'event_timestamp');

export const numberIn = (record: JsonRecord, name: string): number | undefined => {
  const value = record[name];
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
};

/** A fetched call that is over: it says as much as the events at its end. */
export const isOver = (call: JsonRecord): boolean =>
  ['ended', 'error', 'not_connected'].includes(textOf(call['call_status']));

const EVENT_NAME = /^[\w.-]{1,100}$/;
const CALL_ID = /^[\w.:-]{1,200}$/;

/** What would let a reader into the call: the join token of a web call, our own socket's URL. */
const OPENS_THE_CALL = ['access_token', 'llm_websocket_url'];

function retellEvent(name: string, callId: string, given: JsonRecord): RetellEvent {
  const body = {
    ...given,
    ...(isRecord(given['call']) && { call: withoutSecrets(given['call']) }),
  };
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  return {
    name,
    callId,
    key: keyOf(name, body, digest),
    rank: [...precedenceOf(name, body).map(sortable), digest].join('.'),
    body,
  };
}

const withoutSecrets = (call: JsonRecord): JsonRecord =>
  Object.fromEntries(Object.entries(call).filter(([field]) => !OPENS_THE_CALL.includes(field)));

function keyOf(name: string, body: JsonRecord, digest: string): string {
  switch (name) {
    case 'call_started':
    case 'call_ended':
    case 'call_analyzed':
    case 'transcript_updated':
    case FETCHED:
    case LOST:
      return name;
    case 'transfer_started':
    case 'transfer_bridged':
    case 'transfer_cancelled':
    case 'transfer_ended': {
      const destination = JSON.stringify(body['transfer_destination'] ?? null);
      const to = createHash('sha256').update(destination).digest('hex').slice(0, 16);
      return `${name}:${numberIn(callOf(body), 'start_timestamp') ?? ''}:${to}`;
    }
    default:
      // What it is about is not known, so that only the very same content is a repetition.
      return `${name}:${digest.slice(0, 32)}`;
  }
}

/** What tells, of two events with the same key, which is the later one: the first difference. */
function precedenceOf(name: string, body: JsonRecord): readonly number[] {
  const call = callOf(body);
  const endMs = numberIn(call, 'end_timestamp') ?? 0;
  switch (name) {
    case 'transcript_updated':
      return [toldAtMs(body) ?? 0, ...progressOf(utterancesOf(body))];
    case FETCHED:
      // Once it is over it stays over, whatever an answer says that took longer.
      return [isOver(call) ? 1 : 0, toldAtMs(body) ?? 0];
    case LOST:
      return [];
    default:
      return [toldAtMs(body) ?? endMs, endMs];
  }
}

/** The same order as text as the numbers have; what is out of reach is as far as it goes. */
const sortable = (value: number): string =>
  String(Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER)).padStart(16, '0');

function parse(rawBody: Uint8Array): JsonRecord {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(rawBody));
    if (isRecord(value)) return value;
  } catch (error) {
    throw new VoiceError('bad_request', 'The body is not JSON.', { cause: error });
  }
  throw new VoiceError('bad_request', 'The body is not a JSON object.');
}

const missing = (path: readonly string[], what: string): VoiceError =>
  new VoiceError('invalid', `${what} is expected.`, {
    faults: [{ loc: ['body', ...path], msg: `${what} is expected`, type: 'value_error' }],
  });
