import type { IncomingHttpHeaders } from 'node:http';
import type { Cancel, Clock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { OpenEar } from '../../speech/speech.ts';
import { serveVendor } from '../serve.ts';
import type { Exchange } from '../exchange.ts';
import type { Peer } from '../peer.ts';
import type { ConnectionRecord, RequestRecord } from '../records.ts';
import type { Upgrade } from '../serve.ts';
import { INVALID_CREDENTIALS, NOT_FOUND, refusalAnswer, refusalOf } from './errors.ts';
import type { DeepgramRefusal } from './errors.ts';
import { createFluxStream } from './flux.ts';
import { createNovaStream } from './nova.ts';
import type { ListenOutput, ListenStream, NovaTiming } from './nova.ts';
import { parseFluxQuery, parseNovaQuery } from './query.ts';
import type { TurnTiming } from './turn-taking.ts';

/** Milliseconds of audio after the last word; read anew for every stream's every step, so they may be changed. */
export type DeepgramTiming = { -readonly [K in keyof (TurnTiming & NovaTiming)]: number };

export type DeepgramOptions = {
  readonly openEar: OpenEar;
  readonly clock: Clock;
  /** The keys that are accepted. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<DeepgramTiming>;
  /** Flux takes `ForceEndTurn` only from accounts it is enabled for. Default false. */
  readonly mayForceEndTurn?: boolean;
  /** Told of each message as it leaves, for those who measure. */
  readonly onSent?: (message: object) => void;
};

export type DeepgramSimulator = {
  /** Origin of the REST API, `http://127.0.0.1:…`; the WebSockets are on the same port. */
  readonly url: string;
  readonly wsUrl: string;
  readonly timing: DeepgramTiming;
  connections(): readonly ConnectionRecord[];
  requests(): readonly RequestRecord[];
  close(): Promise<void>;
};

/** Without audio or KeepAlive for this long the service hangs up with NET-0001. */
const IDLE_MS = 10_000;

/** Deepgram's streaming recognisers and key check, as a server. Words come from the ear alone. */
export async function startDeepgram(options: DeepgramOptions): Promise<DeepgramSimulator> {
  const { clock, faults } = options;
  const timing: DeepgramTiming = {
    endOfTurnMs: 350,
    eagerEndOfTurnMs: 150,
    finalDelayMs: 50,
    ...options.timing,
  };

  const listen = (upgrade: Upgrade): void => {
    const requestId = newUuid();
    const refuse = (refusal: DeepgramRefusal): void => {
      const { headers, body } = refusalAnswer(refusal, requestId);
      upgrade.refuse(refusal.status, headers, body);
    };
    const version = { '/v1/listen': 1, '/v2/listen': 2 }[upgrade.url.pathname];
    if (version === undefined) return refuse(NOT_FOUND);
    const fault = faults.take();
    if (fault?.kind === 'reset') return upgrade.reset();
    if (!isAuthorised(upgrade.headers, options.keys)) return refuse(INVALID_CREDENTIALS);
    const refusal = refusalOf(fault);
    if (refusal) return refuse(refusal);

    const query = upgrade.url.searchParams;
    const nova = version === 1 ? parseNovaQuery(query) : undefined;
    const flux = version === 2 ? parseFluxQuery(query) : undefined;
    if (nova && !nova.ok) return refuse(nova.refusal);
    if (flux && !flux.ok) return refuse(flux.refusal);

    const peer = upgrade.accept({ 'dg-request-id': requestId });
    const output = createOutput(peer, version, fault, options);
    const format = (nova ?? flux)?.options.format;
    const open = (): ListenStream | undefined => {
      if (!format) return undefined;
      const shared = { format, ear: options.openEar(format), requestId, timing, output };
      if (nova) {
        const createdAt = new Date(clock.now()).toISOString();
        return createNovaStream({ ...shared, query: nova.options, createdAt });
      }
      const mayForceEndTurn = options.mayForceEndTurn ?? false;
      return flux && createFluxStream({ ...shared, query: flux.options, mayForceEndTurn });
    };
    attach(peer, open(), output, clock);
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http: (exchange) => answerRest(exchange, options),
    upgrade: listen,
    crashed: (message) => ({
      status: 500,
      body: { err_code: 'INTERNAL_SERVER_ERROR', err_msg: message, request_id: newUuid() },
    }),
  });
  return {
    url: `http://${server.host}`,
    wsUrl: `ws://${server.host}`,
    timing,
    connections: () => server.connections(),
    requests: () => server.requests(),
    close: () => server.close(),
  };
}

