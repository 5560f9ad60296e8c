import { NetworkFault } from './network.ts';
import type { Network, SocketListener, WebRequest, WebResponse } from './network.ts';

/** What the carrier says on a media socket, as far as tests look at it. */
export type CarrierMessage = {
  readonly event: string;
  readonly streamSid?: string;
  readonly mark?: { readonly name: string };
  readonly media?: { readonly chunk: string; readonly timestamp: string; readonly payload: string };
  readonly [field: string]: unknown;
};

/** One media socket, seen from the server. */
export type FakeSocket = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Every message of the carrier. */
  readonly received: readonly CarrierMessage[];
  readonly open: boolean;
  /** Called with every message of the carrier from now on. */
  listen(on: (message: CarrierMessage) => void): void;
  send(message: unknown): void;
  /** Sends mu-law audio for the stream that was started. */
  play(mulaw: Uint8Array): void;
  mark(name: string): void;
  clear(): void;
  /** 1006 stands for a connection that broke. */
  close(code?: number): void;
};

export type FakeServer = {
  readonly network: Network;
  readonly requests: readonly WebRequest[];
  readonly sockets: readonly FakeSocket[];
};

/** Answers TwiML as a server should; `status` and `contentType` where it should not. */
export const twimlAnswer = (body: string, status = 200, contentType = 'text/xml'): WebResponse => ({
  status,
  headers: { 'content-type': contentType },
  body,
});

/**
 * A customer's server without sockets, for calls in virtual time. `answer` is asked for every
 * webhook; where it throws a `NetworkFault` the request fails so, and where its promise stays
 * pending the server hangs. `upgrade` answers 101 or refuses a media socket.
 */
export function fakeServer(
  answer: (request: WebRequest) => WebResponse | Promise<WebResponse>,
  upgrade: () => number | 'hang' = () => 101,
): FakeServer {
  const requests: WebRequest[] = [];
  const sockets: FakeSocket[] = [];
  return {
    requests,
    sockets,
    network: {
      async fetch(request, signal) {
        requests.push(request);
        const aborted = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error(String(signal.reason))));
        });
        return Promise.race([(async () => answer(request))(), aborted]);
      },
      connect(url, headers, listener) {
        const socket = fakeSocket(url, headers, listener);
        const status = upgrade();
        if (status === 101) {
          sockets.push(socket.server);
          queueMicrotask(() => socket.start());
        } else if (status === 0)
          queueMicrotask(() => listener.failed(new NetworkFault('no-connection', 'refused')));
        else if (status !== 'hang') queueMicrotask(() => listener.refused(status));
        return socket.client;
      },
    },
  };
}

function fakeSocket(
  url: URL,
  headers: Readonly<Record<string, string>>,
  listener: SocketListener,
): {
  readonly server: FakeSocket;
  readonly client: ReturnType<Network['connect']>;
  start(): void;
} {
  const received: CarrierMessage[] = [];
  const listeners: ((message: CarrierMessage) => void)[] = [];
  let open = false;
  const end = (code: number): void => {
    if (!open) return;
    open = false;
    listener.closed(code);
  };
  const send = (message: unknown): void => {
    if (open) listener.message(Buffer.from(JSON.stringify(message)), false);
  };
  const streamSid = (): string | undefined =>
    received.find(({ event }) => event === 'start')?.streamSid;
  return {
    start() {
      open = true;
      listener.open();
    },
    client: {
      send(text) {
        if (!open) return;
        const message: CarrierMessage = JSON.parse(text);
        received.push(message);
        for (const on of listeners) on(message);
      },
      close: () => end(1_000),
      kill: () => end(1_006),
    },
    server: {
      url: url.href,
      headers,
      received,
      get open() {
        return open;
      },
      listen: (on) => void listeners.push(on),
      send,
      play: (mulaw) =>
        send({
          event: 'media',
          streamSid: streamSid(),
          media: { payload: Buffer.from(mulaw).toString('base64') },
        }),
      mark: (name) => send({ event: 'mark', streamSid: streamSid(), mark: { name } }),
      clear: () => send({ event: 'clear', streamSid: streamSid() }),
      close: (code = 1_000) => end(code),
    },
  };
}
