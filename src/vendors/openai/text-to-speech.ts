import { PHONE_AUDIO } from '#audio/format.ts';
import type { SpeakOptions, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { loadResampler } from '#audio/resample.ts';
import { httpClient } from '#lib/http-client.ts';
import { CHECK_WITHIN_MS, checkModel, modelRequest } from './model-check.ts';
import { realtimeSpeaker } from './realtime-speaker.ts';
import { requestSpeech } from './speech-request.ts';
import { startUtterance } from './utterance.ts';
import type { Speaker } from './utterance.ts';
import { createVoiceLines } from './voice-lines.ts';

const DEFAULT_MODEL = 'gpt-realtime-2.1-mini';
/** A connection opened this recently is still there. */
const WARM_FOR_MS = 20_000;

/**
 * OpenAI's speech: by default a realtime voice model that is told to read (sound as it comes); for the
 * models of `/v1/audio/speech`, which the service ends on 2027-01-06, that endpoint. Neither gives the
 * times of words.
 */
export function openaiTextToSpeech(options: RoleOptions): TextToSpeech {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('openai', 'text-to-speech', apiKey);
  const http = httpClient(baseUrl);
  const shared = { baseUrl, apiKey, model, clock, log, failures };
  const source = isSpeechModel(model) ? requests({ ...shared, http }) : realtime(shared);
  const utterances = new Set<Utterance>();

  return {
    vendor: 'openai',
    model,
    can: { wordTimes: false },
    speak(asked, on) {
      const utterance = startUtterance({
        speaker: source.speaker(asked),
        clock,
        log,
        failures,
        on,
        onEnd: () => utterances.delete(utterance),
      });
      utterances.add(utterance);
      return utterance;
    },
    warm: () => source.warm(),
    check: (signal) => checkModel({ http, model, apiKey, clock, failures, signal }),
    close() {
      for (const utterance of utterances) utterance.cancel();
      source.close();
      http.close();
    },
  };
}

/** The models that only `/v1/audio/speech` has. */
const isSpeechModel = (model: string): boolean => /^tts-|-tts(-|$)/.test(model);

type Source = {
  speaker(asked: SpeakOptions): Speaker;
  warm(): void;
  close(): void;
};

type Shared = Pick<RoleOptions, 'baseUrl' | 'apiKey' | 'clock' | 'log'> & {
  readonly model: string;
  readonly failures: ReturnType<typeof failureMaker>;
};

function realtime(shared: Shared): Source {
  const lines = createVoiceLines(shared);
  return {
    speaker: (asked) => realtimeSpeaker({ ...shared, lines, asked }),
    warm: () => lines.warm(),
    close: () => lines.close(),
  };
}

function requests(shared: Shared & { readonly http: ReturnType<typeof httpClient> }): Source {
  const { http, apiKey, model, clock } = shared;
  let usedAtMs = -Infinity;
  return {
    speaker: ({ voice, audio = PHONE_AUDIO }) => ({
      say(text, on) {
        usedAtMs = clock.now();
        return requestSpeech({ ...shared, voice, format: audio }, text, on);
      },
      // Each piece has its own request, which ends with it.
      release: () => undefined,
    }),
    warm() {
      void loadResampler();
      if (clock.now() - usedAtMs < WARM_FOR_MS) return;
      usedAtMs = clock.now();
      // The answer does not matter: its connection does, and a refusal is said by the first request.
      void http.fetchText(modelRequest(model, apiKey), { clock, withinMs: CHECK_WITHIN_MS });
    },
    close: () => undefined,
  };
}