/** API keys come as `Token`; `Bearer` is for the short-lived tokens, which the sandbox does not issue. */
function isAuthorised(headers: IncomingHttpHeaders, keys: readonly string[]): boolean {
  const [scheme, key, ...rest] = (headers.authorization ?? '').split(' ');
  return (
    scheme?.toLowerCase() === 'token' &&
    key !== undefined &&
    rest.length === 0 &&
    keys.includes(key)
  );
}

function createOutput(
  peer: Peer,
  version: number,
  fault: Fault | undefined,
  { clock, onSent }: Pick<DeepgramOptions, 'clock' | 'onSent'>,
): ListenOutput {
  const send = faultySender(
    fault,
    {
      deliver: (frame) => peer.send(frame),
      kill: () => peer.kill(),
      silence: () => peer.silence(),
      fail() {
        if (version === 1) return peer.close(1011, 'NET-0000');
        const sequence_id = fault?.kind === 'fail' ? fault.afterMessages : 0;
        const code = 'INTERNAL_SERVER_ERROR';
        const description = 'The server failed to process the stream.';
        peer.send(JSON.stringify({ type: 'Error', sequence_id, code, description }));
        peer.close(1011, code);
      },
    },
    clock,
  );
  if (fault?.kind === 'half-open') peer.silence();
  return {
    send(message) {
      onSent?.(message);
      send(JSON.stringify(message));
    },
    close: (code, reason) => peer.close(code, reason),
  };
}

/** Feeds what the client sends to the stream, and hangs up on a client that sends nothing. */
function attach(
  peer: Peer,
  stream: ListenStream | undefined,
  output: ListenOutput,
  clock: Clock,
): void {
  let heardFromAtMs = clock.now();
  let cancelIdle: Cancel = () => undefined;
  const watch = (): void => {
    const idleMs = clock.now() - heardFromAtMs;
    if (idleMs >= IDLE_MS) output.close(1011, 'NET-0001');
    else cancelIdle = clock.after(IDLE_MS - idleMs, watch);
  };
  cancelIdle = clock.after(IDLE_MS, watch);
  peer.socket.on('close', () => cancelIdle());
  peer.socket.on('message', (data: Buffer, isBinary: boolean) => {
    heardFromAtMs = clock.now();
    if (!isBinary) {
      if (stream) stream.text(data.toString('utf8'));
      return;
    }
    // No encoding was named, and raw samples are in no container.
    if (!stream) return output.close(1008, 'DATA-0000');
    stream.audio(data);
  });
}

/** The requests that show whether a key works. Only standing faults touch them: planned ones are for streams. */
async function answerRest(exchange: Exchange, options: DeepgramOptions): Promise<void> {
  const requestId = newUuid();
  const refuse = (refusal: DeepgramRefusal): void => {
    const { headers, body } = refusalAnswer(refusal, requestId);
    exchange.reply(refusal.status, headers, body);
  };
  const { standing } = options.faults;
  const fault = standing?.kind === 'down' ? undefined : standing;
  if (fault?.kind === 'reset') return exchange.reset();
  if (fault?.kind === 'half-open') return exchange.silence();
  if (fault?.kind === 'slow') await options.clock.sleep(fault.delayMs);
  if (!isAuthorised(exchange.headers, options.keys)) return refuse(INVALID_CREDENTIALS);
  const refusal = refusalOf(fault);
  if (refusal) return refuse(refusal);

  const headers = { 'dg-request-id': requestId };
  const route = `${exchange.method} ${exchange.url.pathname}`;
  if (route === 'GET /v1/projects')
    return exchange.reply(200, headers, {
      projects: [{ project_id: '5b1fd0b4-2f2c-4f1c-9f4f-0d6b1d6a9d10', name: 'Sandbox' }],
    });
  if (route === 'GET /v1/auth/token')
    return exchange.reply(200, headers, {
      api_key_id: '8f4d4f6e-7a55-4d0e-8f7c-6a3c6f6f7c11',
      scopes: ['usage:write'],
      created: '2026-01-01T00:00:00.000Z',
      accessor: null,
    });
  refuse(NOT_FOUND);
}
