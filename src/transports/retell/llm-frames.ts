/**
 * Retell's custom LLM WebSocket, the wire: JSON in text frames, both ways. Source: Retell's "LLM
 * WebSocket" reference.
 */
import type { AfterSpeech, Said, Transcript } from '#contracts/words-transport.ts';
import { isRecord, listOf, parseRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

/** What we use of what Retell says. Unknown fields are passed over, as Retell may add some. */
export type LlmRequest =
  | { readonly type: 'ping_pong'; readonly timestamp: number }
  | { readonly type: 'call_details'; readonly call: JsonRecord }
  | {
      readonly type: 'update_only';
      readonly transcript: Transcript;
      readonly turn: 'caller' | 'agent' | undefined;
    }
  | {
      readonly type: 'response_required' | 'reminder_required';
      readonly responseId: number;
      readonly transcript: Transcript;
    };

/** Reads one text frame; undefined: nothing we use, or not in the protocol. Never throws. */
export function readLlmRequest(text: string): LlmRequest | undefined {
  const frame = parseRecord(text);
  switch (frame?.['interaction_type']) {
    case 'ping_pong': {
      const { timestamp } = frame;
      return typeof timestamp === 'number' ? { type: 'ping_pong', timestamp } : undefined;
    }
    case 'call_details': {
      const { call } = frame;
      return isRecord(call) ? { type: 'call_details', call } : undefined;
    }
    case 'update_only': {
      const transcript = readTranscript(frame);
      const turn = TURNS[textOf(frame['turntaking'])];
      return transcript && { type: 'update_only', transcript, turn };
    }
    case 'response_required':
    case 'reminder_required': {
      const transcript = readTranscript(frame);
      const responseId = frame['response_id'];
      if (!transcript || typeof responseId !== 'number') return undefined;
      if (!Number.isSafeInteger(responseId) || responseId < 0) return undefined;
      return { type: frame['interaction_type'], responseId, transcript };
    }
    default:
      return undefined;
  }
}

const TURNS: Readonly<Record<string, 'caller' | 'agent'>> = {
  user_turn: 'caller',
  agent_turn: 'agent',
};

/** The one with tool calls says all that the plain one does. */
function readTranscript(frame: JsonRecord): Transcript | undefined {
  const entries = frame['transcript_with_tool_calls'] ?? frame['transcript'];
  if (!Array.isArray(entries)) return undefined;
  return listOf(entries).flatMap((entry) => (isRecord(entry) ? (readSaid(entry) ?? []) : []));
}

/** Entries of other roles, such as of who the call was handed over to, are none of the agent's. */
function readSaid(entry: JsonRecord): Said | undefined {
  const content = textOf(entry['content']);
  const callId = textOf(entry['tool_call_id']);
  switch (entry['role']) {
    case 'agent':
      return content === '' ? undefined : { role: 'agent', text: content };
    case 'user':
      return content === '' ? undefined : { role: 'caller', text: content };
    case 'dtmf': {
      const digit = textOf(entry['digit']);
      return digit === '' ? undefined : { role: 'key', digit };
    }
    case 'tool_call_invocation': {
      const name = textOf(entry['name']);
      if (callId === '' || name === '') return undefined;
      return { role: 'tool-call', callId, name, arguments: textOf(entry['arguments']) };
    }
    case 'tool_call_result':
      return callId === '' ? undefined : { role: 'tool-result', callId, result: content };
    default:
      return undefined;
  }
}

/** What we say. Retell drops a frame with a field of the wrong type without a word. */
export type LlmReply =
  | { readonly response_type: 'config'; readonly config: Readonly<Record<string, boolean>> }
  | {
      readonly response_type: 'update_agent';
      readonly agent_config: Readonly<Record<string, number>>;
    }
  | { readonly response_type: 'ping_pong'; readonly timestamp: number }
  | ({ readonly response_type: 'response'; readonly response_id: number } & Speech)
  | ({ readonly response_type: 'agent_interrupt'; readonly interrupt_id: number } & Speech)
  | {
      readonly response_type: 'tool_call_invocation';
      readonly tool_call_id: string;
      readonly name: string;
      readonly arguments: string;
    }
  | {
      readonly response_type: 'tool_call_result';
      readonly tool_call_id: string;
      readonly content: string;
      readonly successful: boolean;
    };

type Speech = {
  readonly content: string;
  readonly content_complete: boolean;
  readonly no_interruption_allowed?: true;
  readonly end_call?: true;
  readonly transfer_number?: string;
  readonly digit_to_press?: string;
};

/** One piece of a speech, the last one with what is to happen after it. */
export const speechOf = (
  content: string,
  isComplete: boolean,
  interruptible: boolean,
  afterwards?: AfterSpeech,
): Speech => ({
  content,
  content_complete: isComplete,
  ...(!interruptible && { no_interruption_allowed: true }),
  ...(afterwards?.type === 'end' && { end_call: true }),
  ...(afterwards?.type === 'transfer' && { transfer_number: afterwards.phoneNumber }),
  ...(afterwards?.type === 'keys' && { digit_to_press: afterwards.keys }),
});
