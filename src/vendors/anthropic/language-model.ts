import type { LanguageModel, Thinking } from '#contracts/language-model.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { failureOfAnswer } from './failure.ts';
import { think } from './thinking.ts';

/** The quickest of the current models, good enough with tools. */
const DEFAULT_MODEL = 'claude-haiku-5-5';
/** From this version on the key is a bearer, and sampling parameters are refused. */
const VERSION = '2026-10-21';
const CHECK_WITHIN_MS = 5_000;
/** A connection opened this recently is still there. */
const WARM_FOR_MS = 20_000;

/**
 * Anthropic's Messages API, as plain HTTP and server-sent events. The official SDK takes 190 ms to load
 * and half as much CPU again for each token, and looks for other keys on the machine; its types still
 * check what we send.
 */
export function anthropicLanguageModel(options: RoleOptions): LanguageModel {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('anthropic', 'language-model', apiKey);
  const headers = { authorization: `Bearer ${apiKey}`, 'anthropic-version': VERSION };
  const modelPath = `/v1/models/${encodeURIComponent(model)}`;
  const http = httpClient(baseUrl);
  const running = new Set<Thinking>();
  let usedAtMs = -Infinity;

  return {
    vendor: 'anthropic',
    model,
    think(request, on) {
      usedAtMs = clock.now();
      const onEnd = (): void => {
        usedAtMs = clock.now();
        running.delete(thinking);
      };
      const thinking = think({ http, headers, model, request, clock, log, failures, on, onEnd });
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
        return { ok: false, failure: failures.of(answer.kind, `anthropic: ${answer.detail}`) };
      if (answer.status === 200) return { ok: true };
      return { ok: false, failure: failureOfAnswer(failures, answer.status, answer.text) };
    },
    close() {
      for (const thinking of running) thinking.abort();
      http.close();
    },
  };
}
