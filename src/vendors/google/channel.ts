import type { Client, ClientDuplexStream, Metadata, StatusObject } from '@grpc/grpc-js';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { GoogleStatus } from './failure.ts';
import type { Grpc } from './grpc.ts';

/** What one stream is told, in order; after `ended` nothing. Never before `open` has returned. */
export type StreamListener = {
  /** It is connected: from now on messages are sent. */
  open(): void;
  message(bytes: Uint8Array): void;
  /**
   * `code` is `OK` when the service ended it in good order. `wasKept`: its connection had been there
   * before, so that its end may be old news.
   */
  ended(status: GoogleStatus, wasKept: boolean): void;
};

export type GrpcStream = {
  /** Does nothing before `open` and after the end. */
  send(message: Uint8Array): void;
  /** No more messages; the service answers to those it has, and ends the stream. */
  halfClose(): void;
  /** Stops the service too. Nothing is said after it returns. */
  cancel(): void;
  /** Asks the other end whether it is there; without an answer all streams of the connection end. */
  ensureAlive(withinMs: number): void;
  /** Bytes that have not left yet. */
  readonly unsentBytes: number;
};

/** One HTTP/2 connection, shared by the streams of many calls. */
export type Channel = {
  readonly streamCount: number;
  /** False once it was given up. Its streams go on if they can, and it is closed with the last one. */
  readonly isUsable: boolean;
  /** How long nothing has come from it, if it is connected; 0 otherwise. */
  readonly silentMs: number;
  open(path: string, listener: StreamListener): GrpcStream;
  /** One request and its answer; the bytes of the answer where the status is `OK`. */
  unary(
    path: string,
    request: Uint8Array,
    options: { readonly withinMs: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly status: GoogleStatus; readonly bytes: Uint8Array | undefined }>;
  connect(): void;
  ensureAlive(withinMs: number): void;
  close(): void;
};

export type ChannelParts = {
  readonly url: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly grpc: Promise<Grpc>;
  /** A request that costs nothing and is always answered, be it by an error. */
  readonly probe: { readonly path: string; readonly request: Uint8Array };
  /** Called once, when it is of no more use for new streams. */
  readonly onGivenUp: () => void;
};

const OPEN_WITHIN_MS = 5_000;
/** An idle connection is given back after this long. */
const IDLE_MS = 240_000;
const MAX_MESSAGE_BYTES = 4_000_000;

type Entry = { end(status: GoogleStatus): void; drop(): void };

export function openChannel(parts: ChannelParts): Channel {
  const { clock } = parts;
  const streams = new Set<Entry>();
  let state: 'usable' | 'given up' | 'closed' = 'usable';
  let loaded:
    | { readonly grpc: Grpc; readonly client: Client; readonly metadata: Metadata }
    | undefined;
  let heardAtMs = clock.now();
  let cancelProbe: Cancel | undefined;

  const load = async (): Promise<void> => {
    const grpc = await parts.grpc;
    if (state === 'closed') return;
    const metadata = new grpc.Metadata();
    // By hand: the official way attaches it to connections with TLS only.
    metadata.set('x-goog-api-key', parts.apiKey);
    loaded = { grpc, client: clientOf(grpc, parts.url), metadata };
  };
  const loading = load();
  const isReady = (): boolean =>
    loaded !== undefined &&
    loaded.client.getChannel().getConnectivityState(false) === loaded.grpc.connectivityState.READY;

  const close = (): void => {
    if (state === 'closed') return;
    giveUp();
    state = 'closed';
    cancelProbe?.();
    loaded?.client.close();
  };
  const giveUp = (): void => {
    if (state !== 'usable') return;
    state = 'given up';
    parts.onGivenUp();
  };
  const closeIfDone = (): void => {
    if (state === 'given up' && streams.size === 0) close();
  };

  /** Connects, and calls back when that has worked or failed; not at all once the channel is closed. */
  const whenSettled = (then: (ready: NonNullable<typeof loaded>) => void): void => {
    const look = (): void => {
      if (state === 'closed' || !loaded) return;
      const { connectivityState } = loaded.grpc;
      const channel = loaded.client.getChannel();
      const now = channel.getConnectivityState(true);
      if (now === connectivityState.READY || now === connectivityState.TRANSIENT_FAILURE)
        then(loaded);
      else channel.watchConnectivityState(now, Infinity, look);
    };
    void loading.then(look);
  };

  const ensureAlive = (withinMs: number): void => {
    if (cancelProbe || state === 'closed' || !loaded) return;
    const { client, metadata } = loaded;
    const askedAtMs = clock.now();
    const stop = clock.after(withinMs, () => {
      cancelProbe?.();
      if (heardAtMs >= askedAtMs) return;
      giveUp();
      const message = `no sign of life for ${withinMs} ms`;
      for (const stream of streams) {
        stream.drop();
        stream.end({ code: 'DEADLINE_EXCEEDED', message, details: '' });
      }
    });
    const { path, request } = parts.probe;
    const call = client.makeUnaryRequest(path, toBuffer, asIs, request, metadata, (error) => {
      // Refused or not: it was read at the other end.
      if (error?.code !== loaded?.grpc.status.UNAVAILABLE) heardAtMs = clock.now();
      cancelProbe?.();
    });
    cancelProbe = () => {
      cancelProbe = undefined;
      stop();
      call.cancel();
    };
  };

  const open = (path: string, listener: StreamListener): GrpcStream => {
    const wasKept = isReady();
    let call: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;
    let unsentBytes = 0;
    let over = false;
    const leave = (): void => {
      over = true;
      cancelOpen();
      streams.delete(entry);
    };
    const entry: Entry = {
      end(status) {
        if (over) return;
        leave();
        if (status.code === 'UNAVAILABLE') giveUp();
        closeIfDone();
        listener.ended(status, wasKept);
      },
      drop: () => call?.cancel(),
    };
    const cancelOpen = clock.after(OPEN_WITHIN_MS, () => {
      giveUp();
      const message = `no connection within ${OPEN_WITHIN_MS} ms`;
      entry.end({ code: 'DEADLINE_EXCEEDED', message, details: '' });
    });
    streams.add(entry);

    whenSettled(({ grpc, client, metadata }) => {
      if (over) return;
      cancelOpen();
      call = client.makeBidiStreamRequest(path, toBuffer, asIs, metadata);
      call.on('data', (bytes: Uint8Array) => {
        heardAtMs = clock.now();
        if (!over) listener.message(bytes);
      });
      // The status says the same, and comes in every case.
      call.on('error', () => undefined);
      call.on('status', (status: StatusObject) => entry.end(statusOf(grpc, status)));
      listener.open();
    });

    return {
      send(message) {
        if (over || !call) return;
        unsentBytes += message.length;
        call.write(message, () => (unsentBytes -= message.length));
      },
      halfClose() {
        if (!over) call?.end();
      },
      cancel() {
        if (over) return;
        leave();
        call?.cancel();
        closeIfDone();
      },
      ensureAlive,
      get unsentBytes() {
        return unsentBytes;
      },
    };
  };

  return {
    get streamCount() {
      return streams.size;
    },
    get isUsable() {
      return state === 'usable';
    },
    get silentMs() {
      return isReady() ? clock.now() - heardAtMs : 0;
    },
    open,
    async unary(path, request, { withinMs, signal }) {
      await loading;
      const late = {
        code: 'DEADLINE_EXCEEDED',
        message: `no answer within ${withinMs} ms`,
        details: '',
      };
      if (!loaded || signal?.aborted) return { status: late, bytes: undefined };
      const { grpc, client, metadata } = loaded;
      return new Promise((resolve) => {
        let bytes: Uint8Array | undefined;
        const call = client.makeUnaryRequest(
          path,
          toBuffer,
          asIs,
          request,
          metadata,
          (_, answer) => (bytes = answer),
        );
        const stop = (): void => call.cancel();
        const cancelLate = clock.after(withinMs, () => {
          resolve({ status: late, bytes: undefined });
          stop();
        });
        signal?.addEventListener('abort', stop, { once: true });
        call.on('status', (status) => {
          cancelLate();
          signal?.removeEventListener('abort', stop);
          if (status.code === grpc.status.UNAVAILABLE) giveUp();
          closeIfDone();
          resolve({ status: statusOf(grpc, status), bytes });
        });
      });
    },
    connect: () => whenSettled(() => undefined),
    ensureAlive,
    close,
  };
}

function clientOf(grpc: Grpc, url: string): Client {
  const { hostname, port, protocol } = new URL(url);
  const isSecure = protocol === 'https:' || protocol === 'wss:';
  return new grpc.Client(
    `${hostname}:${port || (isSecure ? 443 : 80)}`,
    isSecure ? grpc.credentials.createSsl() : grpc.credentials.createInsecure(),
    {
      // Otherwise two channels to one host are one connection, and its 101st stream waits without a word.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.client_idle_timeout_ms': IDLE_MS,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    },
  );
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asIs = (bytes: Buffer): Uint8Array => bytes;

function statusOf(grpc: Grpc, { code, details, metadata }: StatusObject): GoogleStatus {
  return {
    code: grpc.status[code] ?? 'UNKNOWN',
    message: details,
    // A message of its own kind, in which the reasons stand as plain words.
    details: metadata
      .get('grpc-status-details-bin')
      .map((bytes) => (typeof bytes === 'string' ? bytes : bytes.toString('latin1')))
      .join(' '),
  };
}
