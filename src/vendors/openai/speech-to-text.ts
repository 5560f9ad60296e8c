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
 * OpenAI's realtime transcription by its documented WebSocket protocol, mu-law untouched. The service
 * cuts nothing by itself: a segment ends where whoever listens asks for it, or at a pause.
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
