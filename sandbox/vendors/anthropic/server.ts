import type { Clock } from '#lib/clock.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { Brain } from '../brain.ts';
import type { Exchange } from '../exchange.ts';
import { parseJson } from '../json.ts';
import type { RequestRecord } from '../records.ts';
import { serveVendor } from '../serve.ts';
import { composeAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import {
  OVERLOADED,
  WRONG_KEY,
  invalidRequest,
  newRequestId,
  notFound,
  refusalBody,
  refusalOf,
  unauthenticated,
} from './errors.ts';
import type { AnthropicRefusal } from './errors.ts';
import { anthropicModels, findModel, modelObject } from './models.ts';
import { createPromptCache } from './prompt-cache.ts';
import type { PromptUsage } from './prompt-cache.ts';
import { anthropicVersions, parseMessagesRequest } from './request.ts';

/** Read anew for every message, so they may be changed. */
export type AnthropicTiming = {
  /** From the request's arrival to its first token. */
  firstTokenMs: number;
  tokensPerSecond: number;
};

export type AnthropicOptions = {
  readonly brain: Brain;
  readonly clock: Clock;
  /** The keys that are accepted. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<AnthropicTiming>;
};

/** One message that was started. */
export type MessageRecord = {
  readonly id: string;
  readonly model: string;
  readonly stream: boolean;
  /** Generated so far; no more are once the client has gone. */
  readonly tokens: number;
  readonly prompt: PromptUsage;
  readonly outcome: 'running' | 'completed' | 'aborted';
};

export type AnthropicSimulator = {
  /** Origin, as SDKs expect it: `http://127.0.0.1:…`, without `/v1`. */
  readonly url: string;
  readonly timing: AnthropicTiming;
  requests(): readonly RequestRecord[];
  messages(): readonly MessageRecord[];
  close(): Promise<void>;
};

type Running = { -readonly [K in keyof MessageRecord]: MessageRecord[K] };

/** Anthropic's Messages API and model list, as a server. What the model says is the injected brain's. */
export async function startAnthropic(options: AnthropicOptions): Promise<AnthropicSimulator> {
  const { clock, faults } = options;
  const timing: AnthropicTiming = { firstTokenMs: 500, tokensPerSecond: 80, ...options.timing };
  const cache = createPromptCache(clock);
  const messages: Running[] = [];

  const respond = async (exchange: Exchange, version: string): Promise<void> => {
    const fault = faults.take();
    if (await isFaulted(exchange, fault, clock)) return;
    if (!/^application\/json\b/i.test(exchange.headers['content-type'] ?? ''))
      return refuse(exchange, invalidRequest('Content-Type must be application/json.'));
    const json = parseJson(await exchange.body());
    if (json === undefined)
      return refuse(exchange, invalidRequest('The request body is not valid JSON.'));
    const parsed = parseMessagesRequest(json, version);
    if (!parsed.ok) return refuse(exchange, parsed.refusal);

    const { request } = parsed;
    const prompt = cache.use(request);
    const answer = composeAnswer(request, options.brain(request.question), prompt);
    const record: Running = {
      id: answer.id,
      model: request.model.id,
      stream: request.stream,
      tokens: 0,
      prompt,
      outcome: 'running',
    };
    messages.push(record);
    const abort = new AbortController();
    exchange.onAbort(() => {
      record.outcome = 'aborted';
      abort.abort();
    });
    const pace: Pace = { clock, ...timing, signal: abort.signal };
    if (request.stream) {
      exchange.start(200, {
        'request-id': newRequestId(),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
      });
      await streamAnswer(exchange, answer, record, fault, pace);
    } else {
      await waitForToken(pace, clock.now(), Math.max(0, answer.outputTokens - 1));
      if (!abort.signal.aborted) {
        record.tokens = answer.outputTokens;
        exchange.reply(200, { 'request-id': newRequestId() }, answer.message);
      }
    }
    if (record.outcome === 'running') record.outcome = 'completed';
  };

  const http = async (exchange: Exchange): Promise<void> => {
    const { standing } = faults;
    const version = exchange.headers['anthropic-version'];
    if (standing?.kind !== 'reset' && standing?.kind !== 'half-open') {
      const refusal = admissionRefusal(exchange, options.keys);
      if (refusal) return refuse(exchange, refusal);
    }
    if (exchange.method === 'POST' && exchange.url.pathname === '/v1/messages')
      return respond(exchange, String(version));
    const fault = standing?.kind === 'down' ? undefined : standing;
    if (await isFaulted(exchange, fault, clock)) return;
    answerModels(exchange);
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http,
    crashed: (message) => ({
      status: 500,
      body: refusalBody({ type: 'api_error', message }, newRequestId()),
    }),
  });
  return {
    url: `http://${server.host}`,
    timing,
    requests: () => server.requests(),
    messages: () => messages.map((one) => ({ ...one })),
    close: () => server.close(),
  };
}

/** The key comes as a bearer or, as until 2026, in `x-api-key`; the version is required. */
function admissionRefusal(
  { headers }: Exchange,
  keys: readonly string[],
): AnthropicRefusal | undefined {
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const key = bearer ?? headers['x-api-key'];
  if (typeof key !== 'string') return unauthenticated('An Authorization header is required.');
  if (!keys.includes(key)) return WRONG_KEY;
  const version = headers['anthropic-version'];
  if (version === undefined) return invalidRequest('anthropic-version: header is required');
  return anthropicVersions.includes(String(version))
    ? undefined
    : invalidRequest(`anthropic-version: "${String(version)}" is not a valid version.`);
}

function refuse(exchange: Exchange, refusal: AnthropicRefusal): void {
  const requestId = newRequestId();
  exchange.reply(
    refusal.status,
    { 'request-id': requestId, ...refusal.headers },
    refusalBody(refusal, requestId),
  );
}

/** Plays the faults that keep a request from starting; true when one of them has taken it. */
async function isFaulted(
  exchange: Exchange,
  fault: Fault | undefined,
  clock: Clock,
): Promise<boolean> {
  const refusal = refusalOf(fault);
  if (refusal) refuse(exchange, refusal);
  else if (fault?.kind === 'reset') exchange.reset();
  else if (fault?.kind === 'half-open') exchange.silence();
  else {
    if (fault?.kind === 'slow') await clock.sleep(fault.delayMs);
    return false;
  }
  return true;
}

type Pace = AnthropicTiming & { readonly clock: Clock; readonly signal: AbortSignal };

/** Resolves when the n-th token, from 0, of a message begun at `startedAtMs` is due, or when it is aborted. */
async function waitForToken(pace: Pace, startedAtMs: number, nth: number): Promise<void> {
  const dueAtMs = startedAtMs + pace.firstTokenMs + (nth * 1_000) / pace.tokensPerSecond;
  const delayMs = dueAtMs - pace.clock.now();
  if (delayMs > 0) await pace.clock.sleep(delayMs, pace.signal).catch(() => undefined);
}

async function streamAnswer(
  exchange: Exchange,
  answer: Answer,
  record: Running,
  fault: Fault | undefined,
  pace: Pace,
): Promise<void> {
  const startedAtMs = pace.clock.now();
  const frame = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  let over = false;
  const finish = (): void => {
    over = true;
    exchange.end();
  };
  const send = faultySender(
    // A slow answer has been waited for: it delays the head, too.
    fault?.kind === 'slow' ? undefined : fault,
    {
      deliver: (text) => exchange.write(text),
      kill: () => exchange.reset(),
      silence: () => exchange.silence(),
      fail() {
        exchange.write(frame('error', refusalBody(OVERLOADED, newRequestId())));
        finish();
      },
    },
    pace.clock,
  );
  for (const { type, fields, isToken } of answer.events) {
    // The head of a message comes with its first token; nothing is known before.
    await waitForToken(pace, startedAtMs, isToken ? record.tokens : 0);
    if (pace.signal.aborted || over) return;
    if (isToken) record.tokens += 1;
    send(frame(type, { type, ...fields }));
  }
  if (!over) finish();
}

function answerModels(exchange: Exchange): void {
  const { method, url } = exchange;
  const headers = { 'request-id': newRequestId() };
  const id = /^\/v1\/models\/([^/]+)$/.exec(url.pathname)?.[1];
  if (method === 'GET' && url.pathname === '/v1/models') {
    const limit = Number(url.searchParams.get('limit') ?? '20');
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
      return refuse(exchange, invalidRequest('limit: Input should be from 1 to 1000'));
    const after = url.searchParams.get('after_id');
    const from = after === null ? 0 : anthropicModels.findIndex((one) => one.id === after) + 1;
    const page = anthropicModels.slice(from, from + limit);
    return exchange.reply(200, headers, {
      data: page.map((model) => modelObject(model)),
      has_more: from + limit < anthropicModels.length,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
    });
  }
  if (method === 'GET' && id !== undefined) {
    const model = findModel(decodeURIComponent(id));
    return model
      ? exchange.reply(200, headers, modelObject(model))
      : refuse(exchange, notFound(`model: ${decodeURIComponent(id)}`));
  }
  refuse(exchange, notFound(`${method} ${url.pathname} does not exist`));
}
