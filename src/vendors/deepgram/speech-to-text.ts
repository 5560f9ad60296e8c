import { PHONE_AUDIO } from '#audio/format.ts';
import type { HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { openHearing } from './hearing.ts';
import { listenV1 } from './listen-v1.ts';
import { listenV2 } from './listen-v2.ts';

const CHECK_WITHIN_MS = 5_000;

/**
 * Deepgram's live transcription by its documented WebSocket protocol, sound as it comes.
 * Models whose name starts with `flux` decide the end of turns themselves (`/v2/listen`); all others
 * answer with segments (`/v1/listen`). Without a model: `flux-general-en` for English, else `nova-3`.
 */
export function deepgramSpeechToText(options: RoleOptions): SpeechToText {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? defaultModel(options.language ?? 'en');
  const isFlux = model.startsWith('flux');
  const failures = failureMaker('deepgram', 'speech-to-text', apiKey);
  const headers = { authorization: `Token ${apiKey}` };
  const http = httpClient(baseUrl);
  const streams = new Set<HearingStream>();

  return {
    vendor: 'deepgram',
    model,
    can: { endOfTurn: isFlux, finalize: !isFlux },
    listen(asked, on) {
      const hearing = openHearing({
        protocol: isFlux ? listenV2(model, asked) : listenV1(model, asked),
        format: asked.audio ?? PHONE_AUDIO,
        baseUrl,
        headers,
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
      const answer = await http.fetchText(
        { method: 'GET', path: '/v1/auth/token', headers },
        { clock, withinMs: CHECK_WITHIN_MS, signal },
      );
      if ('kind' in answer) return { ok: false, failure: failures.of(answer.kind, answer.detail) };
      if (answer.status === 200) return { ok: true };
      return { ok: false, failure: failures.ofStatus(answer.status, '') };
    },
    close() {
      for (const hearing of streams) hearing.close();
      http.close();
    },
  };
}

const defaultModel = (language: string): string =>
  /^en(-|$)/i.test(language) ? 'flux-general-en' : 'nova-3';
