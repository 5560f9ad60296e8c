import { constants, performServerHandshake } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { invalidArgument, numberOfCode, statusDetails } from './status.ts';
import type { Status } from './status.ts';

/** One connection of a client, with all its calls. */
export type GrpcConnection = {
  /** Cuts it at once: every call on it ends without a status. */
  reset(): void;
  /** Ends it when everything written is on its way, without a farewell. */
  cut(): void;
  /** From now on nothing is sent and nothing read, not even a ping. */
  silence(): void;
};

/** One call of a method, as the service has it. */
export type GrpcCall = {
  /** Such as `/google.cloud.speech.v1.Speech/StreamingRecognize`. */
  readonly path: string;
  readonly connection: GrpcConnection;
  header(name: string): string | undefined;
  send(message: Uint8Array): void;
  /** Ends the call; afterwards nothing is sent. */
  end(status: Status): void;
  /** Cuts the connection as soon as what was sent has left. */
  cut(): void;
};

/** What a call's method is told. After `gone` nothing more. */
export type GrpcListener = {
  message(message: Buffer): void;
  /** The client sends no more messages. */
  halfClosed(): void;
  /** The call is over: ended by either side, or its connection is gone. Called once. */
  gone(): void;
};

/** As Google's servers have it; a client queues what goes beyond, without a word. */
const MAX_STREAMS = 100;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * Speaks gRPC on a connection that begins with HTTP/2's preface, by the protocol's own document
 * (PROTOCOL-HTTP2): messages after a prefix of five bytes, the status in trailers.
 * On `node:http2` alone: unlike a gRPC library it can be made to break the protocol.
 */
export function serveGrpc(
  socket: Socket,
  service: string,
  accept: (call: GrpcCall) => GrpcListener | Status,
): GrpcConnection {
  const [inside, outside] = duplexPair();
  socket.pipe(outside).pipe(socket);
  const session = performServerHandshake(inside, {
    settings: { maxConcurrentStreams: MAX_STREAMS },
  });
  session.on('error', () => undefined);
  socket.on('close', () => {
    session.destroy();
    inside.destroy();
    outside.destroy();
  });
  const connection: GrpcConnection = {
    reset: () => void socket.resetAndDestroy(),
    cut: () => socket.destroySoon(),
    silence() {
      socket.unpipe(outside);
      outside.unpipe(socket);
      socket.pause();
    },
  };
  session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
    serveCall(stream, headers, { connection, service, accept }),
  );
  return connection;
}

function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  at: {
    readonly connection: GrpcConnection;
    readonly service: string;
    readonly accept: (call: GrpcCall) => GrpcListener | Status;
  },
): void {
  let state: 'quiet' | 'answering' | 'over' = 'quiet';
  let listener: GrpcListener | undefined;
  stream.on('error', () => undefined);
  if (!/^application\/grpc(?:\+proto)?$/.test(headers['content-type'] ?? '')) {
    stream.respond({ ':status': 415 }, { endStream: true });
    return;
  }
  const trailersOf = (status: Status): Record<string, string> => {
    const details = statusDetails(status, at.service);
    return {
      'grpc-status': String(numberOfCode(status.code)),
      ...(status.message !== '' && { 'grpc-message': percentEncoded(status.message) }),
      ...(details && { 'grpc-status-details-bin': details.toString('base64') }),
    };
  };
  const end = (status: Status): void => {
    if (state === 'over' || stream.destroyed) return;
    const wasAnswering = state === 'answering';
    state = 'over';
    const trailers = trailersOf(status);
    // A client that goes on sending is told that nobody listens any more, once it has the status.
    const dismiss = (): void => {
      if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    };
    if (!wasAnswering) {
      const head = { ':status': 200, 'content-type': 'application/grpc', ...trailers };
      stream.respond(head, { endStream: true });
      return dismiss();
    }
    stream.once('wantTrailers', () => {
      stream.sendTrailers(trailers);
      dismiss();
    });
    stream.end();
  };
  const call: GrpcCall = {
    path: String(headers[':path']),
    connection: at.connection,
    header(name) {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    },
    send(message) {
      if (state === 'over' || stream.destroyed) return;
      if (state === 'quiet') {
        state = 'answering';
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc' },
          { waitForTrailers: true },
        );
      }
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([prefix, message]));
    },
    end,
    cut() {
      if (state === 'answering') stream.write('', () => setImmediate(() => at.connection.cut()));
      else at.connection.cut();
      state = 'over';
    },
  };
  const accepted = at.accept(call);
  if ('code' in accepted) {
    stream.resume();
    return end(accepted);
  }
  listener = accepted;
  stream.once('close', () => {
    state = 'over';
    listener?.gone();
  });
  const read = messageReader();
  stream.on('data', (bytes: Buffer) => {
    for (const message of read(bytes)) {
      if (state === 'over') return;
      if (!Buffer.isBuffer(message)) return end(message);
      listener?.message(message);
    }
  });
  stream.on('end', () => {
    if (state !== 'over') listener?.halfClosed();
  });
}

/** Cuts a stream of bytes into messages. A status: what is wrong with them. */
function messageReader(): (bytes: Buffer) => readonly (Buffer | Status)[] {
  let left: Buffer = Buffer.alloc(0);
  return (bytes) => {
    left = left.length === 0 ? bytes : Buffer.concat([left, bytes]);
    const messages: (Buffer | Status)[] = [];
    while (left.length >= 5) {
      const length = left.readUInt32BE(1);
      if (left[0] !== 0)
        return [...messages, { code: 'UNIMPLEMENTED', message: 'No compression was agreed on.' }];
      if (length > MAX_MESSAGE_BYTES)
        return [...messages, invalidArgument(`Received message larger than max (${length})`)];
      if (left.length < 5 + length) break;
      messages.push(left.subarray(5, 5 + length));
      left = left.subarray(5 + length);
    }
    return messages;
  };
}

/** As `grpc-message` has it: everything but printable ASCII, and the percent sign itself. */
const percentEncoded = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
