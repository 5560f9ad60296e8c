import { isRecord, listOf, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { Turn } from '#protocol/calls.ts';

/** A stretch of speech in Retell's transcript, in ms from the start of the call. */
export type Utterance = {
  readonly role: 'caller' | 'agent';
  readonly text: string;
  /** Undefined where Retell gives no times of words. */
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
};

/**
 * What caller and agent say by the transcript of an event, in order; undefined: it has none. Tool
 * calls, keys and whom the call was transferred to are left out: they are in the provider's record.
 */
export function utterancesOf(body: JsonRecord): readonly Utterance[] | undefined {
  const call = isRecord(body['call']) ? body['call'] : {};
  // An update may have its transcript beside the call or in it.
  const lists = [
    call['transcript_object'],
    call['transcript_with_tool_calls'],
    body['transcript_object'],
    body['transcript_with_tool_calls'],
  ];
  const list = lists.find((one) => Array.isArray(one));
  return list === undefined ? undefined : listOf(list).flatMap(utteranceOf);
}

/** How far a transcript has come, as numbers to compare one after the other. */
export function progressOf(utterances: readonly Utterance[] | undefined): readonly number[] {
  const said = utterances ?? [];
  const chars = said.reduce((sum, { text }) => sum + text.length, 0);
  return [Math.max(0, ...said.map(({ endMs }) => endMs ?? 0)), said.length, chars];
}

/**
 * The turns of a call that Retell's own agent answers. What its transcript has was said aloud, so
 * `heard` is `text`. Retell does not mark interruptions: an agent's turn counts as interrupted when
 * by the times of the words the caller began before its last word was over.
 */
export function turnsOf(utterances: readonly Utterance[]): readonly Turn[] {
  let lastMs = 0;
  const timed = utterances.map((utterance) => {
    const startMs = utterance.startMs ?? lastMs;
    const endMs = Math.max(startMs, utterance.endMs ?? startMs);
    lastMs = Math.max(lastMs, endMs);
    return { ...utterance, startMs, endMs };
  });
  return timed.map(({ role, text, startMs, endMs }, index) => {
    const next = timed[index + 1];
    const isCutOff = role === 'agent' && next?.role === 'caller' && next.startMs < endMs;
    return {
      index,
      role,
      text,
      heard: text,
      interrupted: isCutOff,
      start_ms: startMs,
      end_ms: endMs,
      waterfall_ms: {},
    };
  });
}

const ROLES: Readonly<Record<string, Utterance['role']>> = { agent: 'agent', user: 'caller' };

function utteranceOf(item: unknown): readonly Utterance[] {
  if (!isRecord(item)) return [];
  const role = ROLES[textOf(item['role'])];
  const text = textOf(item['content']).trim();
  if (!role || text === '') return [];
  const words = listOf(item['words']).filter(isRecord);
  return [{ role, text, startMs: ms(words[0]?.['start']), endMs: ms(words.at(-1)?.['end']) }];
}

/** Seconds to milliseconds, without what floating point adds. */
const ms = (seconds: unknown): number | undefined =>
  typeof seconds === 'number' && seconds >= 0 && seconds < SECONDS_MAX
    ? Math.round(seconds * 1_000)
    : undefined;

/** A day: no call is as long. */
const SECONDS_MAX = 86_400;
