import type { IncomingHttpHeaders } from 'node:http';
import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { faultySender } from '../../faults.ts';
import type { Faults } from '../../faults.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Exchange } from '../exchange.ts';
import type { Peer } from '../peer.ts';
import type { ConnectionRecord, RequestRecord } from '../records.ts';
import { serveVendor } from '../serve.ts';
import type { Upgrade } from '../serve.ts';
import { createContext } from './context.ts';
import type { CartesiaContext, CartesiaTiming } from './context.ts';
import {
  CONCURRENCY_LIMITED,
  NOT_FOUND,
  UNAUTHORISED,
  errorEvent,
  failureBody,
  failureOf,
  invalidRequest,
  midstreamError,
} from './errors.ts';
import type { CartesiaFailure } from './errors.ts';
import { cartesiaVersions, readClientMessage } from './request.ts';
import type { GenerationRequest } from './request.ts';
import { cartesiaVoices, findVoice, voiceObject } from './voices.ts';

export type CartesiaOptions = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  /** The keys that are accepted. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<CartesiaTiming>;
  /** Contexts of the account at one time; default 15, the Scale plan's. */
  readonly maxContexts?: number;
  /** Told of each message as it leaves, for those who measure. */
  readonly onSent?: (message: object) => void;
  /** Told of each text as it has been read. */
  readonly onText?: (contextId: string, text: string) => void;
};

export type CartesiaSimulator = {
  /** Origin of the REST API, `http://127.0.0.1:…`; the WebSocket is on the same port. */
  readonly url: string;
  readonly wsUrl: string;
  readonly timing: CartesiaTiming;
  /** How many contexts are being spoken, or wait for text. */
  activeContexts(): number;
  connections(): readonly ConnectionRecord[];
  requests(): readonly RequestRecord[];
  close(): Promise<void>;
};

/** A socket without a message in either direction is closed after this long. */
const IDLE_MS = 300_000;

/** Cartesia's streaming speech and voice list, as a server. The sound is the bank's. */
export async function startCartesia(options: CartesiaOptions): Promise<CartesiaSimulator> {
  const { clock, faults } = options;
  const timing: CartesiaTiming = {
    firstSpeechMs: 150,
    realTimeFactor: 10,
    chunkMs: 100,
    ...options.timing,
  };
  const account: Account = { active: 0, maxContexts: options.maxContexts ?? 15 };

  const upgrade = async (request: Upgrade): Promise<void> => {
    const refuse = (failure: CartesiaFailure): void =>
      request.refuse(failure.status, {}, failureBody(failure));
    if (request.url.pathname !== '/tts/websocket') return refuse(NOT_FOUND);
    const fault = standingFault(faults);
    if (fault?.kind === 'reset') return request.reset();
    if (fault?.kind === 'slow') await clock.sleep(fault.delayMs);
    const failure = admissionFailure(request.headers, request.url, options.keys);
    if (failure) return refuse(failure);
    const refusal = failureOf(fault);
    if (refusal) return refuse(refusal);
    const peer = request.accept();
    if (fault?.kind === 'half-open') return peer.silence();
    serveContexts(peer, versionOf(request.headers, request.url) ?? '', account, {
      ...options,
      timing,
    });
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http: (exchange) => answerRest(exchange, options),
    upgrade,
    crashed: (message) => ({
      status: 500,
      body: failureBody({ status: 500, error_code: null, title: 'Sandbox error', message }),
    }),
  });
  return {
    url: `http://${server.host}`,
    wsUrl: `ws://${server.host}`,
    timing,
    activeContexts: () => account.active,
    connections: () => server.connections(),
    requests: () => server.requests(),
    close: () => server.close(),
  };
}

type Account = { active: number; readonly maxContexts: number };

