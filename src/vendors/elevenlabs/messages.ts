import { isRecord, listOf, parseRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

/** One character of the text and when it is spoken, counted from the first sample of the audio it came with. */
export type CharacterTime = {
  readonly character: string;
  readonly startMs: number;
  readonly endMs: number;
};

/** What the service says of one context. */
export type ContextMessage = {
  /** May be empty. */
  readonly audio: Uint8Array;
  /** Of this audio, or of what follows it, too. */
  readonly characters: readonly CharacterTime[];
  /** Nothing more comes of this context. */
  readonly isFinal: boolean;
};

export type ServerMessage =
  | { readonly type: 'context'; readonly contextId: string; readonly message: ContextMessage }
  /** It concerns the whole connection, which ends with it. */
  | { readonly type: 'error'; readonly reason: string; readonly detail: string }
  | { readonly type: 'garbled'; readonly detail: string };

/** Opens a context; the documentation wants a single space as its first text. */
export const openRequest = (contextId: string): string =>
  JSON.stringify({ text: ' ', context_id: contextId });

/** Text to be spoken now: whole words, with the space at the end that the service wants. */
export const textRequest = (contextId: string, text: string): string =>
  JSON.stringify({ text: `${text.trim()} `, context_id: contextId, flush: true });

/** What was flushed is still spoken; then the context is final. */
export const closeRequest = (contextId: string): string =>
  JSON.stringify({ context_id: contextId, close_context: true });

/** Text without a letter in it says nothing, and shows that somebody is still there. */
export const keepAliveRequest = (contextId: string): string =>
  JSON.stringify({ text: '', context_id: contextId });

/**
 * Undefined for messages we have no use for. The service and its own SDK disagree on the spelling of
 * `contextId` and `isFinal`, so both are read.
 */
export function readServerMessage(text: string): ServerMessage | undefined {
  const raw = parseRecord(text);
  if (!raw) return garbled('something that is no JSON');
  if (typeof raw['error'] === 'string')
    return { type: 'error', reason: raw['error'], detail: textOf(raw['message']) };
  const contextId = raw['contextId'] ?? raw['context_id'];
  if (typeof contextId !== 'string') return undefined;
  const { audio } = raw;
  if (audio !== null && audio !== undefined && typeof audio !== 'string')
    return garbled('audio that is no text');
  const characters = readCharacters(raw);
  if (!characters) return garbled('characters without their times');
  return {
    type: 'context',
    contextId,
    message: {
      audio: Buffer.from(audio ?? '', 'base64'),
      characters,
      isFinal: raw['isFinal'] === true || raw['is_final'] === true,
    },
  };
}

function readCharacters(raw: JsonRecord): readonly CharacterTime[] | undefined {
  // The normalised text is not the one that was sent: "2" may have become "two".
  const alignment = raw['alignment'] ?? raw['normalizedAlignment'];
  if (alignment === null || alignment === undefined) return [];
  if (!isRecord(alignment)) return undefined;
  const starts = listOf(alignment['charStartTimesMs']);
  const durations = listOf(alignment['charDurationsMs']);
  const characters: CharacterTime[] = [];
  for (const [index, character] of listOf(alignment['chars']).entries()) {
    const startMs = starts[index];
    const durationMs = durations[index];
    if (
      typeof character !== 'string' ||
      typeof startMs !== 'number' ||
      typeof durationMs !== 'number'
    )
      return undefined;
    characters.push({ character, startMs, endMs: startMs + durationMs });
  }
  return characters;
}

const garbled = (detail: string): ServerMessage => ({ type: 'garbled', detail });
