import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

/** Knows whether anything is on its way between two sockets of this process. */
export type Loopback = Disposable & {
  /**
   * Resolves when every byte written by one end has been read by the other, and what follows from it,
   * too. An end that has stopped reading is not waited for again until something moves.
   */
  delivered(): Promise<void>;
};

/** Turns of the event loop without a byte on its way: handlers may still be about to write. */
const QUIET_TURNS = 3;
/** After so many without a byte moving, and a little real time, whoever should read does not. */
const STUCK_TURNS = 40;

type Pair = { client?: Socket; server?: Socket; stuckAt?: string };

export function watchLoopback(): Loopback {
  const pairs = new Map<number, Pair>();
  const open = (port: number | undefined, end: 'client' | 'server', socket: Socket): void => {
    if (port === undefined) return;
    const pair = pairs.get(port) ?? {};
    pair[end] = socket;
    pairs.set(port, pair);
    socket.once('close', () => {
      if (pairs.get(port) === pair) pairs.delete(port);
    });
  };
  const onClient = (message: unknown): void => {
    const socket = socketOf(message);
    socket?.once('connect', () => open(socket.localPort, 'client', socket));
  };
  const onServer = (message: unknown): void => {
    const socket = socketOf(message);
    if (socket) open(socket.remotePort, 'server', socket);
  };
  subscribe('net.client.socket', onClient);
  subscribe('net.server.socket', onServer);

  /** What is on its way, as text that changes with every byte; empty: nothing. */
  const onTheWay = (): string => {
    const moving: string[] = [];
    for (const [port, pair] of pairs) {
      const state = stateOf(pair);
      if (state === undefined || state === pair.stuckAt) continue;
      moving.push(`${port}:${state}`);
    }
    return moving.join();
  };

  return {
    async delivered() {
      let quiet = 0;
      let still = 0;
      let last = '';
      while (quiet < QUIET_TURNS) {
        await turnOfTheLoop();
        const now = onTheWay();
        quiet = now === '' ? quiet + 1 : 0;
        still = now !== '' && now === last ? still + 1 : 0;
        last = now;
        if (still < STUCK_TURNS) continue;
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (onTheWay() !== now) continue;
        for (const pair of pairs.values()) {
          const state = stateOf(pair);
          if (state !== undefined) pair.stuckAt = state;
        }
      }
    },
    [Symbol.dispose]() {
      unsubscribe('net.client.socket', onClient);
      unsubscribe('net.server.socket', onServer);
      pairs.clear();
    },
  };
}

/** How many bytes each end wrote and the other read; undefined where those are the same. */
function stateOf({ client, server }: Pair): string | undefined {
  if (!client || !server) return undefined;
  const up = client.bytesWritten - server.bytesRead;
  const down = server.bytesWritten - client.bytesRead;
  return up === 0 && down === 0
    ? undefined
    : `${client.bytesWritten}/${up}/${server.bytesWritten}/${down}`;
}

const socketOf = (message: unknown): Socket | undefined =>
  typeof message === 'object' &&
  message !== null &&
  'socket' in message &&
  message.socket instanceof Socket
    ? message.socket
    : undefined;

const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
