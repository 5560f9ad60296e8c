import { randomBytes } from 'node:crypto';
import { tokensOf } from '../brain.ts';
import type { BrainReply } from '../brain.ts';
import type { ResponsesRequest } from './request.ts';

/** One server-sent event, before it gets its sequence number. */
export type AnswerEvent = {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** It carries a token, so it is due only when that token is. */
  readonly isToken: boolean;
};

/** A whole response: the events of a stream, and the object at its end. */
export type Answer = {
  readonly id: string;
  readonly events: readonly AnswerEvent[];
  readonly final: Readonly<Record<string, unknown>>;
  readonly outputTokens: number;
};

const newId = (prefix: string): string => `${prefix}_${randomBytes(24).toString('hex')}`;

/** What the service says for one request, in its order. `createdAtMs` is wall time. */
export function composeAnswer(
  request: ResponsesRequest,
  reply: BrainReply,
  createdAtMs: number,
): Answer {
  const { body } = request;
  const id = newId('resp');
  const events: AnswerEvent[] = [];
  const output: object[] = [];
  const budget = body.max_output_tokens ?? Infinity;
  let used = 0;

  const say = (type: string, fields: Readonly<Record<string, unknown>>, isToken = false): void =>
    void events.push({ type, fields, isToken });
  /** As many tokens as the budget allows. */
  const spend = (tokens: readonly string[]): readonly string[] => {
    const allowed = tokens.slice(0, Math.max(0, budget - used));
    used += allowed.length;
    return allowed;
  };
  const obfuscation = (): object =>
    request.includeObfuscation ? { obfuscation: randomBytes(6).toString('base64url') } : {};
  const isCut = (spent: readonly string[], all: readonly string[]): boolean =>
    spent.length < all.length;

  const snapshot = (extra: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
    id,
    object: 'response',
    created_at: Math.floor(createdAtMs / 1_000),
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    model: body.model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: {
      effort: body.reasoning?.effort ?? null,
      summary: body.reasoning?.summary ?? null,
    },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier ?? 'auto',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, verbosity: body.text?.verbosity ?? 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: null,
    user: body.user ?? null,
    ...extra,
  });

  const sayText = (text: string): boolean => {
    const all = tokensOf(text);
    const tokens = spend(all);
    const item_id = newId('msg');
    const at = { item_id, output_index: output.length, content_index: 0 };
    const message = { id: item_id, type: 'message', role: 'assistant' };
    const part = { type: 'output_text', annotations: [], logprobs: [] };
    say('response.output_item.added', {
      output_index: at.output_index,
      item: { ...message, status: 'in_progress', content: [] },
    });
    say('response.content_part.added', { ...at, part: { ...part, text: '' } });
    for (const delta of tokens)
      say('response.output_text.delta', { ...at, delta, logprobs: [], ...obfuscation() }, true);
    const said = tokens.join('');
    say('response.output_text.done', { ...at, text: said, logprobs: [] });
    say('response.content_part.done', { ...at, part: { ...part, text: said } });
    const cut = isCut(tokens, all);
    const item = {
      ...message,
      status: cut ? 'incomplete' : 'completed',
      content: [{ ...part, text: said }],
    };
    say('response.output_item.done', { output_index: at.output_index, item });
    output.push(item);
    return !cut;
  };

  const sayCall = (name: string, json: string): boolean => {
    const all = tokensOf(json);
    const tokens = spend(all);
    const item_id = newId('fc');
    const at = { item_id, output_index: output.length };
    const call = {
      id: item_id,
      type: 'function_call',
      call_id: `call_${randomBytes(12).toString('hex')}`,
      name,
    };
    say('response.output_item.added', {
      output_index: at.output_index,
      item: { ...call, status: 'in_progress', arguments: '' },
    });
    for (const delta of tokens)
      say('response.function_call_arguments.delta', { ...at, delta, ...obfuscation() }, true);
    const written = tokens.join('');
    say('response.function_call_arguments.done', { ...at, name, arguments: written });
    const cut = isCut(tokens, all);
    const item = { ...call, status: cut ? 'incomplete' : 'completed', arguments: written };
    say('response.output_item.done', { output_index: at.output_index, item });
    output.push(item);
    return !cut;
  };

  const started = snapshot({ status: 'in_progress' });
  say('response.created', { response: started });
  say('response.in_progress', { response: started });
  let complete = reply.text === undefined || reply.text === '' || sayText(reply.text);
  for (const call of reply.toolCalls ?? [])
    complete = complete && sayCall(call.name, JSON.stringify(call.arguments));

  const inputTokens = tokensOf(JSON.stringify([body.instructions, body.input, body.tools])).length;
  const usage = {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: used,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + used,
  };
  const final = snapshot({
    status: complete ? 'completed' : 'incomplete',
    completed_at: complete ? Math.floor(createdAtMs / 1_000) : null,
    incomplete_details: complete ? null : { reason: 'max_output_tokens' },
    output,
    usage,
  });
  say(complete ? 'response.completed' : 'response.incomplete', { response: final });
  return { id, events, final, outputTokens: used };
}
