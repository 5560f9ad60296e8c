import type { Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { httpFault, textOfBody, TimeoutFault } from '#lib/http-client.ts';
import type { HttpClient } from '#lib/http-client.ts';
import type { Log } from '#lib/log.ts';
import { parseRecord } from '#lib/record.ts';
import { eventStreamParser } from '#lib/server-sent-events.ts';
import { failureOfAnswer, failureOfEvent } from './failure.ts';
import { messageReader } from './message-reader.ts';
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
  const read = messageReader();
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
      parts.log.warn({ vendor: 'anthropic', code: thought.failure.code }, 'thinking failed');
    }
    parts.on(thought);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const expectWithin = (withinMs: number): void => {
    cancelDeadline();
    cancelDeadline = clock.after(withinMs, () => {
      const { message } = new TimeoutFault(withinMs);
      fail(failures.of('timeout', `anthropic: ${message}`));
    });
  };

  const onEvent = (data: string): void => {
    const event = parseRecord(data);
    if (!event) return fail(failures.of('garbled', 'anthropic sent an event that is no JSON'));
    const reading = read(event);
    switch (reading.type) {
      case 'nothing':
        return;
      case 'progress':
        return expectWithin(NEXT_OUTPUT_WITHIN_MS);
      case 'said':
        expectWithin(NEXT_OUTPUT_WITHIN_MS);
        return parts.on(reading.thought);
      case 'done':
        return last(reading);
      case 'declined':
        return fail(failures.of('invalid', 'anthropic declined to answer'));
      case 'error':
        return fail(failureOfEvent(failures, reading.error));
      case 'garbled':
        return fail(failures.of('garbled', `anthropic sent ${reading.detail}`));
    }
  };

  const run = async (): Promise<void> => {
    const answer = await parts.http.request({
      method: 'POST',
      path: '/v1/messages',
      headers: {
        ...parts.headers,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: JSON.stringify(requestBody(parts.model, parts.request)),
      signal: stop.signal,
    });
    if (answer.status !== 200)
      return fail(failureOfAnswer(failures, answer.status, await textOfBody(answer.body)));
    answered = true;
    const parse = eventStreamParser();
    for await (const bytes of answer.body) {
      for (const { data } of parse(bytes)) {
        if (!saying) break;
        onEvent(data);
      }
      // The end of the body is still read, so that the connection can be used again.
    }
    fail(failures.of('closed', 'anthropic ended the answer in the middle'));
  };

  expectWithin(FIRST_OUTPUT_WITHIN_MS);
  run().catch((error: unknown) => {
    if (error instanceof RangeError)
      return fail(failures.of('garbled', `anthropic: ${error.message}`));
    const { kind, detail } = httpFault(error);
    fail(failures.of(answered && kind === 'unreachable' ? 'closed' : kind, `anthropic: ${detail}`));
  });

  return {
    abort() {
      if (!saying) return;
      end();
      stop.abort();
    },
  };
}
