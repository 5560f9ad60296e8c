import type { WebSocket } from 'ws';

/** The vendor's end of one WebSocket. */
export type Peer = {
  readonly id: number;
  readonly socket: WebSocket;
  send(frame: string): void;
  close(code?: number, reason?: string): void;
  /** Cuts the connection: the client sees no close frame. */
  kill(): void;
  /** From now on nothing is sent and nothing read, not even a ping. */
  silence(): void;
};

export function createPeer(id: number, socket: WebSocket): Peer {
  let silent = false;
  // A protocol error of the client ends its socket with 'close'; without a listener it would end the process.
  socket.on('error', () => undefined);
  return {
    id,
    socket,
    send(frame) {
      if (!silent && socket.readyState === socket.OPEN) socket.send(frame);
    },
    close(code, reason) {
      if (!silent) socket.close(code, reason);
    },
    kill: () => socket.terminate(),
    silence() {
      silent = true;
      if (socket.readyState === socket.OPEN) socket.pause();
    },
  };
}
