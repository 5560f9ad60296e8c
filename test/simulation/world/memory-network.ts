import type { ClientRequestArgs } from 'node:http';
import { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { WebSocket } from 'ws';
import { NetworkFault, socketOf } from '#sandbox/carrier/network.ts';
import type { Network } from '#sandbox/carrier/network.ts';

/** Of a socket, beside those of its request. */
type Settings = { readonly perMessageDeflate: boolean; readonly closeTimeout: number };

/** The way from the carrier to whichever node is up, without a socket of the operating system. */
export type MemoryNetwork = Network & {
  /** Where everything leads from now on; undefined: no connection comes about. */
  lead(app: FastifyInstance | undefined): void;
  /** Cuts every socket that is open, as the death of a process does. */
  cut(): void;
  /** Sockets that are open at either end. */
  readonly open: number;
};

/** Both ends of a connection in memory; what is written to one can be read from the other at once. */
class End extends Duplex {
  peer: End | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.peer?.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { peer } = this;
    this.peer = undefined;
    // A connection that dies is seen at the other end in a task of its own.
    if (peer) process.nextTick(() => peer.destroy());
    done(error);
  }
}

const pairOfEnds = (): readonly [End, End] => {
  const one = new End();
  const two = new End();
  one.peer = two;
  two.peer = one;
  return [one, two];
};

/**
 * `lose` is asked for each request, numbered from 0, whether it never arrives. `withCare` is given all
 * that takes turns of the event loop.
 */
export function memoryNetwork(
  lose: (request: number) => boolean,
  withCare: <T>(work: Promise<T>) => Promise<T>,
): MemoryNetwork {
  let requests = 0;
  let app: FastifyInstance | undefined;
  const ends = new Set<End>();
  const answers = new Set<PromiseWithResolvers<never>>();
  const noConnection = (): NetworkFault => new NetworkFault('no-connection', 'nobody listens');

  return {
    lead: (next) => void (app = next),
    cut() {
      for (const end of ends) end.destroy();
      for (const request of answers) request.reject(new NetworkFault('broken', 'the node died'));
    },
    get open() {
      return ends.size;
    },
    async fetch({ method, url, headers, body }) {
      if (!app || lose(requests++)) throw noConnection();
      const cut = Promise.withResolvers<never>();
      answers.add(cut);
      const answering = Promise.race([
        cut.promise,
        app.inject({
          method,
          url: url.pathname + url.search,
          headers: { ...headers, host: url.host },
          payload: body,
        }),
      ]);
      const response = await withCare(answering).finally(() => answers.delete(cut));
      const answered = Object.entries(response.headers);
      return {
        status: response.statusCode,
        headers: Object.fromEntries(answered.map(([name, value]) => [name, String(value)])),
        body: response.body,
      };
    },
    connect(url, headers, listener) {
      const nobody = { send: () => undefined, close: () => undefined, kill: () => undefined };
      if (!app) {
        queueMicrotask(() => listener.failed(noConnection()));
        return nobody;
      }
      const pair = pairOfEnds();
      const [near, far] = pair;
      for (const end of pair) {
        ends.add(end);
        end.once('close', () => ends.delete(end));
        end.on('error', () => undefined);
      }
      app.server.emit('connection', far);
      // Both ends may close at once, and then wait for each other; the types of `ws` do not know it yet.
      const options: ClientRequestArgs & Settings = {
        closeTimeout: 1_000,
        headers: { ...headers, host: url.host },
        perMessageDeflate: false,
        createConnection: () => near,
      };
      const socket = new WebSocket(`ws://memory${url.pathname}`, options);
      const shaken = Promise.withResolvers<void>();
      void withCare(shaken.promise);
      // A refused one does not end by itself in memory.
      socket.on('unexpected-response', () => near.destroy());
      return socketOf(socket, listener, () => shaken.resolve());
    },
  };
}
