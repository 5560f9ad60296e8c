import { z } from 'zod';
import type { EarFormat } from '../../speech/speech.ts';
import { isObject, parseObject, show } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { invalidRequest } from './errors.ts';
import type { CartesiaFailure } from './errors.ts';
import { findVoice } from './voices.ts';
import type { CartesiaVoice } from './voices.ts';

/** One input of a context, checked. */
export type GenerationRequest = {
  readonly contextId: string;
  readonly transcript: string;
  readonly continues: boolean;
  readonly flush: boolean;
  readonly voice: CartesiaVoice;
  readonly format: EarFormat;
  readonly maxBufferDelayMs: number;
  readonly addTimestamps: boolean;
  /** Every field that must be the same in all inputs of a context, as one comparable text. */
  readonly fixedFields: string;
};

export type ClientMessage =
  | { readonly kind: 'generate'; readonly request: GenerationRequest }
  | { readonly kind: 'cancel'; readonly contextId: string }
  | {
      readonly kind: 'refused';
      readonly contextId: string | undefined;
      readonly failure: CartesiaFailure;
    };

/** Versions of the API that the sandbox plays; `voice` as a bare id came with the last one. */
export const cartesiaVersions = ['2025-04-16', '2026-03-01', '2026-08-14'];

const MODELS = /^sonic-(?:latest|turbo|2|3(?:\.5)?)(?:-\d{4}-\d{2}-\d{2})?$/;
const LANGUAGES = new Set(
  'en fr de es pt zh ja hi it ko nl pl ru sv tr tl bg ro ar cs el fi hr ms sk da ta uk hu no vi bn th he ka id te gu kn ml mr pa or ur'.split(
    ' ',
  ),
);

const flag = z.boolean().nullable().optional();

const generationSchema = z.strictObject({
  context_id: z.string().min(1).max(256),
  model_id: z.string(),
  transcript: z.string(),
  voice: z.union([
    z.string(),
    z.strictObject({ mode: z.literal('id').optional(), id: z.string() }),
  ]),
  output_format: z.strictObject({
    container: z.literal('raw'),
    encoding: z.enum(['pcm_f32le', 'pcm_s16le', 'pcm_mulaw', 'pcm_alaw']),
    sample_rate: z.union(
      [8_000, 16_000, 22_050, 24_000, 44_100, 48_000].map((rate) => z.literal(rate)),
    ),
  }),
  continue: flag,
  flush: flag,
  duration: z.number().positive().nullable().optional(),
  max_buffer_delay_ms: z.number().int().min(0).max(5_000).nullable().optional(),
  add_timestamps: flag,
  add_phoneme_timestamps: flag,
  use_normalized_timestamps: flag,
  language: z.string().nullable().optional(),
  locale: z.string().nullable().optional(),
  // Accepted and not played: the sandbox's voices have one pace, one volume and one mood.
  generation_config: z
    .strictObject({
      speed: z.number().min(0.6).max(1.5).optional(),
      volume: z.number().min(0.5).max(2).optional(),
      emotion: z.string().optional(),
    })
    .optional(),
  normalization: z.string().nullable().optional(),
  pronunciation_dict_id: z.string().nullable().optional(),
  speed: z.enum(['slow', 'normal', 'fast']).optional(),
});

const cancelSchema = z.strictObject({ context_id: z.string().min(1), cancel: z.literal(true) });

/** Without a `max_buffer_delay_ms` the service waits this long for more text. */
const DEFAULT_BUFFER_DELAY_MS = 3_000;

/** Reads one text message of a client that speaks `version` of the API. */
export function readClientMessage(text: string, version: string): ClientMessage {
  const raw = parseObject(text);
  const contextId = typeof raw?.['context_id'] === 'string' ? raw['context_id'] : undefined;
  const refused = (failure: CartesiaFailure | string): ClientMessage => ({
    kind: 'refused',
    contextId,
    failure: typeof failure === 'string' ? invalidRequest(failure) : failure,
  });
  if (!raw) return refused('The message is not a JSON object.');
  if ('cancel' in raw) {
    const cancel = cancelSchema.safeParse(raw);
    if (!cancel.success) return refused(describe(cancel.error));
    return { kind: 'cancel', contextId: cancel.data.context_id };
  }
  const parsed = generationSchema.safeParse(raw);
  if (!parsed.success) return refused(describe(parsed.error));
  const request = readGeneration(parsed.data, raw, version);
  return 'status' in request ? refused(request) : { kind: 'generate', request };
}

function readGeneration(
  input: z.infer<typeof generationSchema>,
  raw: JsonObject,
  version: string,
): GenerationRequest | CartesiaFailure {
  if (!MODELS.test(input.model_id))
    return {
      status: 404,
      error_code: 'model_not_found',
      title: 'Model not found',
      message: `There is no model "${input.model_id}".`,
    };
  if (version < '2026-08-14' && !(isObject(raw['voice']) && raw['voice']['mode'] === 'id'))
    return invalidRequest(`voice must be {"mode":"id","id":…} in version ${version}.`);
  const voiceId = typeof input.voice === 'string' ? input.voice : input.voice.id;
  const voice = findVoice(voiceId);
  if (!voice)
    return {
      status: 404,
      error_code: 'voice_not_found',
      title: 'Voice not found',
      message: `There is no voice "${voiceId}".`,
    };
  if (typeof input.language === 'string' && typeof input.locale === 'string')
    return invalidRequest('A request may set language or locale, never both.');
  const language = (input.language ?? input.locale ?? 'en').split('-')[0] ?? '';
  if (!LANGUAGES.has(language)) return invalidRequest(`Unsupported language "${language}".`);

  const continues = input.continue ?? false;
  const flush = input.flush ?? false;
  if (flush && (input.transcript !== '' || !continues))
    return invalidRequest('A flush needs an empty transcript and continue: true.');
  if (input.transcript === '' && continues && !flush)
    return invalidRequest('The transcript is empty.');
  const format = readFormat(input.output_format);
  if ('status' in format) return format;
  return {
    contextId: input.context_id,
    transcript: input.transcript,
    continues,
    flush,
    voice,
    format,
    maxBufferDelayMs: input.max_buffer_delay_ms ?? DEFAULT_BUFFER_DELAY_MS,
    addTimestamps: input.add_timestamps ?? false,
    fixedFields: fixedFieldsOf(raw),
  };
}

function readFormat(asked: {
  readonly encoding: string;
  readonly sample_rate: number;
}): EarFormat | CartesiaFailure {
  const { encoding, sample_rate: rate } = asked;
  if (encoding === 'pcm_mulaw' && rate === 8_000) return { encoding: 'mulaw', sampleRateHz: 8_000 };
  if (encoding === 'pcm_s16le' && (rate === 8_000 || rate === 16_000 || rate === 24_000))
    return { encoding: 'linear16', sampleRateHz: rate };
  return invalidRequest(
    `The sandbox speaks pcm_mulaw at 8000 Hz and pcm_s16le at 8000, 16000 and 24000 Hz, not ${encoding} at ${rate}.`,
  );
}

function fixedFieldsOf(raw: JsonObject): string {
  const { transcript: _t, continue: _c, flush: _f, duration: _d, ...fixed } = raw;
  return canonical(fixed);
}

/** JSON with its keys in order, so that equal objects give equal text. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'The message is not valid.';
  const at = issue.path.map((part) => show(part)).join('.');
  return at === '' ? `${issue.message}.` : `${at}: ${issue.message}.`;
}
