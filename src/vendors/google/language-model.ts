import type { LanguageModel, Thinking } from '#contracts/language-model.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { failureOfAnswer } from './failure.ts';
import { think } from './gemini-thinking.ts';
import { serviceUrl } from './hosts.ts';

/** Google's quickest model of general availability, and one that hardly thinks before it answers. */
const DEFAULT_MODEL = 'gemini-3.5-flash-lite';
const CHECK_WITHIN_MS = 5_000;
/** A connection opened this recently is still there. */
const WARM_FOR_MS = 20_000;
/** Tool calls, over all conversations, whose signatures are kept; the oldest go first. */
const MAX_SIGNATURES = 2_000;

/**
 * Gemini by its REST API with server-sent events. The official SDK parses every piece of an answer
 * three times, 2.5 times the CPU of this, and goes on generating when nobody reads any more; its types
 * still check what we send.
 */
export function googleLanguageModel(options: RoleOptions): LanguageModel {
  const { apiKey, clock, log } = options;
  const model = (options.model ?? DEFAULT_MODEL).replace(/^models\//, '');
  const failures = failureMaker('google', 'language-model', apiKey);
  const headers = { 'x-goog-api-key': apiKey };
  const modelPath = `/v1/models/${encodeURIComponent(model)}`;
  const http = httpClient(serviceUrl(options.baseUrl, 'generativelanguage'));
  const running = new Set<Thinking>();
  const signatures = new Map<string, string>();
  let usedAtMs = -Infinity;

  const keepSignature = (callId: string, signature: string): void => {
    signatures.set(callId, signature);
    if (signatures.size <= MAX_SIGNATURES) return;
    for (const oldest of signatures.keys()) {
      signatures.delete(oldest);
      break;
    }
  };

  return {
    vendor: 'google',
    model,
    think(request, on) {
      usedAtMs = clock.now();
      const onEnd = (): void => {
        usedAtMs = clock.now();
        running.delete(thinking);
      };
      const thinking = think({
        http,
        headers,
        model,
        request,
        signatures: { get: (callId) => signatures.get(callId), set: keepSignature },
        clock,
        log,
        failures,
        on,
        onEnd,
      });
      running.add(thinking);
      return thinking;
    },
    warm() {
      if (clock.now() - usedAtMs < WARM_FOR_MS) return;
      usedAtMs = clock.now();
      // The answer does not matter: its connection does, and a refusal is said by the first request.
      void http.fetchText(
        { method: 'GET', path: modelPath, headers },
        { clock, withinMs: CHECK_WITHIN_MS },
      );
    },
    async check(signal) {
      const answer = await http.fetchText(
        { method: 'GET', path: modelPath, headers },
        { clock, withinMs: CHECK_WITHIN_MS, signal },
      );
      if ('kind' in answer)
        return { ok: false, failure: failures.of(answer.kind, `google: ${answer.detail}`) };
      if (answer.status === 200) return { ok: true };
      return { ok: false, failure: failureOfAnswer(failures, answer.status, answer.text) };
    },
    close() {
      for (const thinking of running) thinking.abort();
      http.close();
    },
  };
}
