import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '#lib/clock.ts';
import type { Faults } from '../../faults.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Exchange } from '../exchange.ts';
import type { ConnectionRecord, RequestRecord } from '../records.ts';
import { serveVendor } from '../serve.ts';
import type { Upgrade } from '../serve.ts';
import { serveContexts } from './contexts.ts';
import type { ElevenLabsTiming } from './context.ts';
import {
  INVALID_KEY,
  MISSING_KEY,
  NOT_FOUND,
  SERVER_ERROR,
  errorMessage,
  failureBody,
} from './errors.ts';
import { answerHttp } from './http.ts';
import { readStreamQuery } from './stream-query.ts';

export type ElevenLabsOptions = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  /** The keys that are accepted. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<ElevenLabsTiming>;
};

export type ElevenLabsSimulator = {
  /** Origin of the REST API, `http://127.0.0.1:…`; the WebSocket is on the same port. */
  readonly url: string;
  readonly wsUrl: string;
  readonly timing: ElevenLabsTiming;
  /** How many contexts are open, or still being spoken. */
  activeContexts(): number;
  connections(): readonly ConnectionRecord[];
  requests(): readonly RequestRecord[];
  close(): Promise<void>;
};

/** ElevenLabs' multi-context speech socket, its speech by HTTP and its account, as a server. The sound is the bank's. */
export async function startElevenLabs(options: ElevenLabsOptions): Promise<ElevenLabsSimulator> {
  const { clock, faults, keys } = options;
  const timing: ElevenLabsTiming = {
    firstSpeechMs: 150,
    realTimeFactor: 10,
    chunkMs: 100,
    ...options.timing,
  };
  let active = 0;

  const upgrade = async (request: Upgrade): Promise<void> => {
    const { url, headers } = request;
    const voiceId = /^\/v1\/text-to-speech\/([^/]+)\/multi-stream-input$/.exec(url.pathname)?.[1];
    if (voiceId === undefined) return request.refuse(404, {}, failureBody(NOT_FOUND));
    const fault = faults.standing?.kind === 'down' ? undefined : faults.standing;
    if (fault?.kind === 'reset') return request.reset();
    if (fault?.kind === 'slow') await clock.sleep(fault.delayMs);
    if (fault?.kind === 'server-error')
      return request.refuse(503, {}, failureBody({ ...SERVER_ERROR, status: 503 }));
    const peer = request.accept();
    if (fault?.kind === 'half-open') return peer.silence();
    const key = keyOf(headers, url);
    const query = readStreamQuery(decodeURIComponent(voiceId), url.searchParams);
    // Whatever is wrong with the address or the key is said on the open socket.
    const failure =
      key !== undefined && !keys.includes(key)
        ? INVALID_KEY
        : 'status' in query
          ? query
          : undefined;
    if (failure || 'status' in query) {
      if (!failure) return;
      peer.send(JSON.stringify(errorMessage(failure)));
      return peer.close(1_008, failure.message.slice(0, 120));
    }
    serveContexts(peer, query, {
      ...options,
      timing,
      isAuthorised: key !== undefined,
      started: () => (active += 1),
      ended: () => (active -= 1),
    });
  };

  const http = async (exchange: Exchange): Promise<void> => {
    const { standing } = faults;
    if (standing?.kind !== 'reset' && standing?.kind !== 'half-open') {
      const key = keyOf(exchange.headers, exchange.url);
      const failure =
        key === undefined ? MISSING_KEY : keys.includes(key) ? undefined : INVALID_KEY;
      if (failure) return exchange.reply(failure.status, {}, failureBody(failure));
    }
    return answerHttp(exchange, { ...options, timing });
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http,
    upgrade,
    crashed: (message) => ({ status: 500, body: failureBody({ ...SERVER_ERROR, message }) }),
  });
  return {
    url: `http://${server.host}`,
    wsUrl: `ws://${server.host}`,
    timing,
    activeContexts: () => active,
    connections: () => server.connections(),
    requests: () => server.requests(),
    close: () => server.close(),
  };
}

/** By header, or by query as browsers send it. */
function keyOf(headers: IncomingHttpHeaders, url: URL): string | undefined {
  const header = headers['xi-api-key'];
  if (typeof header === 'string') return header;
  const bearer = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? url.searchParams.get('xi-api-key') ?? undefined;
}
