import { PHONE_AUDIO } from '#audio/format.ts';
import type { TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { channelPool } from './channel-pool.ts';
import { failureOfStatus } from './failure.ts';
import { serviceUrl } from './hosts.ts';
import {
  CHIRP,
  LIST_VOICES,
  loadSynthesisMessages,
  STREAMING_SYNTHESIZE,
  SYNTHESIZE,
  voiceOf,
} from './synthesis-messages.ts';
import type { SynthesisMessages } from './synthesis-messages.ts';
import { startUtterance } from './utterance.ts';
import type { OpenSynthesisStream } from './utterance.ts';

const CHECK_WITHIN_MS = 5_000;

/**
 * Google's streamed text-to-speech over gRPC: sound as it comes, a few connections for all calls of
 * one key, one stream (or, after a long pause, several) for each utterance. It tells no word times.
 */
export function googleTextToSpeech(options: RoleOptions): TextToSpeech {
  const { apiKey, clock, log } = options;
  const model = options.model ?? CHIRP;
  const failures = failureMaker('google', 'text-to-speech', apiKey);
  const pool = channelPool({
    url: serviceUrl(options.baseUrl, 'texttospeech'),
    apiKey,
    clock,
    // A request without anything in it: refused at once, and not billed.
    probe: { path: SYNTHESIZE, request: new Uint8Array(0) },
  });
  const utterances = new Set<Utterance>();
  let loading: Promise<SynthesisMessages> | undefined;
  const load = (): Promise<SynthesisMessages> => (loading ??= loadSynthesisMessages());

  return {
    vendor: 'google',
    model,
    can: { wordTimes: false },
    speak({ voice, language, audio = PHONE_AUDIO }, on) {
      const openStream: OpenSynthesisStream = (listener) => {
        let messages: SynthesisMessages | undefined;
        const start = async (): Promise<void> => {
          messages = await load();
          stream.send(messages.configuration(voiceOf(model, voice, language), audio));
          listener.open(messages);
        };
        const stream = pool.open(STREAMING_SYNTHESIZE, {
          open: () => void start(),
          message: (bytes) => listener.audio(messages?.audio(bytes)),
          ended: (status, wasKept) => listener.ended(status, wasKept),
        });
        return stream;
      };
      const utterance = startUtterance({
        format: audio,
        openStream,
        clock,
        log,
        failures,
        on,
        onEnd: () => utterances.delete(utterance),
      });
      utterances.add(utterance);
      return utterance;
    },
    warm() {
      void load();
      pool.warm();
    },
    async check(signal) {
      const request = (await load()).voiceList(options.language ?? 'en');
      const { status } = await pool.unary(LIST_VOICES, request, {
        withinMs: CHECK_WITHIN_MS,
        signal,
      });
      if (status.code === 'OK') return { ok: true };
      return { ok: false, failure: failureOfStatus(failures, status) };
    },
    close() {
      for (const utterance of utterances) utterance.cancel();
      pool.close();
    },
  };
}
