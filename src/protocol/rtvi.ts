import { z } from 'zod';
import { parseStrictJson } from '#lib/json.ts';
import { isRecord } from '#lib/record.ts';

/** RTVI, Pipecat's client protocol: messages of `{"label":"rtvi-ai","type":…,"id":…,"data":…}`. */
export const RTVI_LABEL = 'rtvi-ai';
export const RTVI_VERSION = '2.1.0';

/** Longest text that a caller may type at once. */
const MAX_TEXT_CHARS = 4_096;
/** More keys than any menu asks for. */
const MAX_KEYS = 64;
/** Half a minute of 16 kHz PCM in base64. */
const MAX_BASE64_CHARS = 1_400_000;

const text = z.string().trim().min(1).max(MAX_TEXT_CHARS);
const key = z.enum(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#']);
const base64 = z
  .string()
  .max(MAX_BASE64_CHARS)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const soundShape = {
  sampleRate: z.number().int().default(16_000),
  numChannels: z.number().int().default(1),
};

/** What a client says, by type; `data` as each wants it. Unknown fields are passed over, as newer clients have some. */
const CLIENT_DATA = {
  'client-ready': z.object({ version: z.string().max(64) }),
  'disconnect-bot': z.unknown(),
  'client-message': z.object({ t: z.string().max(256), d: z.unknown().optional() }),
  'send-text': z.object({
    content: text,
    options: z
      .object({
        run_immediately: z.boolean().default(true),
        audio_response: z.boolean().default(true),
      })
      .prefault({}),
  }),
  'append-to-context': z.object({
    role: z.enum(['user', 'assistant']),
    content: z.unknown().optional(),
    run_immediately: z.boolean().default(false),
  }),
  dtmf: z.union([
    z.object({ buttons: z.array(key).min(1).max(MAX_KEYS) }),
    // As clients before 2.1 say it.
    z.object({ button: key }).transform(({ button }) => ({ buttons: [button] })),
  ]),
  'llm-function-call-result': z.object({
    tool_call_id: z.string().min(1).max(256),
    result: z.union([z.string(), z.record(z.string(), z.unknown())]),
  }),
  'raw-audio': z.object({ base64Audio: base64, ...soundShape }),
  'raw-audio-batch': z.object({ base64AudioBatch: z.array(base64).max(256), ...soundShape }),
} as const;

type ClientType = keyof typeof CLIENT_DATA;

/** A message of a client, checked. `id` is what an answer names; empty where the client gave none. */
export type ClientMessage = {
  readonly [Type in ClientType]: {
    readonly type: Type;
    readonly id: string;
    readonly data: z.output<(typeof CLIENT_DATA)[Type]>;
  };
}[ClientType];

export type ReadMessage =
  | { readonly is: 'message'; readonly message: ClientMessage }
  /** Right in its shape and wrong in what it says: answered to its `id`. */
  | { readonly is: 'refused'; readonly id: string; readonly error: string }
  /** Not a message at all. */
  | { readonly is: 'malformed'; readonly error: string }
  /** Of another protocol on the same line: none of ours. */
  | { readonly is: 'foreign' };

const envelope = z.object({
  type: z.string().min(1).max(64),
  id: z.string().max(128).default(''),
  data: z.unknown().optional(),
});

/** Reads one message of a client. Never throws. */
export function readClientMessage(json: string): ReadMessage {
  const parsed = parseStrictJson(json);
  if (!parsed.ok) return { is: 'malformed', error: 'The message is not JSON.' };
  if (!isRecord(parsed.value)) return { is: 'malformed', error: 'The message is not an object.' };
  if (parsed.value['label'] !== RTVI_LABEL) return { is: 'foreign' };
  const opened = envelope.safeParse(parsed.value);
  if (!opened.success)
    return { is: 'malformed', error: `The message is not right: ${problemOf(opened.error)}` };
  const { type, id, data } = opened.data;
  if (!isClientType(type)) return { is: 'refused', id, error: `Unsupported type ${type}` };
  const read = CLIENT_DATA[type].safeParse(data);
  if (!read.success)
    return {
      is: 'refused',
      id,
      error: `The data of ${type} is not right: ${problemOf(read.error)}`,
    };
  // The table says of each type what its data is; TypeScript cannot follow it there.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { is: 'message', message: { type, id, data: read.data } as ClientMessage };
}

const isClientType = (type: string): type is ClientType => Object.hasOwn(CLIENT_DATA, type);

/** Where and what; never what was given. */
function problemOf({ issues }: z.ZodError): string {
  const [issue] = issues;
  return [issue?.path.map(String).join('.') ?? '', issue?.message ?? ''].filter(Boolean).join(': ');
}

/** What a server says. Events have no id; answers have that of what they answer. */
export type ServerMessage = {
  readonly type: string;
  readonly data?: unknown;
  readonly id?: string;
};

export const writeServerMessage = ({ type, data, id }: ServerMessage): string =>
  JSON.stringify({
    label: RTVI_LABEL,
    type,
    ...(id !== undefined && { id }),
    ...(data !== undefined && { data }),
  });

/** How a client of this version is spoken to; undefined: its version is not one of ours. */
export function agreeOnVersion(
  version: string,
): { readonly version: string; readonly isOld: boolean } | undefined {
  const major = /^(\d{1,4})\.\d{1,4}\.\d{1,4}$/.exec(version)?.[1];
  if (major === '2') return { version: RTVI_VERSION, isOld: false };
  return major === '1' ? { version, isOld: true } : undefined;
}
