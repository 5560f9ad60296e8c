import { createRequire } from 'node:module';
import { credentials } from '@grpc/grpc-js';
import type { SpeechClient } from '@google-cloud/speech';
import type { TextToSpeechClient } from '@google-cloud/text-to-speech';
import type { GoogleSimulator } from './server.ts';

// Required: they are CommonJS, and load in half the time.
const require = createRequire(import.meta.url);
const speech: typeof import('@google-cloud/speech') = require('@google-cloud/speech');
const tts: typeof import('@google-cloud/text-to-speech') = require('@google-cloud/text-to-speech');

export const KEY = 'AIzaSandbox-0123456789abcdef0123456789a';

/** Options that turn an official client to the sandbox. */
const local = (google: GoogleSimulator) => ({
  apiEndpoint: '127.0.0.1',
  port: Number(new URL(google.url).port),
  sslCreds: credentials.createInsecure(),
  apiKey: KEY,
});

export const speechClient = (google: GoogleSimulator): SpeechClient =>
  new speech.v1.SpeechClient(local(google));
export const voiceClient = (google: GoogleSimulator): TextToSpeechClient =>
  new tts.TextToSpeechClient(local(google));

/** Call options with the key: an official client with credentials of its own sends none by itself. */
export const withKey = (key: string | undefined = KEY) => ({
  otherArgs: { headers: key === '' ? {} : { 'x-goog-api-key': key } },
});

export const recognitionConfig = {
  encoding: 'MULAW',
  sampleRateHertz: 8_000,
  languageCode: 'en-US',
  model: 'telephony',
  enableAutomaticPunctuation: true,
  enableWordTimeOffsets: true,
} as const;

export const synthesisConfig = {
  voice: { languageCode: 'en-US', name: 'en-US-Chirp3-HD-Kore' },
  streamingAudioConfig: { audioEncoding: 'MULAW', sampleRateHertz: 8_000 },
} as const;

/** What of a stream's events the tests look at. */
type Stream<Message> = {
  on(event: 'data', listen: (message: Message) => void): unknown;
  on(event: 'error', listen: (error: Error) => void): unknown;
  on(event: 'end', listen: () => void): unknown;
};

/** Collects the messages of a stream; `ended` rejects with the error that it ends with. */
export function collect<Message>(stream: Stream<Message>): {
  readonly messages: readonly Message[];
  readonly ended: Promise<void>;
} {
  const messages: Message[] = [];
  stream.on('data', (message) => void messages.push(message));
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  ended.catch(() => undefined);
  return { messages, ended };
}
