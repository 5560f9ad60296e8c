import type { Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { httpFault, textOfBody, TimeoutFault } from '#lib/http-client.ts';
import type { HttpClient } from '#lib/http-client.ts';
import { isRecord, parseRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { Log } from '#lib/log.ts';
import { eventStreamParser } from '#lib/server-sent-events.ts';
import { createEventOrder } from './event-order.ts';
import { failureOfAnswer, failureOfEvent } from './failure.ts';
import { requestBody } from './request.ts';

export type ThinkingParts = {
  readonly http: HttpClient;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  readonly request: ThinkRequest;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (thought: Thought) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** To the first word or tool call. What a caller bears is shorter, but who asked may try elsewhere meanwhile. */
const FIRST_OUTPUT_WITHIN_MS = 10_000;
/** Between two pieces of an answer. */
const NEXT_OUTPUT_WITHIN_MS = 6_000;

/** One request, from the question to `done` or `failed`. */
export function think(parts: ThinkingParts): Thinking {
  const { clock, failures } = parts;
  const stop = new AbortController();
  let saying = true;
  let answered = false;
  let cancelDeadline = (): void => undefined;

  const end = (): void => {
    saying = false;
    cancelDeadline();
    parts.onEnd();
  };
  const last = (thought: Thought): void => {
    if (!saying) return;
    end();
    // Whatever the service would still send is of no use, and it stops as soon as the connection ends.
    if (thought.type === 'failed') {
      stop.abort();
      parts.log.warn({ vendor: 'openai', code: thought.failure.code }, 'thinking failed');
    }
    parts.on(thought);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const expectWithin = (withinMs: number): void => {
    cancelDeadline();
    cancelDeadline = clock.after(withinMs, () => {
      const { message } = new TimeoutFault(withinMs);
      fail(failures.of('timeout', `openai: ${message}`));
    });
  };

  const onEvent = (event: JsonRecord): void => {
    switch (event['type']) {
      case 'response.output_text.delta':
      case 'response.refusal.delta': {
        expectWithin(NEXT_OUTPUT_WITHIN_MS);
        const text = textOf(event['delta']);
        if (text !== '') parts.on({ type: 'delta', text });
        return;
      }
      case 'response.function_call_arguments.delta':
        return expectWithin(NEXT_OUTPUT_WITHIN_MS);
      case 'response.output_item.done':
        return onItem(event['item']);
      case 'response.completed':
      // Cut at the limit of tokens, or by a filter: what was said so far stands.
      case 'response.incomplete':
        return last({ type: 'done', ...usageOf(event['response']) });
      case 'response.failed': {
        const { response } = event;
        return fail(failureOfEvent(failures, isRecord(response) ? response['error'] : undefined));
      }
      case 'error':
        // The documented event carries the error's fields itself; the service also nests them.
        return fail(failureOfEvent(failures, isRecord(event['error']) ? event['error'] : event));
      default:
        return;
    }
  };

  const tell = (events: readonly JsonRecord[]): void => {
    for (const event of events) if (saying) onEvent(event);
  };

  const onItem = (item: unknown): void => {
    if (!isRecord(item) || item['type'] !== 'function_call') return;
    expectWithin(NEXT_OUTPUT_WITHIN_MS);
    const { call_id: callId, name, arguments: args } = item;
    if (typeof callId !== 'string' || typeof name !== 'string' || typeof args !== 'string')
      return fail(
        failures.of('garbled', 'openai called a tool without an id, a name or arguments'),
      );
    parts.on({ type: 'tool-call', callId, name, arguments: args });
  };

  const run = async (): Promise<void> => {
    const answer = await parts.http.request({
      method: 'POST',
      path: '/responses',
      headers: {
        ...parts.headers,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify(requestBody(parts.model, parts.request)),
      signal: stop.signal,
    });
    if (answer.status !== 200) {
      return fail(failureOfAnswer(failures, answer.status, await textOfBody(answer.body)));
    }
    answered = true;
    const parse = eventStreamParser();
    const order = createEventOrder<JsonRecord>();
    for await (const bytes of answer.body) {
      for (const { data } of parse(bytes)) {
        if (!saying) break;
        const event = parseRecord(data);
        if (!event) return fail(failures.of('garbled', 'openai sent an event that is no JSON'));
        tell(order.next(event['sequence_number'], event));
      }
      // The end of the body is still read, so that the connection can be used again.
    }
    tell(order.rest());
    fail(failures.of('closed', 'openai ended the answer in the middle'));
  };

  expectWithin(FIRST_OUTPUT_WITHIN_MS);
  run().catch((error: unknown) => {
    if (error instanceof RangeError)
      return fail(failures.of('garbled', `openai: ${error.message}`));
    const { kind, detail } = httpFault(error);
    fail(failures.of(answered && kind === 'unreachable' ? 'closed' : kind, `openai: ${detail}`));
  });

  return {
    abort() {
      if (!saying) return;
      end();
      stop.abort();
    },
  };
}

function usageOf(response: unknown): { inputTokens: number; outputTokens: number } {
  const usage = isRecord(response) && isRecord(response['usage']) ? response['usage'] : {};
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return { inputTokens: count(usage['input_tokens']), outputTokens: count(usage['output_tokens']) };
}
