import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

export const STREAM_SID = `MZ${'a'.repeat(32)}`;

export type SocketPair = {
  readonly near: WebSocket;
  readonly far: WebSocket;
  readonly close: () => Promise<void>;
};

/** Two ends of a real WebSocket on loopback: `near` is ours, `far` is the carrier's. */
export async function socketPair(): Promise<SocketPair> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const accepted = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  const far = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  const [near] = await Promise.all([accepted, once(far, 'open')]);
  return {
    near,
    far,
    async close() {
      far.terminate();
      near.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first message of every stream. */
export const connected = JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' });
/** The second message; `change` replaces fields of its `start`. */
export const startMessage = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({
    event: 'start',
    sequenceNumber: '1',
    streamSid: STREAM_SID,
    start: {
      accountSid: `AC${'b'.repeat(32)}`,
      callSid: `CA${'c'.repeat(32)}`,
      streamSid: STREAM_SID,
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
      customParameters: { token: 'secret', caller: '+15550001' },
      ...change,
    },
  });
/** One message of sound. */
export const media = (mulaw: Uint8Array): string =>
  JSON.stringify({
    event: 'media',
    sequenceNumber: '3',
    streamSid: STREAM_SID,
    media: {
      track: 'inbound',
      chunk: '1',
      timestamp: '5',
      payload: Buffer.from(mulaw).toString('base64'),
    },
  });

/** The code a socket was closed with. */
export const closeCodeOf = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => socket.once('close', resolve));
