import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { isObject, parseObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { DeepgramSimulator } from './server.ts';

export const KEY = 'dg-sandbox-key-1';
export const NOVA =
  '/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true&endpointing=300&smart_format=true';
export const FLUX =
  '/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.5';

export const silence = (ms: number): Buffer => Buffer.alloc(ms * 8, 0xff);

/** A plain client: what it was told, in order, and how it ended. */
export async function listen(deepgram: DeepgramSimulator, path: string) {
  const socket = new WebSocket(deepgram.wsUrl + path, {
    headers: { authorization: `Token ${KEY}` },
  });
  const messages: JsonObject[] = [];
  socket.on('message', (data: Buffer) => {
    const message = parseObject(data.toString());
    if (!message) throw new Error('not JSON');
    messages.push(message);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(socket, 'open');
  return { socket, messages, closed };
}

/** Streams all audio, closes the stream and answers what was said and how it ended. */
export async function transcribe(
  deepgram: DeepgramSimulator,
  path: string,
  audio: readonly Buffer[],
  chunkBytes = 160,
) {
  const { socket, messages, closed } = await listen(deepgram, path);
  const all = Buffer.concat(audio);
  for (let from = 0; from < all.length; from += chunkBytes)
    socket.send(all.subarray(from, from + chunkBytes));
  socket.send('{"type":"CloseStream"}');
  return { messages, end: await closed };
}

/** The HTTP answer to a handshake that is refused. */
export async function refusal(deepgram: DeepgramSimulator, path: string, authorization?: string) {
  const socket = new WebSocket(deepgram.wsUrl + path, {
    headers: authorization === undefined ? {} : { authorization },
  });
  socket.on('error', () => undefined);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.on('unexpected-response', (_, answer) => resolve(answer));
    socket.on('open', () => reject(new Error('it was accepted')));
  });
  let body = '';
  for await (const part of response) body += String(part);
  return { status: response.statusCode, headers: response.headers, body: parseObject(body) };
}

export const ofType = (messages: readonly JsonObject[], type: string) =>
  messages.filter((message) => message['type'] === type);
/** What changed the state of a turn. */
export const events = (messages: readonly JsonObject[]) =>
  ofType(messages, 'TurnInfo').filter((message) => message['event'] !== 'Update');
export function transcriptOf(results: JsonObject | undefined): unknown {
  const channel = results?.['channel'];
  const alternatives: unknown = isObject(channel) ? channel['alternatives'] : undefined;
  const first: unknown = Array.isArray(alternatives) ? alternatives[0] : undefined;
  return isObject(first) ? first['transcript'] : undefined;
}
