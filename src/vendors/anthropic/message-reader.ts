import type { Thought } from '#contracts/language-model.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

/** What one event of a streamed message means for who listens. */
export type Reading =
  /** Keep-alives, and types that do not exist yet. */
  | { readonly type: 'nothing' }
  /** Part of something that can only be said as a whole. */
  | { readonly type: 'progress' }
  | { readonly type: 'said'; readonly thought: Extract<Thought, { type: 'delta' | 'tool-call' }> }
  | { readonly type: 'done'; readonly inputTokens: number; readonly outputTokens: number }
  /** The service will not answer this, and has said nothing. */
  | { readonly type: 'declined' }
  /** An error in the middle of the stream, as the service words it. */
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'garbled'; readonly detail: string };

/** Reads the events of one message, in their order. A tool's arguments come in pieces and are joined. */
export function messageReader(): (event: JsonRecord) => Reading {
  const calls = new Map<unknown, { readonly id: string; readonly name: string; json: string }>();
  let inputTokens = 0;
  let outputTokens = 0;
  let hasSaid = false;
  let stopReason: unknown;

  const said = (thought: Extract<Reading, { type: 'said' }>['thought']): Reading => {
    hasSaid = true;
    return { type: 'said', thought };
  };

  const onStart = (event: JsonRecord): Reading => {
    const block = event['content_block'];
    if (!isRecord(block)) return { type: 'garbled', detail: 'a block without content' };
    if (block['type'] !== 'tool_use') return PROGRESS;
    const { id, name } = block;
    if (typeof id !== 'string' || typeof name !== 'string')
      return { type: 'garbled', detail: 'a tool call without an id or a name' };
    calls.set(event['index'], { id, name, json: '' });
    return PROGRESS;
  };
  const onDelta = (event: JsonRecord): Reading => {
    const delta = event['delta'];
    if (!isRecord(delta)) return { type: 'garbled', detail: 'a delta without content' };
    if (delta['type'] === 'text_delta') {
      const text = textOf(delta['text']);
      return text === '' ? PROGRESS : said({ type: 'delta', text });
    }
    const call = calls.get(event['index']);
    if (call && delta['type'] === 'input_json_delta') call.json += textOf(delta['partial_json']);
    return PROGRESS;
  };
  const onStop = (event: JsonRecord): Reading => {
    const call = calls.get(event['index']);
    if (!call) return PROGRESS;
    calls.delete(event['index']);
    // A tool without parameters is called without a word.
    const json = call.json === '' ? '{}' : call.json;
    return said({ type: 'tool-call', callId: call.id, name: call.name, arguments: json });
  };

  return (event) => {
    switch (event['type']) {
      case 'message_start': {
        const { message } = event;
        inputTokens = isRecord(message) ? inputTokensOf(message['usage']) : 0;
        return NOTHING;
      }
      case 'content_block_start':
        return onStart(event);
      case 'content_block_delta':
        return onDelta(event);
      case 'content_block_stop':
        return onStop(event);
      case 'message_delta': {
        const { delta, usage } = event;
        if (isRecord(delta)) stopReason = delta['stop_reason'];
        // Counts are of the whole message so far.
        if (isRecord(usage)) outputTokens = countOf(usage['output_tokens']);
        return NOTHING;
      }
      case 'message_stop':
        // A refusal without a word would be silence on the phone.
        if (stopReason === 'refusal' && !hasSaid) return { type: 'declined' };
        return { type: 'done', inputTokens, outputTokens };
      case 'error':
        return { type: 'error', error: event['error'] };
      default:
        return NOTHING;
    }
  };
}

const NOTHING: Reading = { type: 'nothing' };
const PROGRESS: Reading = { type: 'progress' };

const countOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** All of the prompt, however it was paid for: what was read from the cache is counted apart. */
function inputTokensOf(usage: unknown): number {
  if (!isRecord(usage)) return 0;
  return (
    countOf(usage['input_tokens']) +
    countOf(usage['cache_creation_input_tokens']) +
    countOf(usage['cache_read_input_tokens'])
  );
}
