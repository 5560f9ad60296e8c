import { PHONE_AUDIO } from '#audio/format.ts';
import type { HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { openHearing } from './hearing.ts';
import { checkModel } from './model-check.ts';
import { transcriptionSettings } from './transcription-settings.ts';

/** Writes while it listens, at the price of a file transcription; leaves turns to us. */
const DEFAULT_MODEL = 'gpt-live-transcribe';

/**
 * OpenAI's realtime transcription by its documented WebSocket protocol, mu-law untouched; of linear
 * sound the service takes 24 kHz only, so that is made of the caller's 16. It cuts nothing by itself:
 * a segment ends where whoever listens asks for it, or at a pause.
 */
export function openaiSpeechToText(options: RoleOptions): SpeechToText {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('openai', 'speech-to-text', apiKey);
  const http = httpClient(baseUrl);
  const streams = new Set<HearingStream>();

  return {
    vendor: 'openai',
    model,
    can: { endOfTurn: false, finalize: true },
    listen(asked, on) {
      const hearing = openHearing({
        baseUrl,
        apiKey,
        format: asked.audio ?? PHONE_AUDIO,
        settings: transcriptionSettings(model, asked),
        clock,
        log,
        failures,
        on,
        onEnd: () => streams.delete(hearing),
      });
      streams.add(hearing);
      return hearing;
    },
    check: (signal) => checkModel({ http, model, apiKey, clock, failures, signal }),
    close() {
      for (const hearing of streams) hearing.close();
      http.close();
    },
  };
}
