/**
 * The floor: the least that any server does which takes a phone call's sound by Media Streams and hands it
 * to a recogniser. It answers the carrier's webhook, reads each frame, decodes it, and sends pieces of
 * 80 ms to one WebSocket per call. It hears nothing, knows nothing and says nothing.
 *
 *   node bench/relay/main.ts ws://HOST:PORT   the recogniser's end; prints its own origin
 */
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { decodeMulaw, phoneBytes } from '#audio/g711.ts';

const PIECE_BYTES = phoneBytes(80);

const [target = ''] = process.argv.slice(2);
if (!URL.canParse(target)) throw new Error(`the recogniser's WebSocket is named, not "${target}"`);

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/xml');
  const url = `wss://voice.bench.test/stream`;
  response.end(`<Response><Connect><Stream url="${url}" /></Connect></Response>`);
});
const streams = new WebSocketServer({ server, perMessageDeflate: false });

/** Loudest sample of the whole run: what is decoded has to be used, or an engine may leave it out. */
let loudest = 0;

streams.on('connection', (carrier) => {
  const recogniser = new WebSocket(target, { perMessageDeflate: false });
  let piece = Buffer.alloc(0);
  carrier.on('message', (data: Buffer) => {
    const message: { readonly media?: { readonly payload: string } } = JSON.parse(data.toString());
    if (!message.media) return;
    const mulaw = Buffer.from(message.media.payload, 'base64');
    for (const sample of decodeMulaw(mulaw)) if (sample > loudest) loudest = sample;
    piece = Buffer.concat([piece, mulaw]);
    if (piece.length < PIECE_BYTES) return;
    if (recogniser.readyState === WebSocket.OPEN) recogniser.send(piece);
    piece = Buffer.alloc(0);
  });
  carrier.on('close', () => recogniser.terminate());
  carrier.on('error', () => undefined);
  recogniser.on('error', () => undefined);
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.stdout.write(`Listening on http://127.0.0.1:${port}\n`);
});
process.once('SIGTERM', () => process.exit(0));
