import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { openEar } from '../../speech/ear.ts';
import type { EarFormat, VoiceBank } from '../../speech/speech.ts';
import { isObject, parseObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { during } from '../test-time.ts';
import type { CartesiaSimulator } from './server.ts';

export const KEY = 'sk_car_sandbox_1';
export const KATIE = 'f786b574-daa5-4673-aa0c-cbe3e8534c02';
const MULAW = { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8_000 } as const;
/** What every request of a context repeats. */
export const base = {
  model_id: 'sonic-3.5',
  voice: { id: KATIE },
  output_format: MULAW,
  language: 'en',
  add_timestamps: true,
};

export const headers = { authorization: `Bearer ${KEY}`, 'cartesia-version': '2026-08-14' };

/** A plain client of one socket. */
export async function open(cartesia: CartesiaSimulator, clock: VirtualClock) {
  const socket = new WebSocket(`${cartesia.wsUrl}/tts/websocket`, { headers });
  const messages: JsonObject[] = [];
  socket.on('message', (data: Buffer) => messages.push(parseObject(data.toString()) ?? {}));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await once(socket, 'open');
  const send = (message: object): void => socket.send(JSON.stringify(message));
  /** Virtual time passes until the simulator has said something that fits. */
  const until = (fits: (message: JsonObject) => boolean): Promise<JsonObject> =>
    during(
      clock,
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = messages.find(fits);
          if (found) resolve(found);
        };
        look();
        socket.on('message', look);
        socket.on('close', () => reject(new Error('it hung up')));
      }),
    );
  return { socket, messages, closed, send, until };
}

export const isType =
  (type: string, contextId?: string) =>
  (message: JsonObject): boolean =>
    message['type'] === type && (contextId === undefined || message['context_id'] === contextId);

/** All sound of a context. */
export const audioOf = (messages: readonly JsonObject[], contextId: string): Buffer =>
  Buffer.concat(
    messages
      .filter(isType('chunk', contextId))
      .map((message) => Buffer.from(String(message['data']), 'base64')),
  );

type Word = { readonly text: string; readonly start: number; readonly end: number };
export const wordsOf = (messages: readonly JsonObject[], contextId: string): readonly Word[] =>
  messages.filter(isType('timestamps', contextId)).flatMap((message) => {
    const stamps = message['word_timestamps'];
    if (!isObject(stamps)) return [];
    const { words, start, end } = stamps;
    if (!Array.isArray(words) || !Array.isArray(start) || !Array.isArray(end)) return [];
    return words.map((text, i) => ({
      text: String(text),
      start: Number(start[i]),
      end: Number(end[i]),
    }));
  });

/** The words an ear finds in the sound. */
export function heard(
  bank: VoiceBank,
  audio: Buffer,
  format: EarFormat = { encoding: 'mulaw', sampleRateHz: 8_000 },
): string {
  const ear = openEar(bank)(format);
  ear.write(audio);
  ear.end();
  return ear.words.map((word) => word.text).join(' ');
}
