import { randomBytes } from 'node:crypto';
import { tokensOf } from '../brain.ts';
import type { BrainReply } from '../brain.ts';
import type { PromptUsage } from './prompt-cache.ts';
import type { MessagesRequest } from './request.ts';

/** One server-sent event. */
export type AnswerEvent = {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** It carries a token, so it is due only when that token is. */
  readonly isToken: boolean;
};

/** A whole message: the events of a stream, and the object that a request without one gets. */
export type Answer = {
  readonly id: string;
  readonly events: readonly AnswerEvent[];
  readonly message: Readonly<Record<string, unknown>>;
  readonly outputTokens: number;
};

const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`;

/** What the service says for one request, in its order. */
export function composeAnswer(
  request: MessagesRequest,
  reply: BrainReply,
  prompt: PromptUsage,
): Answer {
  const { body, model } = request;
  const id = newId('msg');
  const events: AnswerEvent[] = [];
  const content: object[] = [];
  let used = 0;
  let isCut = false;

  const say = (type: string, fields: Readonly<Record<string, unknown>>, isToken = false): void =>
    void events.push({ type, fields, isToken });
  /** As many tokens as the budget allows. */
  const spend = (tokens: readonly string[]): readonly string[] => {
    const allowed = tokens.slice(0, Math.max(0, body.max_tokens - used));
    used += allowed.length;
    isCut ||= allowed.length < tokens.length;
    return allowed;
  };
  const saysBlock = (
    start: object,
    tokens: readonly string[],
    delta: (token: string) => object,
    ...tail: readonly object[]
  ): string => {
    const index = content.length;
    const spent = spend(tokens);
    say('content_block_start', { index, content_block: start });
    // The service keeps a stream that is about to wait from looking dead.
    if (index === 0) say('ping', {});
    for (const token of spent) say('content_block_delta', { index, delta: delta(token) }, true);
    for (const last of tail) say('content_block_delta', { index, delta: last });
    say('content_block_stop', { index });
    return spent.join('');
  };

  const usage = {
    ...prompt,
    cache_creation: {
      ephemeral_5m_input_tokens: prompt.cache_creation_input_tokens,
      ephemeral_1h_input_tokens: 0,
    },
    inference_geo: null,
    output_tokens_details: null,
    server_tool_use: null,
    service_tier: 'standard',
    speed: body.speed ?? null,
  };
  const message = (extra: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
    id,
    type: 'message',
    role: 'assistant',
    model: model.id,
    content: [],
    container: null,
    diagnostics: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    ...extra,
  });

  say('message_start', { message: message({ usage: { ...usage, output_tokens: 1 } }) });
  if (request.thinks) {
    const signature = randomBytes(48).toString('base64');
    const thinking = saysBlock(
      { type: 'thinking', thinking: '', signature: '' },
      tokensOf('Let me think about what to say.'),
      (token) => ({ type: 'thinking_delta', thinking: token }),
      { type: 'signature_delta', signature },
    );
    content.push({ type: 'thinking', thinking, signature });
  }
  if (reply.text !== undefined && reply.text !== '' && !isCut) {
    const text = saysBlock(
      { type: 'text', text: '', citations: null },
      tokensOf(reply.text),
      (token) => ({ type: 'text_delta', text: token }),
    );
    content.push({ type: 'text', text, citations: null });
  }
  for (const call of reply.toolCalls ?? []) {
    if (isCut) break;
    const block = {
      type: 'tool_use',
      id: newId('toolu'),
      name: call.name,
      input: {},
      caller: { type: 'direct' },
    };
    // The first delta of a tool's input is empty, as the service sends it.
    saysBlock(block, ['', ...tokensOf(JSON.stringify(call.arguments))], (token) => ({
      type: 'input_json_delta',
      partial_json: token,
    }));
    content.push({ ...block, input: isCut ? {} : call.arguments });
  }

  const called = (reply.toolCalls ?? []).length > 0;
  const stop_reason = isCut ? 'max_tokens' : called ? 'tool_use' : 'end_turn';
  const finalUsage = { ...usage, output_tokens: used };
  say('message_delta', {
    delta: { stop_reason, stop_sequence: null, stop_details: null, container: null },
    usage: { ...prompt, output_tokens: used, output_tokens_details: null, server_tool_use: null },
  });
  say('message_stop', {});
  return {
    id,
    events,
    message: message({ content, stop_reason, usage: finalUsage }),
    outputTokens: used,
  };
}
