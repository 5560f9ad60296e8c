import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';
import { systemClock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { createFaults } from '#sandbox/faults.ts';
import type { Faults } from '#sandbox/faults.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { startCartesia } from '#sandbox/vendors/cartesia/server.ts';
import { startDeepgram } from '#sandbox/vendors/deepgram/server.ts';
import { startOpenAI } from '#sandbox/vendors/openai/server.ts';
import { testBrain } from './brain.ts';

/** One more simulator of a vendor, with faults of its own. */
export type FaultyVendor = { readonly apiKey: string; readonly faults: Faults };

/** The vendors of a call whose owner named none. */
export type FaultyName = 'deepgram' | 'openai' | 'cartesia';

/**
 * Vendors of which every key can have troubles of its own, so that many calls of one server fail
 * at the same time in different ways. One address per vendor leads to the simulator of the key.
 */
export type FaultyVendors = {
  /** For the server's environment. */
  readonly env: Readonly<Record<string, string>>;
  add(name: FaultyName): Promise<FaultyVendor>;
  [Symbol.asyncDispose](): Promise<void>;
};

export async function faultyVendors(sandbox: Sandbox): Promise<FaultyVendors> {
  const { bank, openEar, urls } = sandbox;
  const opened = new AsyncDisposableStack();
  const doors = {
    deepgram: opened.use(await openDoor(urls.deepgram)),
    openai: opened.use(await openDoor(urls.openai)),
    cartesia: opened.use(await openDoor(urls.cartesia)),
  };
  const start = (name: FaultyName, apiKey: string, faults: Faults) => {
    const shared = { clock: systemClock, keys: [apiKey], faults };
    switch (name) {
      case 'deepgram':
        return startDeepgram({ ...shared, openEar });
      case 'openai':
        return startOpenAI({ ...shared, brain: testBrain });
      case 'cartesia':
        return startCartesia({ ...shared, bank });
    }
  };

  return {
    env: {
      DEEPGRAM_URL: doors.deepgram.origin,
      OPENAI_URL: `${doors.openai.origin}/v1`,
      CARTESIA_URL: doors.cartesia.origin,
    },
    async add(name) {
      const apiKey = newToken(30);
      const faults = createFaults();
      const simulator = opened.adopt(await start(name, apiKey, faults), (one) => one.close());
      doors[name].lead(apiKey, simulator.url);
      return { apiKey, faults };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

type Door = AsyncDisposable & {
  readonly origin: string;
  /** Connections that show this key go there. */
  lead(apiKey: string, url: string): void;
};

/**
 * Passes each connection on, byte for byte, by the key in the head of its first request; with
 * another key to `elsewhere`.
 */
async function openDoor(elsewhere: string): Promise<Door> {
  const ways = new Map<string, string>();
  const sockets = new Set<Socket>();
  const follow = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  };
  const server: Server = createServer((near) => {
    follow(near);
    let head = '';
    const read = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      const way = [...ways].find(([key]) => head.includes(key));
      near.off('data', read);
      near.pause();
      const { hostname, port } = new URL(way?.[1] ?? elsewhere);
      const far = connect(Number(port), hostname);
      follow(far);
      far.write(Buffer.from(head, 'latin1'));
      near.pipe(far).pipe(near);
      // An end, a reset and a refused connection are passed on as such.
      far.on('error', () => near.resetAndDestroy());
      near.on('error', () => far.resetAndDestroy());
      far.on('close', () => near.destroy());
      near.on('close', () => far.destroy());
    };
    near.on('data', read);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door has no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    lead: (key, to) => void ways.set(key, to),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