/** Speaks the contexts of one socket, each by itself, until it closes. */
function serveContexts(
  peer: Peer,
  version: string,
  account: Account,
  options: CartesiaOptions & { readonly timing: CartesiaTiming },
): void {
  const { clock, faults } = options;
  const contexts = new Map<string, CartesiaContext>();
  const spent = new Set<string>();
  let movedAtMs = clock.now();
  let cancelIdle: Cancel = () => undefined;

  const send = (message: object): void => {
    movedAtMs = clock.now();
    peer.send(JSON.stringify(message));
  };
  const refuse = (contextId: string | undefined, failure: CartesiaFailure): void => {
    if (contextId !== undefined) contexts.get(contextId)?.drop();
    send(errorEvent(failure, contextId));
  };

  const open = (first: GenerationRequest): CartesiaContext | undefined => {
    const { contextId } = first;
    const refused = (failure: CartesiaFailure): undefined => {
      spent.add(contextId);
      refuse(contextId, failure);
    };
    if (spent.has(contextId))
      return refused(invalidRequest('The context has expired or is done; use a new context_id.'));
    if (first.transcript.trim() === '' && !first.continues)
      return refused(invalidRequest('The transcript is empty.'));
    const fault = faults.take();
    const failure = failureOf(fault);
    if (failure) return refused(failure);
    if (fault?.kind === 'reset' || fault?.kind === 'half-open') {
      if (fault.kind === 'reset') peer.kill();
      else peer.silence();
      return undefined;
    }
    if (account.active >= account.maxContexts) return refused(CONCURRENCY_LIMITED);

    const line = faultySender(
      fault,
      {
        deliver(frame) {
          movedAtMs = clock.now();
          peer.send(frame);
        },
        kill: () => peer.kill(),
        silence: () => peer.silence(),
        fail() {
          contexts.get(contextId)?.drop();
          send(midstreamError(contextId));
        },
      },
      clock,
    );
    account.active += 1;
    const context = createContext({
      first,
      bank: options.bank,
      clock,
      timing: options.timing,
      send(message) {
        options.onSent?.(message);
        line(JSON.stringify(message));
      },
      ended() {
        account.active -= 1;
        contexts.delete(contextId);
        spent.add(contextId);
      },
      crashed: (error) =>
        refuse(contextId, {
          status: 500,
          error_code: null,
          title: 'Sandbox error',
          message: messageOf(error),
        }),
    });
    contexts.set(contextId, context);
    return context;
  };

  const watch = (): void => {
    const idleMs = clock.now() - movedAtMs;
    if (idleMs >= IDLE_MS) peer.close(1000, 'idle');
    else cancelIdle = clock.after(IDLE_MS - idleMs, watch);
  };
  cancelIdle = clock.after(IDLE_MS, watch);

  peer.socket.on('message', (data: Buffer, isBinary: boolean) => {
    movedAtMs = clock.now();
    if (isBinary) return refuse(undefined, invalidRequest('Messages are JSON text.'));
    const message = readClientMessage(data.toString('utf8'), version);
    switch (message.kind) {
      case 'refused':
        return refuse(message.contextId, message.failure);
      case 'cancel':
        // A context that is over already is no error: cancelling races with its end.
        return contexts.get(message.contextId)?.cancel();
      case 'generate': {
        options.onText?.(message.request.contextId, message.request.transcript);
        const context = contexts.get(message.request.contextId) ?? open(message.request);
        const failure = context?.input(message.request);
        if (failure) refuse(message.request.contextId, failure);
      }
    }
  });
  peer.socket.on('close', () => {
    cancelIdle();
    for (const context of contexts.values()) context.drop();
  });
}

const standingFault = ({ standing }: Faults) => (standing?.kind === 'down' ? undefined : standing);

const versionOf = (headers: IncomingHttpHeaders, url: URL): string | undefined => {
  const header = headers['cartesia-version'];
  return typeof header === 'string'
    ? header
    : (url.searchParams.get('cartesia_version') ?? undefined);
};

/** Key and version by header, or by query as browsers send them. */
function admissionFailure(
  headers: IncomingHttpHeaders,
  url: URL,
  keys: readonly string[],
): CartesiaFailure | undefined {
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const header = headers['x-api-key'];
  const key = bearer ?? (typeof header === 'string' ? header : url.searchParams.get('api_key'));
  if (key === null || !keys.includes(key)) return UNAUTHORISED;
  const version = versionOf(headers, url);
  if (version === undefined) return invalidRequest('The Cartesia-Version header is required.');
  return cartesiaVersions.includes(version)
    ? undefined
    : invalidRequest(`Unknown Cartesia-Version "${version}".`);
}

/** The requests that show whether a key works. Only standing faults touch them: planned ones are for contexts. */
async function answerRest(exchange: Exchange, options: CartesiaOptions): Promise<void> {
  const refuse = (failure: CartesiaFailure): void =>
    exchange.reply(failure.status, {}, failureBody(failure));
  const fault = standingFault(options.faults);
  if (fault?.kind === 'reset') return exchange.reset();
  if (fault?.kind === 'half-open') return exchange.silence();
  if (fault?.kind === 'slow') await options.clock.sleep(fault.delayMs);
  const path = exchange.url.pathname;
  if (exchange.method === 'GET' && path === '/')
    return exchange.reply(200, {}, { ok: true, version: cartesiaVersions.at(-1) });
  const failure =
    admissionFailure(exchange.headers, exchange.url, options.keys) ?? failureOf(fault);
  if (failure) return refuse(failure);

  if (exchange.method === 'GET' && path === '/voices') {
    const limit = Number(exchange.url.searchParams.get('limit') ?? '10');
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      return refuse(invalidRequest('limit must be an integer from 1 to 100.'));
    const after = exchange.url.searchParams.get('starting_after');
    const from = after === null ? 0 : cartesiaVoices.findIndex((one) => one.id === after) + 1;
    return exchange.reply(
      200,
      {},
      {
        data: cartesiaVoices.slice(from, from + limit).map((voice) => voiceObject(voice)),
        has_more: from + limit < cartesiaVoices.length,
      },
    );
  }
  const id = /^\/voices\/([^/]+)$/.exec(path)?.[1];
  const voice = id === undefined ? undefined : findVoice(id);
  if (exchange.method === 'GET' && voice) return exchange.reply(200, {}, voiceObject(voice));
  refuse(NOT_FOUND);
}
