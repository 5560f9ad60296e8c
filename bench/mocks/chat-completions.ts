import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { sendJson, startHttp } from '#sandbox/lib/http.ts';
import type { HttpServer } from '#sandbox/lib/http.ts';
import { tokensOf } from '#sandbox/vendors/brain.ts';
import type { Brain, BrainItem } from '#sandbox/vendors/brain.ts';

export type ChatCompletionsOptions = {
  readonly brain: Brain;
  readonly clock: Clock;
  /** The key that is accepted. */
  readonly key: string;
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
  /** Undefined: any free one. */
  readonly port?: number;
};

/**
 * OpenAI's Chat Completions API (`POST /v1/chat/completions`, streamed or not), which the product does not
 * speak and other voice servers do. It plays text alone: tools may be named and are never called.
 * Source: OpenAI's API reference, "Chat Completions: streaming events".
 */
export async function startChatCompletions(options: ChatCompletionsOptions): Promise<HttpServer> {
  const { brain, clock, key, firstTokenMs, tokensPerSecond } = options;
  return startHttp({
    ...(options.port !== undefined && { port: options.port }),
    async onRequest({ method, url, request, response, body }) {
      const startedAtMs = clock.now();
      const refuse = (status: number, message: string, code: string): void =>
        sendJson(response, status, {
          error: { message, type: 'invalid_request_error', param: null, code },
        });
      if (request.headers.authorization !== `Bearer ${key}`)
        return refuse(401, 'Incorrect API key provided.', 'invalid_api_key');
      if (method !== 'POST' || url.pathname !== '/v1/chat/completions')
        return refuse(404, `Invalid URL (${method} ${url.pathname})`, 'unknown_url');
      const parsed = requestSchema.safeParse(parseJson(body));
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return refuse(400, `${issue?.path.join('.')}: ${issue?.message}`, 'invalid_value');
      }
      const { model, messages, stream, stream_options: streamOptions } = parsed.data;
      const items = messages.flatMap((message) => itemOf(message));
      const { text = '' } = brain({ model, instructions: '', items, tools: [] });
      const tokens = tokensOf(text);
      const usage = {
        prompt_tokens: tokensOf(JSON.stringify(messages)).length,
        completion_tokens: tokens.length,
        total_tokens: tokensOf(JSON.stringify(messages)).length + tokens.length,
      };
      const head = {
        id: `chatcmpl-${newToken(18)}`,
        created: Math.floor(startedAtMs / 1_000),
        model,
      };
      const dueAtMs = (nth: number): number =>
        startedAtMs + firstTokenMs + (nth * 1_000) / tokensPerSecond;
      if (!stream) {
        await clock.sleep(dueAtMs(tokens.length - 1) - clock.now());
        return sendJson(response, 200, {
          ...head,
          object: 'chat.completion',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: text, refusal: null },
              logprobs: null,
              finish_reason: 'stop',
            },
          ],
          usage,
        });
      }
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.flushHeaders();
      const chunk = (delta: object, finish: string | null): void =>
        send(response, {
          ...head,
          object: 'chat.completion.chunk',
          choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
          ...(streamOptions?.include_usage === true && { usage: null }),
        });
      for (const [nth, token] of tokens.entries()) {
        const delayMs = dueAtMs(nth) - clock.now();
        if (delayMs > 0) await clock.sleep(delayMs);
        if (response.destroyed) return;
        if (nth === 0) chunk({ role: 'assistant', content: '', refusal: null }, null);
        chunk({ content: token }, null);
      }
      chunk({}, 'stop');
      if (streamOptions?.include_usage === true)
        send(response, { ...head, object: 'chat.completion.chunk', choices: [], usage });
      response.end('data: [DONE]\n\n');
    },
  });
}

const send = (response: ServerResponse, event: object): void =>
  void response.write(`data: ${JSON.stringify(event)}\n\n`);

const contentSchema = z.union([
  z.string(),
  z.array(z.looseObject({ type: z.literal('text'), text: z.string() })),
]);
const messageSchema = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer', 'user']), content: contentSchema }),
  z.looseObject({ role: z.literal('assistant'), content: contentSchema.nullish() }),
  z.looseObject({ role: z.literal('tool'), tool_call_id: z.string(), content: contentSchema }),
]);
const requestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(messageSchema).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

function itemOf(message: z.infer<typeof messageSchema>): readonly BrainItem[] {
  const { content } = message;
  const text =
    typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
  if (message.role === 'tool')
    return [{ type: 'function_call_output', callId: message.tool_call_id, output: text }];
  return [{ type: 'message', role: message.role, text }];
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
