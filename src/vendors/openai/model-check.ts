import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { Check } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { HttpClient, HttpRequest } from '#lib/http-client.ts';
import { failureOfAnswer } from './failure.ts';

export const CHECK_WITHIN_MS = 5_000;

/** Asks for one model: the cheapest request that shows whether the key is accepted, and the model there. */
export const modelRequest = (model: string, apiKey: string): Omit<HttpRequest, 'signal'> => ({
  method: 'GET',
  path: `/models/${encodeURIComponent(model)}`,
  headers: { authorization: `Bearer ${apiKey}` },
});

export async function checkModel(parts: {
  readonly http: HttpClient;
  readonly model: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly failures: FailureMaker;
  readonly signal: AbortSignal;
}): Promise<Check> {
  const { http, clock, failures, signal } = parts;
  const answer = await http.fetchText(modelRequest(parts.model, parts.apiKey), {
    clock,
    withinMs: CHECK_WITHIN_MS,
    signal,
  });
  if ('kind' in answer)
    return { ok: false, failure: failures.of(answer.kind, `openai: ${answer.detail}`) };
  if (answer.status === 200) return { ok: true };
  // A key that may be used for its role but not list models is a good key.
  if (answer.status === 403 && answer.text.includes('model.read')) return { ok: true };
  return { ok: false, failure: failureOfAnswer(failures, answer.status, answer.text) };
}
