import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import { tokensOf } from '../brain.ts';
import type { Brain } from '../brain.ts';
import type { Exchange } from '../exchange.ts';
import { parseJson } from '../json.ts';
import { geminiModels, isSigning, modelObject, unknownModel } from './gemini-models.ts';
import { parseGeminiRequest } from './gemini-request.ts';
import type { GeminiRequest } from './gemini-request.ts';
import {
  INTERNAL,
  NO_KEY,
  WRONG_KEY,
  errorBody,
  httpStatusOf,
  invalidArgument,
  refusalOf,
} from './status.ts';
import type { Status } from './status.ts';

const SERVICE = 'generativelanguage.googleapis.com';

export type GeminiTiming = {
  /** From the request's arrival to its first token. */
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
};

/** One generation that was started. */
export type GenerationRecord = {
  readonly model: string;
  /** Generated so far; no more are once the client has gone. */
  readonly tokens: number;
  readonly outcome: 'running' | 'completed' | 'aborted';
};
type Running = { -readonly [K in keyof GenerationRecord]: GenerationRecord[K] };

export type GeminiOptions = {
  readonly brain: Brain;
  readonly clock: Clock;
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Read anew for every generation, so it may be changed. */
  readonly timing: GeminiTiming;
};

/** The Gemini API, as far as conversations need it: models, and generation with and without streaming. */
export function createGemini(options: GeminiOptions): {
  readonly http: (exchange: Exchange) => Promise<void>;
  readonly generations: () => readonly GenerationRecord[];
} {
  const { clock, faults } = options;
  const generations: Running[] = [];
  const signatures = new Set<string>();

  const generate = async (
    exchange: Exchange,
    at: { readonly model: string; readonly version: string; readonly stream: boolean },
  ): Promise<void> => {
    const fault = faults.take();
    if (await isFaulted(exchange, fault, clock)) return;
    if (!(at.model in geminiModels)) return refuse(exchange, unknownModel(at.model, at.version));
    const json = parseJson(await exchange.body());
    if (json === undefined)
      return refuse(exchange, invalidArgument('Invalid JSON payload received. Parsing error.'));
    const request = parseGeminiRequest(at.model, json, (one) => signatures.has(one));
    if ('code' in request) return refuse(exchange, request);

    const record: Running = { model: at.model, tokens: 0, outcome: 'running' };
    generations.push(record);
    const abort = new AbortController();
    exchange.onAbort(() => {
      record.outcome = 'aborted';
      abort.abort();
    });
    const answer = composeAnswer(at.model, request, options.brain, signatures);
    const startedAtMs = clock.now();
    const { firstTokenMs, tokensPerSecond } = options.timing;
    /** Resolves when so many tokens are done, or when nobody waits for them any more. */
    const untilToken = async (nth: number): Promise<void> => {
      const dueAtMs = startedAtMs + firstTokenMs + (nth * 1_000) / tokensPerSecond;
      const delayMs = dueAtMs - clock.now();
      if (delayMs > 0) await clock.sleep(delayMs, abort.signal).catch(() => undefined);
    };

    if (!at.stream) {
      await untilToken(answer.tokens);
      if (abort.signal.aborted) return;
      record.tokens = answer.tokens;
      exchange.reply(200, {}, answer.whole);
    } else {
      exchange.start(200, { 'content-type': 'text/event-stream' });
      let over = false;
      const stop = (): void => {
        over = true;
        abort.abort();
      };
      const frame = (message: object): string => `data: ${JSON.stringify(message)}\r\n\r\n`;
      const send = faultySender(
        // A slow answer has been waited for: it delays the head, too.
        fault?.kind === 'slow' ? undefined : fault,
        {
          deliver: (text) => exchange.write(text),
          kill() {
            stop();
            exchange.reset();
          },
          silence: () => exchange.silence(),
          fail() {
            stop();
            exchange.write(frame(errorBody(INTERNAL, SERVICE)));
            exchange.end();
          },
        },
        clock,
      );
      for (const chunk of answer.chunks) {
        await untilToken(record.tokens);
        if (abort.signal.aborted) break;
        record.tokens += 1;
        send(frame(chunk));
      }
      if (!over && !abort.signal.aborted) exchange.end();
    }
    if (record.outcome === 'running') record.outcome = 'completed';
  };

  const http = async (exchange: Exchange): Promise<void> => {
    const { standing } = faults;
    const isCut = standing?.kind === 'reset' || standing?.kind === 'half-open';
    const key = exchange.headers['x-goog-api-key'] ?? exchange.url.searchParams.get('key');
    if (!isCut) {
      if (key === undefined || key === null) return refuse(exchange, NO_KEY);
      if (!options.keys.includes(String(key))) return refuse(exchange, WRONG_KEY);
    }
    const path = exchange.url.pathname;
    const asked = /^\/(v1|v1beta)\/models\/([^/:]+):(\w+)$/.exec(path);
    const method = asked?.[3];
    if (exchange.method === 'POST' && asked && method?.endsWith('enerateContent')) {
      const stream = method === 'streamGenerateContent';
      // Without `alt=sse` it is one JSON array in pieces, which nobody who streams wants.
      if (stream && exchange.url.searchParams.get('alt') !== 'sse')
        return refuse(exchange, invalidArgument('The sandbox streams with alt=sse only.'));
      if (stream || method === 'generateContent') {
        const model = decodeURIComponent(asked[2] ?? '');
        return generate(exchange, { model, version: asked[1] ?? '', stream });
      }
    }
    const fault = standing?.kind === 'down' ? undefined : standing;
    if (await isFaulted(exchange, fault, clock)) return;
    answerModels(exchange);
  };

  return { http, generations: () => generations.map((one) => ({ ...one })) };
}

