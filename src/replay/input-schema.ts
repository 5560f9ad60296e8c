import { z } from 'zod';
import type { ContextItem } from '#contracts/language-model.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Input } from '#conversation/input.ts';
import { timerNames } from '#conversation/timer-name.ts';
import { endReasons } from '#protocol/calls.ts';

type Of<Type extends Input['type']> = Extract<Input, { type: Type }>;

const input = <Type extends Input['type'], Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ atMs: z.number().min(0), type: z.literal(type), ...shape });

const ms = z.number();
const text = z.string();
const replyId = z.number().int();
const role = z.enum(['speech-to-text', 'language-model', 'text-to-speech'] satisfies Role[]);

const contextItem = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('caller'), text }),
  z.strictObject({ role: z.literal('agent'), text }),
  z.strictObject({ role: z.literal('tool-call'), callId: text, name: text, arguments: text }),
  z.strictObject({ role: z.literal('tool-result'), callId: text, result: text }),
  z.strictObject({ role: z.literal('note'), text }),
]) satisfies z.ZodType<ContextItem>;

const vendorTrouble = { role, replyId: replyId.exactOptional(), vendor: text, message: text };

/** Every input of the conversation as a journal holds it. The compiler keeps the table complete. */
const SCHEMAS: { readonly [Type in Input['type']]: z.ZodType<Of<Type>> } = {
  answered: input('answered', {}),
  'voice-started': input('voice-started', { sinceMs: ms }),
  'voice-stopped': input('voice-stopped', { sinceMs: ms }),
  'heard-interim': input('heard-interim', { text }),
  'heard-final': input('heard-final', { text }),
  'heard-eager-end': input('heard-eager-end', { text }),
  'heard-resumed': input('heard-resumed', {}),
  'heard-end': input('heard-end', { text }),
  'reply-delta': input('reply-delta', { replyId, text }),
  'reply-tool-call': input('reply-tool-call', {
    replyId,
    callId: text,
    name: text,
    arguments: text,
    lasting: z.boolean().exactOptional(),
  }),
  'reply-done': input('reply-done', { replyId }),
  'tool-result': input('tool-result', { replyId, callId: text, result: text }),
  transferred: input('transferred', { replyId, callId: text, to: text }),
  'speech-audio': input('speech-audio', { replyId, audioMs: ms }),
  'speech-words': input('speech-words', {
    replyId,
    words: z.array(z.strictObject({ text, startMs: ms, endMs: ms })),
  }),
  'speech-done': input('speech-done', { replyId }),
  played: input('played', { replyId, playedMs: ms }),
  key: input('key', { digit: text }),
  typed: input('typed', { text, isAnswered: z.boolean() }),
  'answer-due': input('answer-due', { text }),
  'prompt-due': input('prompt-due', {}),
  'handed-over': input('handed-over', { replyId, callId: text }),
  'taken-over': input('taken-over', {
    context: z.array(contextItem),
    turnCount: z.number().int(),
  }),
  timer: input('timer', { name: z.enum(timerNames) }),
  'vendor-failed': input('vendor-failed', vendorTrouble),
  'vendor-switched': input('vendor-switched', { ...vendorTrouble, to: text }),
  'hearing-changed': input('hearing-changed', { vendorDecides: z.boolean() }),
  say: input('say', { text }),
  'hang-up': input('hang-up', { reason: z.enum(endReasons) }),
  closed: input('closed', { by: z.enum(['caller', 'broken']) }),
};

const isType = (type: unknown): type is Input['type'] =>
  typeof type === 'string' && Object.hasOwn(SCHEMAS, type);

/** An entry of a journal as an input; a string says why it is none. */
export function readInput(entry: unknown): Input | string {
  const type: unknown = Object(entry).type;
  if (!isType(type)) return `its type is ${JSON.stringify(type ?? null)}`;
  const schema: z.ZodType<Input> = SCHEMAS[type];
  const result = schema.safeParse(entry);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  return `${type}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`;
}
