import { PHONE_AUDIO, silenceOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { channelPool } from './channel-pool.ts';
import { failureOfStatus } from './failure.ts';
import { openHearing } from './hearing.ts';
import { serviceUrl } from './hosts.ts';
import type { OpenSpeechStream } from './leg.ts';
import { speechLocale } from './locale.ts';
import { loadSpeechMessages, RECOGNIZE, STREAMING_RECOGNIZE } from './speech-messages.ts';
import type { SpeechMessages } from './speech-messages.ts';

const CHECK_WITHIN_MS = 5_000;
/** Languages that the model for phone calls hears; the service refuses it for others. */
const TELEPHONY = new Set(['de', 'en', 'es', 'fr', 'hi', 'it', 'ja', 'ko', 'nl', 'pt']);

/**
 * Google's Speech-to-Text v1 over gRPC, which is the version that takes an API key: sound as it comes,
 * many calls on one connection, segments without an end of turns.
 */
export function googleSpeechToText(options: RoleOptions): SpeechToText {
  const { apiKey, clock, log } = options;
  const language = options.language ?? 'en';
  const model = options.model ?? defaultModel(language, PHONE_AUDIO);
  const failures = failureMaker('google', 'speech-to-text', apiKey);
  const pool = channelPool({
    url: serviceUrl(options.baseUrl, 'speech'),
    apiKey,
    clock,
    // A request without anything in it: refused at once, and not billed.
    probe: { path: RECOGNIZE, request: new Uint8Array(0) },
  });
  const streams = new Set<HearingStream>();
  let loading: Promise<SpeechMessages> | undefined;
  const load = (): Promise<SpeechMessages> => (loading ??= loadSpeechMessages());

  const openStream: OpenSpeechStream = (listener) => {
    let messages: SpeechMessages | undefined;
    const start = async (): Promise<void> => {
      messages = await load();
      listener.open(messages);
    };
    return pool.open(STREAMING_RECOGNIZE, {
      open: () => void start(),
      message: (bytes) => listener.message(messages?.read(bytes)),
      ended: (status, wasKept) => listener.ended(status, wasKept),
    });
  };

  return {
    vendor: 'google',
    model,
    can: { endOfTurn: false, finalize: true },
    listen(asked, on) {
      const audio = asked.audio ?? PHONE_AUDIO;
      const hearing = openHearing({
        openStream,
        config: {
          model: options.model ?? defaultModel(language, audio),
          locale: speechLocale(asked.language),
          keyterms: asked.keyterms,
          format: audio,
        },
        clock,
        log,
        failures,
        on,
        onEnd: () => streams.delete(hearing),
      });
      streams.add(hearing);
      return hearing;
    },
    async check(signal) {
      // A tenth of a second of silence: the shortest of requests that also tries the model.
      const silence = silenceOf(100, PHONE_AUDIO);
      const config = { model, locale: speechLocale(language), keyterms: [], format: PHONE_AUDIO };
      const request = (await load()).recognition(config, silence);
      const { status } = await pool.unary(RECOGNIZE, request, {
        withinMs: CHECK_WITHIN_MS,
        signal,
      });
      if (status.code === 'OK') return { ok: true };
      return { ok: false, failure: failureOfStatus(failures, status) };
    },
    close() {
      for (const hearing of streams) hearing.close();
      pool.close();
    },
  };
}

/** The languages are those of Google's current models, of which one is for each kind of line. */
const defaultModel = (language: string, audio: AudioFormat): string => {
  if (!TELEPHONY.has(new Intl.Locale(language).language)) return 'default';
  return audio.encoding === 'mulaw' ? 'telephony' : 'latest_long';
};