const refuse = (exchange: Exchange, status: Status): void =>
  exchange.reply(httpStatusOf(status.code), {}, errorBody(status, SERVICE));

/** Plays the faults that keep a request from starting; true when one of them has taken it. */
async function isFaulted(
  exchange: Exchange,
  fault: Fault | undefined,
  clock: Clock,
): Promise<boolean> {
  const refusal = refusalOf(fault, SERVICE);
  if (refusal) refuse(exchange, refusal);
  else if (fault?.kind === 'reset') exchange.reset();
  else if (fault?.kind === 'half-open') exchange.silence();
  else {
    if (fault?.kind === 'slow') await clock.sleep(fault.delayMs);
    return false;
  }
  return true;
}

/** What the model says, as the chunks of a stream and as one answer. Each chunk is one token. */
function composeAnswer(
  model: string,
  { body, question }: GeminiRequest,
  brain: Brain,
  signatures: Set<string>,
) {
  const reply = brain(question);
  const budget = body.generationConfig?.maxOutputTokens ?? Infinity;
  const texts = tokensOf(reply.text ?? '');
  const parts: object[] = texts.slice(0, budget).map((text) => ({ text }));
  const isCut = texts.length > budget;
  for (const [nth, call] of (isCut ? [] : (reply.toolCalls ?? [])).entries()) {
    const signature =
      nth === 0 && isSigning(model) ? randomBytes(48).toString('base64') : undefined;
    if (signature !== undefined) signatures.add(signature);
    parts.push({
      functionCall: {
        ...(isSigning(model) && { id: newToken(6) }),
        name: call.name,
        args: call.arguments,
      },
      ...(signature !== undefined && { thoughtSignature: signature }),
    });
  }
  const promptTokenCount = tokensOf(
    JSON.stringify([body.systemInstruction, body.contents, body.tools]),
  ).length;
  const responseId = newToken(12);
  const finishReason = isCut ? 'MAX_TOKENS' : 'STOP';
  const message = (said: readonly object[], tokens: number, isLast: boolean): object => ({
    candidates: [
      {
        content: { parts: said.length > 0 ? said : [{ text: '' }], role: 'model' },
        ...(isLast && { finishReason }),
        index: 0,
      },
    ],
    usageMetadata: {
      promptTokenCount,
      candidatesTokenCount: tokens,
      totalTokenCount: promptTokenCount + tokens,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokenCount }],
    },
    modelVersion: model,
    responseId,
  });
  return {
    tokens: parts.length,
    // The end comes with a last chunk of its own, whose text is empty.
    chunks: [
      ...parts.map((part, nth) => message([part], nth + 1, false)),
      message([], parts.length, true),
    ],
    whole: message(parts, parts.length, true),
  };
}

function answerModels(exchange: Exchange): void {
  const asked = /^\/(v1|v1beta)\/models(?:\/([^/:]+))?$/.exec(exchange.url.pathname);
  if (exchange.method !== 'GET' || !asked)
    return refuse(exchange, {
      code: 'NOT_FOUND',
      message: 'The sandbox does not play this method.',
    });
  if (asked[2] === undefined)
    return exchange.reply(
      200,
      {},
      {
        models: Object.keys(geminiModels).map((model) => modelObject(model)),
      },
    );
  const model = decodeURIComponent(asked[2]);
  if (model in geminiModels) return exchange.reply(200, {}, modelObject(model));
  refuse(exchange, unknownModel(model, asked[1] ?? ''));
}
