import { z } from 'zod';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { refusalOfIssue } from './issues.ts';

const eventId = { event_id: z.string().max(512).optional() };

const audioFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(24_000).optional() }),
  z.strictObject({ type: z.literal('audio/pcmu') }),
  z.strictObject({ type: z.literal('audio/pcma') }),
]);

const transcription = z.strictObject({
  model: z.string().optional(),
  language: z.string().nullable().optional(),
  languages: z.array(z.string()).nullable().optional(),
  keywords: z.array(z.string()).nullable().optional(),
  prompt: z.string().nullable().optional(),
  delay: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
});

const turnDetection = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('server_vad'),
    threshold: z.number().min(0).max(1).optional(),
    prefix_padding_ms: z.number().int().min(0).optional(),
    silence_duration_ms: z.number().int().min(0).optional(),
    idle_timeout_ms: z.number().int().nullable().optional(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('semantic_vad'),
    eagerness: z.enum(['low', 'medium', 'high', 'auto']).optional(),
    create_response: z.boolean().optional(),
    interrupt_response: z.boolean().optional(),
  }),
]);

const audioInput = z.strictObject({
  format: audioFormat.optional(),
  transcription: transcription.nullable().optional(),
  noise_reduction: z
    .strictObject({
      type: z.enum(['near_field', 'far_field']).optional(),
      strength: z.number().min(0).optional(),
    })
    .nullable()
    .optional(),
  turn_detection: turnDetection.nullable().optional(),
});

const voice = z.union([z.string(), z.strictObject({ id: z.string() })]);
const outputModalities = z.array(z.enum(['text', 'audio'])).length(1);
const outputTokens = z.union([z.literal('inf'), z.number().int().min(1).max(4_096)]);
const include = z.array(z.literal('item.input_audio_transcription.logprobs')).nullable();

const transcriptionSession = z.strictObject({
  type: z.literal('transcription'),
  audio: z.strictObject({ input: audioInput.optional() }).optional(),
  include: include.optional(),
});

const realtimeSession = z.strictObject({
  type: z.literal('realtime'),
  model: z.string().optional(),
  instructions: z.string().optional(),
  output_modalities: outputModalities.optional(),
  max_output_tokens: outputTokens.optional(),
  audio: z
    .strictObject({
      input: audioInput.optional(),
      output: z
        .strictObject({
          format: audioFormat.optional(),
          voice: voice.optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
  include: include.optional(),
  tools: z.array(z.unknown()).max(0).optional(),
  tool_choice: z.enum(['none', 'auto', 'required']).optional(),
  tracing: z.literal('auto').nullable().optional(),
  truncation: z.enum(['auto', 'disabled']).optional(),
});

const message = z.strictObject({
  type: z.literal('message'),
  id: z.string().max(32).optional(),
  status: z.enum(['completed', 'incomplete', 'in_progress']).optional(),
  role: z.enum(['user', 'system', 'assistant']),
  content: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('input_text'), text: z.string() }),
        z.strictObject({ type: z.literal('output_text'), text: z.string() }),
      ]),
    )
    .min(1),
});

const response = z.strictObject({
  conversation: z.enum(['auto', 'none']).optional(),
  input: z.array(message).optional(),
  instructions: z.string().optional(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullable().optional(),
  output_modalities: outputModalities.optional(),
  max_output_tokens: outputTokens.optional(),
  audio: z
    .strictObject({
      output: z
        .strictObject({ format: audioFormat.optional(), voice: voice.optional() })
        .optional(),
    })
    .optional(),
  tools: z.array(z.unknown()).max(0).optional(),
  tool_choice: z.enum(['none', 'auto', 'required']).optional(),
});

const clientEvents = {
  'session.update': z.strictObject({
    ...eventId,
    type: z.literal('session.update'),
    session: z.discriminatedUnion('type', [transcriptionSession, realtimeSession]),
  }),
  'input_audio_buffer.append': z.strictObject({
    ...eventId,
    type: z.literal('input_audio_buffer.append'),
    audio: z.string().max(15 * 1024 * 1024),
  }),
  'input_audio_buffer.commit': z.strictObject({
    ...eventId,
    type: z.literal('input_audio_buffer.commit'),
  }),
  'input_audio_buffer.clear': z.strictObject({
    ...eventId,
    type: z.literal('input_audio_buffer.clear'),
  }),
  'response.create': z.strictObject({
    ...eventId,
    type: z.literal('response.create'),
    response: response.optional(),
  }),
  'response.cancel': z.strictObject({
    ...eventId,
    type: z.literal('response.cancel'),
    response_id: z.string().optional(),
  }),
} as const;

/** Client events of the service that the sandbox does not play; better refused than passed over. */
const UNPLAYED = [
  'conversation.item.create',
  'conversation.item.delete',
  'conversation.item.retrieve',
  'conversation.item.truncate',
  'output_audio_buffer.clear',
];

export type ClientEvent = {
  [Type in keyof typeof clientEvents]: z.infer<(typeof clientEvents)[Type]>;
}[keyof typeof clientEvents];
export type AudioFormat = z.infer<typeof audioFormat>;
export type TranscriptionSession = z.infer<typeof transcriptionSession>;
export type RealtimeSession = z.infer<typeof realtimeSession>;
export type ResponseRequest = z.infer<typeof response>;

export type EventResult =
  | { readonly ok: true; readonly event: ClientEvent }
  | { readonly ok: false; readonly refusal: OpenAIRefusal };

/** Reads a client's event as strictly as the service does. */
export function readClientEvent(json: unknown, type: unknown): EventResult {
  const refused = (refusal: OpenAIRefusal): EventResult => ({ ok: false, refusal });
  if (typeof type !== 'string')
    return refused(
      invalidParameter('type', 'missing_required_parameter', "Missing required parameter: 'type'."),
    );
  if (UNPLAYED.includes(type))
    return refused(invalidParameter('type', null, `The sandbox does not play '${type}'.`));
  const known = Object.entries(clientEvents).find(([name]) => name === type)?.[1];
  if (!known) {
    const names = [...Object.keys(clientEvents), ...UNPLAYED].map((name) => `'${name}'`);
    return refused(
      invalidParameter(
        'type',
        'invalid_value',
        `Invalid value: '${type}'. Supported values are: ${names.join(', ')}.`,
      ),
    );
  }
  const parsed = known.safeParse(json, { reportInput: true });
  return parsed.success
    ? { ok: true, event: parsed.data }
    : refused(refusalOfIssue(parsed.error.issues[0], []));
}
