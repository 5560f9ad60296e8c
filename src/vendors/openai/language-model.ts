import type { LanguageModel, Thinking } from '#contracts/language-model.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { CHECK_WITHIN_MS, checkModel, modelRequest } from './model-check.ts';
import { think } from './thinking.ts';

/** Small and quick enough to answer a caller, good enough with tools. */
const DEFAULT_MODEL = 'gpt-5.4-mini';
/** A connection opened this recently is still there. */
const WARM_FOR_MS = 20_000;

/**
 * OpenAI's Responses API, as plain HTTP and server-sent events. The official SDK takes 160 ms and 35 MB
 * to load, twice the CPU for each token of a burst, and waits and tries again where a caller would
 * rather have another vendor; its types still check what we send.
 */
export function openaiLanguageModel(options: RoleOptions): LanguageModel {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('openai', 'language-model', apiKey);
  const headers = { authorization: `Bearer ${apiKey}` };
  const http = httpClient(baseUrl);
  const running = new Set<Thinking>();
  let usedAtMs = -Infinity;

  return {
    vendor: 'openai',
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
      void http.fetchText(modelRequest(model, apiKey), { clock, withinMs: CHECK_WITHIN_MS });
    },
    check: (signal) => checkModel({ http, model, apiKey, clock, failures, signal }),
    close() {
      for (const thinking of running) thinking.abort();
      http.close();
    },
  };
}
