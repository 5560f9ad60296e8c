import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { openEar } from '../../speech/ear.ts';
import type { EarFormat, VoiceBank } from '../../speech/speech.ts';
import { isObject, parseObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { during } from '../test-time.ts';
import type { ElevenLabsSimulator } from './server.ts';

export const KEY = 'sk_sandbox_0123456789abcdef';
export const SARAH = 'EXAVITQu4vr4xnSDxMaL';

/** As a phone line asks for it. */
export const phone = {
  model_id: 'eleven_flash_v2_5',
  output_format: 'ulaw_8000',
  auto_mode: 'true',
  sync_alignment: 'true',
};

/** A plain client of one socket. `closed` is its close code, then the reason. */
export async function open(
  elevenlabs: ElevenLabsSimulator,
  clock: VirtualClock,
  query: Readonly<Record<string, string>> = phone,
  {
    voice = SARAH,
    headers = { 'xi-api-key': KEY },
  }: { readonly voice?: string; readonly headers?: Readonly<Record<string, string>> } = {},
) {
  const socket = new WebSocket(
    `${elevenlabs.wsUrl}/v1/text-to-speech/${voice}/multi-stream-input?${new URLSearchParams(query).toString()}`,
    { headers },
  );
  const messages: JsonObject[] = [];
  socket.on('message', (data: Buffer) => messages.push(parseObject(data.toString()) ?? {}));
  const closed = new Promise<readonly [number, string]>((resolve) =>
    socket.on('close', (code, reason) => resolve([code, reason.toString()])),
  );
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

export const isFinal =
  (contextId: string) =>
  (message: JsonObject): boolean =>
    message['isFinal'] === true && message['contextId'] === contextId;

export const isAudio =
  (contextId: string) =>
  (message: JsonObject): boolean =>
    typeof message['audio'] === 'string' && message['contextId'] === contextId;

/** All sound of a context. */
export const audioOf = (messages: readonly JsonObject[], contextId: string): Buffer =>
  Buffer.concat(
    messages
      .filter(isAudio(contextId))
      .map((message) => Buffer.from(String(message['audio']), 'base64')),
  );

/** The characters of one message with their times, in milliseconds from the first sample of its audio. */
export function charactersOf(
  message: JsonObject,
): readonly { readonly character: string; readonly startMs: number; readonly endMs: number }[] {
  const { alignment } = message;
  if (!isObject(alignment)) return [];
  const { chars, charStartTimesMs: starts, charDurationsMs: durations } = alignment;
  if (!Array.isArray(chars) || !Array.isArray(starts) || !Array.isArray(durations)) return [];
  return chars.map((character, index) => ({
    character: String(character),
    startMs: Number(starts[index]),
    endMs: Number(starts[index]) + Number(durations[index]),
  }));
}

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
