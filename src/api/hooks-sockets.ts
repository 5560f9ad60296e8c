import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { VoiceError, messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';

/** Who takes the WebSockets of one path. */
export type SocketDoor = {
  /** Matched against the path, without its query. */
  readonly path: RegExp;
  /**
   * Takes the socket and answers undefined, or answers why not and leaves it alone. A thrown
   * `VoiceError` is an answer too.
   */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    match: RegExpMatchArray,
  ): Promise<Refusal | undefined>;
};

export type Refusal = { readonly status: number; readonly detail: string };

/** How long a door may take to know who is there. */
const KNOCK_LIMIT_MS = 10_000;

/** Leads every WebSocket upgrade to its door; where there is none the answer is 404. */
export function openSocketDoors(server: Server, doors: readonly SocketDoor[], log: Log): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const ignoreError = (): void => undefined;
    // Until the door has taken it nobody else listens, and an unheard error ends the process.
    socket.on('error', ignoreError);
    const limit = setTimeout(() => socket.destroy(), KNOCK_LIMIT_MS);
    const answer = async (): Promise<void> => {
      try {
        const refusal = await knock(doors, request, socket, head);
        if (refusal) refuse(socket, refusal);
        else socket.off('error', ignoreError);
      } catch (error) {
        if (!(error instanceof VoiceError))
          log.error({ error: messageOf(error) }, 'a socket could not be opened');
        refuse(socket, refusalFor(error));
      } finally {
        clearTimeout(limit);
      }
    };
    void answer();
  });
}

async function knock(
  doors: readonly SocketDoor[],
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<Refusal | undefined> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  for (const door of doors) {
    const match = door.path.exec(path);
    if (match) return door.open(request, socket, head, match);
  }
  return { status: 404, detail: 'Not Found' };
}

const refusalFor = (error: unknown): Refusal =>
  error instanceof VoiceError
    ? { status: error.status, detail: error.message }
    : { status: 500, detail: 'Internal Server Error' };

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  410: 'Gone',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

function refuse(socket: Duplex, { status, detail }: Refusal): void {
  const body = JSON.stringify({ detail });
  socket.end(
    [
      `HTTP/1.1 ${status} ${REASONS[status] ?? 'Internal Server Error'}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}
