import type { Clock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { OpenEar, VoiceBank } from '../../speech/speech.ts';
import { parseJson } from '../json.ts';
import { serveVendor } from '../serve.ts';
import type { Exchange } from '../exchange.ts';
import type { ConnectionRecord, RequestRecord } from '../records.ts';
import type { Upgrade } from '../serve.ts';
import { composeAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { parseSpeechRequest, streamSpeech } from './audio-speech.ts';
import type { Brain } from '../brain.ts';
import {
  MISSING_KEY,
  invalidParameter,
  refusalBody,
  refusalOf,
  unknownModel,
  unknownUrl,
  wrongKey,
} from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { modelObject, openAIModels } from './models.ts';
import { serveRealtime } from './realtime.ts';
import { parseResponsesRequest } from './request.ts';
import { realtimeModels, speechModels, transcriptionModels } from './speech-models.ts';
import { createSpeeches, defaultSpeechTiming } from './speeches.ts';
import type { SpeechRecord, SpeechTiming } from './speeches.ts';

/** Read anew for every response, so they may be changed. */
export type OpenAITiming = SpeechTiming & {
  /** From the request's arrival to its first token. */
  firstTokenMs: number;
  tokensPerSecond: number;
};

export type OpenAIOptions = {
  readonly brain: Brain;
  readonly clock: Clock;
  /** The keys that are accepted. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<OpenAITiming>;
  /** Undefined: an account that neither hears nor speaks. */
  readonly speech?: { readonly bank: VoiceBank; readonly openEar: OpenEar };
  /** What a voice model says when it is to say `text`; undefined: it keeps to its text. */
  readonly sayInstead?: (text: string) => string;
  /** Told of each event of a streamed response as it leaves, for those who measure. */
  readonly onSent?: (event: { readonly type: string; readonly fields: object }) => void;
};

/** One response that was started. */
export type ResponseRecord = {
  readonly id: string;
  readonly model: string;
  readonly stream: boolean;
  /** Generated so far; no more are once the client has gone. */
  readonly tokens: number;
  readonly outcome: 'running' | 'completed' | 'aborted';
};

export type OpenAISimulator = {
  /** Base URL, with the path that SDKs expect in it: `http://127.0.0.1:…/v1`. */
  readonly url: string;
  readonly timing: OpenAITiming;
  requests(): readonly RequestRecord[];
  responses(): readonly ResponseRecord[];
  /** Texts that were asked to be spoken. */
  speeches(): readonly SpeechRecord[];
  /** The sockets of `/v1/realtime`. */
  connections(): readonly ConnectionRecord[];
  close(): Promise<void>;
};

type Running = { -readonly [K in keyof ResponseRecord]: ResponseRecord[K] };

/**
 * OpenAI's Responses, Realtime and speech APIs and its model list, as a server. What the language model
 * says is the injected brain's; words are heard by an ear, and spoken by the bank.
 */
export async function startOpenAI(options: OpenAIOptions): Promise<OpenAISimulator> {
  const { clock, faults } = options;
  const timing: OpenAITiming = {
    firstTokenMs: 400,
    tokensPerSecond: 60,
    ...defaultSpeechTiming,
    ...options.timing,
  };
  const responses: Running[] = [];
  const speeches = createSpeeches();

  const respond = async (exchange: Exchange, key: string): Promise<void> => {
    const fault = faults.take();
    if (await isFaulted(exchange, fault, key, clock)) return;
    const json = parseJson(await exchange.body());
    if (json === undefined) return refuse(exchange, NOT_JSON);
    const parsed = parseResponsesRequest(json);
    if (!parsed.ok) return refuse(exchange, parsed.refusal);

    const { request } = parsed;
    const answer = composeAnswer(request, options.brain(request.question), clock.now());
    const record: Running = {
      id: answer.id,
      model: request.body.model,
      stream: request.stream,
      tokens: 0,
      outcome: 'running',
    };
    responses.push(record);
    const abort = new AbortController();
    exchange.onAbort(() => {
      record.outcome = 'aborted';
      abort.abort();
    });
    const pace: Pace = { clock, ...timing, signal: abort.signal };
    const headers = answerHeaders();
    if (request.stream) {
      exchange.start(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' });
      await streamAnswer(exchange, answer, record, fault, pace, options.onSent);
    } else {
      await waitForToken(pace, clock.now(), Math.max(0, answer.outputTokens - 1));
      if (!abort.signal.aborted) {
        record.tokens = answer.outputTokens;
        exchange.reply(200, headers, answer.final);
      }
    }
    if (record.outcome === 'running') record.outcome = 'completed';
  };

  const speak = async (exchange: Exchange, key: string, bank: VoiceBank): Promise<void> => {
    const fault = faults.take();
    if (await isFaulted(exchange, fault, key, clock)) return;
    const json = parseJson(await exchange.body());
    if (json === undefined) return refuse(exchange, NOT_JSON);
    const parsed = parseSpeechRequest(json);
    if (!parsed.ok) return refuse(exchange, parsed.refusal);
    const headers = answerHeaders();
    await streamSpeech(exchange, parsed.request, { bank, clock, timing, speeches, headers, fault });
  };

  const upgrade = (request: Upgrade): void => {
    const { speech } = options;
    const { pathname } = request.url;
    if (!speech || pathname !== '/v1/realtime') {
      const refusal = unknownUrl('GET', pathname);
      return request.refuse(refusal.status, {}, refusalBody(refusal));
    }
    const { keys, sayInstead } = options;
    serveRealtime(request, { ...speech, clock, keys, faults, timing, speeches, sayInstead });
  };

  const http = async (exchange: Exchange): Promise<void> => {
    const key = /^Bearer (\S+)$/i.exec(exchange.headers.authorization ?? '')?.[1];
    if (faults.standing?.kind !== 'reset' && faults.standing?.kind !== 'half-open') {
      if (key === undefined) return refuse(exchange, MISSING_KEY);
      if (!options.keys.includes(key)) return refuse(exchange, wrongKey(key));
    }
    const path = exchange.url.pathname;
    if (exchange.method === 'POST' && path === '/v1/responses') return respond(exchange, key ?? '');
    if (exchange.method === 'POST' && path === '/v1/audio/speech' && options.speech)
      return speak(exchange, key ?? '', options.speech.bank);
    const { standing } = faults;
    const fault = standing?.kind === 'down' ? undefined : standing;
    if (await isFaulted(exchange, fault, key ?? '', clock)) return;
    answerModels(exchange);
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http,
    upgrade,
    crashed: (message) => ({
      status: 500,
      body: refusalBody({ status: 500, message, type: 'server_error', param: null, code: null }),
    }),
  });
  return {
    url: `http://${server.host}/v1`,
    timing,
    requests: () => server.requests(),
    responses: () => responses.map((one) => ({ ...one })),
    speeches: () => speeches.all,
    connections: () => server.connections(),
    close: () => server.close(),
  };
}

const NOT_JSON = invalidParameter(
  null,
  null,
  "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
);

const allModels = [...openAIModels, ...realtimeModels, ...transcriptionModels, ...speechModels];

const answerHeaders = (): Readonly<Record<string, string>> => ({
  'x-request-id': `req_${newUuid().replaceAll('-', '')}`,
  'openai-version': '2020-10-01',
  'openai-organization': 'sandbox',
  'openai-processing-ms': '1',
});

const refuse = (exchange: Exchange, refusal: OpenAIRefusal): void =>
  exchange.reply(refusal.status, { ...answerHeaders(), ...refusal.headers }, refusalBody(refusal));

/** Plays the faults that keep a request from starting; true when one of them has taken it. */
async function isFaulted(
  exchange: Exchange,
  fault: Fault | undefined,
  key: string,
  clock: Clock,
): Promise<boolean> {
  const refusal = refusalOf(fault, key);
  if (refusal) refuse(exchange, refusal);
  else if (fault?.kind === 'reset') exchange.reset();
  else if (fault?.kind === 'half-open') exchange.silence();
  else {
    if (fault?.kind === 'slow') await clock.sleep(fault.delayMs);
    return false;
  }
  return true;
}

type Pace = OpenAITiming & { readonly clock: Clock; readonly signal: AbortSignal };

/** Resolves when the n-th token, from 0, of a response begun at `startedAtMs` is due, or when it is aborted. */
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
  onSent: OpenAIOptions['onSent'],
): Promise<void> {
  const startedAtMs = pace.clock.now();
  let sequence = 0;
  const frame = (type: string, fields: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields, sequence_number: sequence++ })}\n\n`;
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
        const message = 'The server had an error processing your request. Sorry about that!';
        exchange.write(frame('error', { code: 'server_error', message, param: null }));
        finish();
      },
    },
    pace.clock,
  );
  let firstToken = true;
  for (const event of answer.events) {
    if (event.isToken) {
      await waitForToken(pace, startedAtMs, record.tokens);
      if (pace.signal.aborted || over) return;
      record.tokens += 1;
      firstToken = false;
    } else if (firstToken && event.type === 'response.output_item.added')
      await waitForToken(pace, startedAtMs, 0);
    if (pace.signal.aborted || over) return;
    onSent?.(event);
    send(frame(event.type, event.fields));
  }
  finish();
}

function answerModels(exchange: Exchange): void {
  const { method } = exchange;
  const path = exchange.url.pathname;
  const id = /^\/v1\/models\/([^/]+)$/.exec(path)?.[1];
  if (method === 'GET' && path === '/v1/models')
    return exchange.reply(200, answerHeaders(), {
      object: 'list',
      data: allModels.map((model) => modelObject(model)),
    });
  if (method === 'GET' && id !== undefined) {
    const model = decodeURIComponent(id);
    return allModels.includes(model)
      ? exchange.reply(200, answerHeaders(), modelObject(model))
      : refuse(exchange, unknownModel(model));
  }
  refuse(exchange, unknownUrl(method, path));
}
