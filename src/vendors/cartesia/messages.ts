import type { AudioFormat } from '#audio/format.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import { isRecord, listOf, parseRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

/** The version of the protocol these messages are of; the service requires the header. */
export const CARTESIA_VERSION = '2026-08-14';

/** What the service says of one context, in our units. */
export type ContextMessage =
  | { readonly type: 'audio'; readonly audio: Uint8Array }
  /** Times count from the first sample of the context. */
  | { readonly type: 'words'; readonly words: readonly WordTime[] }
  | { readonly type: 'done' }
  | { readonly type: 'error'; readonly status: number; readonly detail: string }
  | { readonly type: 'garbled'; readonly detail: string };

export type ServerMessage = {
  /** Absent where the message concerns the whole connection. */
  readonly contextId: string | undefined;
  readonly message: ContextMessage;
};

/** What every message of one context repeats, letter for letter. */
export type ContextFields = {
  readonly model: string;
  readonly voice: string;
  readonly language: string;
  readonly audio: AudioFormat;
};

/** Text for a context; `isLast` ends it. */
export function generationRequest(
  fields: ContextFields,
  contextId: string,
  text: string,
  isLast: boolean,
): string {
  return JSON.stringify({
    model_id: fields.model,
    transcript: text,
    voice: { id: fields.voice },
    // A language, not a locale: `en` for `en-GB`.
    language: fields.language.split('-')[0],
    output_format: {
      container: 'raw',
      encoding: ENCODING[fields.audio.encoding],
      sample_rate: fields.audio.sampleRateHz,
    },
    context_id: contextId,
    continue: !isLast,
    // Text comes in whole clauses, so the service need not wait for more (it would for 3 s).
    max_buffer_delay_ms: 0,
    add_timestamps: true,
  });
}

/** Our encodings by the service's names. */
const ENCODING = { mulaw: 'pcm_mulaw', linear16: 'pcm_s16le' } as const;

export const cancelRequest = (contextId: string): string =>
  JSON.stringify({ context_id: contextId, cancel: true });

/** Undefined for messages we have no use for, and for types that do not exist yet. */
export function readServerMessage(text: string): ServerMessage | undefined {
  const raw = parseRecord(text);
  if (!raw) return { contextId: undefined, message: garbled('something that is no JSON') };
  const contextId = typeof raw['context_id'] === 'string' ? raw['context_id'] : undefined;
  const message = readContextMessage(raw);
  return message && { contextId, message };
}

function readContextMessage(raw: JsonRecord): ContextMessage | undefined {
  switch (raw['type']) {
    case 'chunk':
      if (typeof raw['data'] !== 'string') return garbled('a chunk without data');
      return { type: 'audio', audio: Buffer.from(raw['data'], 'base64') };
    case 'timestamps':
      return readWords(raw['word_timestamps']);
    case 'done':
      return { type: 'done' };
    case 'error':
      return {
        type: 'error',
        status: typeof raw['status_code'] === 'number' ? raw['status_code'] : 500,
        detail: [textOf(raw['title']), textOf(raw['message']), textOf(raw['error'])]
          .filter((part) => part !== '')
          .join(': '),
      };
    default:
      return undefined;
  }
}

function readWords(timestamps: unknown): ContextMessage {
  if (!isRecord(timestamps)) return garbled('timestamps without words');
  const starts = listOf(timestamps['start']);
  const ends = listOf(timestamps['end']);
  const words: WordTime[] = [];
  for (const [index, text] of listOf(timestamps['words']).entries()) {
    const start = starts[index];
    const end = ends[index];
    if (typeof text !== 'string' || typeof start !== 'number' || typeof end !== 'number')
      return garbled('a word without its times');
    words.push({ text, startMs: toSampleMs(start), endMs: toSampleMs(end) });
  }
  return { type: 'words', words };
}

/** Seconds → milliseconds, on a sample of 8 kHz, so that no rounding error shifts a word's end. */
const toSampleMs = (seconds: number): number => Math.round(seconds * 8_000) / 8;

const garbled = (detail: string): ContextMessage => ({ type: 'garbled', detail });
