import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Server as HttpServer } from 'node:http';

/** How HTTP/2 without TLS begins; no request of HTTP/1.1 does. */
const PREFACE = 'PRI * HTTP/2.0';

/**
 * A port for both versions of HTTP: connections that begin with HTTP/2's preface go to `http2`, all
 * others to `http1`, which must not listen itself.
 */
export function frontDoor(http1: HttpServer, http2: (socket: Socket) => void): Server {
  // A small message must not wait for the acknowledgement of the one before it: that takes 40 ms.
  return createServer({ noDelay: true }, (socket) => {
    const look = (): void => {
      const beginning: unknown = socket.read();
      // Null: the connection ended, or its first bytes are still to come.
      if (!Buffer.isBuffer(beginning)) return;
      const expected = PREFACE.slice(0, beginning.length);
      socket.off('readable', look);
      socket.unshift(beginning);
      if (beginning.toString('latin1', 0, expected.length) === expected) http2(socket);
      else http1.emit('connection', socket);
    };
    socket.on('readable', look);
  });
}
