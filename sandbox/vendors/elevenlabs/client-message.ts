import { z } from 'zod';
import { parseObject, show } from '../json.ts';
import { invalidMessage } from './errors.ts';
import type { ElevenLabsFailure } from './errors.ts';

const settings = z.strictObject({
  stability: z.number().min(0).max(1).optional(),
  similarity_boost: z.number().min(0).max(1).optional(),
  style: z.number().min(0).max(1).optional(),
  use_speaker_boost: z.boolean().optional(),
  speed: z.number().min(0.7).max(1.2).optional(),
});

const messageSchema = z.strictObject({
  text: z.string().nullable().optional(),
  context_id: z.string().min(1).max(256).optional(),
  flush: z.boolean().optional(),
  close_context: z.boolean().optional(),
  close_socket: z.boolean().optional(),
  // Accepted and not played: the sandbox's voices have one manner.
  voice_settings: settings.nullable().optional(),
  generation_config: z
    .strictObject({
      chunk_length_schedule: z.array(z.number().int().min(50).max(500)).min(1).optional(),
    })
    .nullable()
    .optional(),
  pronunciation_dictionary_locators: z.array(z.unknown()).nullable().optional(),
  xi_api_key: z.string().optional(),
  authorization: z.string().optional(),
});

export type ClientMessage = z.infer<typeof messageSchema>;

/** Reads one text message of a client. Its fields are in snake case; camel case is only for what the server says. */
export function readClientMessage(text: string): ClientMessage | ElevenLabsFailure {
  const raw = parseObject(text);
  if (!raw) return invalidMessage('it is not a JSON object.');
  const parsed = messageSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.map((part) => show(part)).join('.') ?? '';
  return invalidMessage(`${at === '' ? '' : `${at}: `}${issue?.message ?? 'unknown'}.`);
}
