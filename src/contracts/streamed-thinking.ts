import type { Clock } from '#lib/clock.ts';
import { httpFault, textOfBody, TimeoutFault } from '#lib/http-client.ts';
import type { HttpClient } from '#lib/http-client.ts';
import type { Log } from '#lib/log.ts';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { eventStreamParser } from '#lib/server-sent-events.ts';
import type { Thinking, Thought } from './language-model.ts';
import type { FailureMaker } from './vendor-failure.ts';
import type { VendorFailure } from './vendor.ts';

/** What becomes of one request; the vendor's own protocol tells it. After `done` or `failed` all of it does nothing. */
export type ThoughtStream = {
  /** Nothing final was said, and nobody has aborted: whoever listens may do so while being told something. */
  readonly isOpen: boolean;
  /** The answer goes on, with nothing to tell of it yet. */
  progress(): void;
  say(thought: Extract<Thought, { type: 'delta' | 'tool-call' }>): void;
  done(usage: { readonly inputTokens: number; readonly outputTokens: number }): void;
  fail(failure: VendorFailure): void;
};

/** Reads a vendor's events. */
export type ThoughtReader = {
  event(event: JsonRecord): void;
  /** No more events come; what was kept back is told. */
  end?(): void;
};

/** What every streamed request of a language model has. */
export type StreamedThinkingParts = {
  readonly http: HttpClient;
  readonly headers: Readonly<Record<string, string>>;
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

/**
 * One request whose answer is a stream of server-sent JSON events, from the question to `done` or
 * `failed`: deadlines, faults of the connection and the abort are the same for every vendor.
 */
export function streamThinking(
  parts: StreamedThinkingParts & {
    /** As it stands in failures and logs. */
    readonly vendor: string;
    readonly path: string;
    /** Made when it is sent: what it throws is a failure like any other. */
    readonly body: () => string;
    readonly failureOfAnswer: (status: number, text: string) => VendorFailure;
    readonly read: (stream: ThoughtStream) => ThoughtReader;
  },
): Thinking {
  const { vendor, clock, failures } = parts;
  const stop = new AbortController();
  let isOpen = true;
  let isAnswered = false;
  let cancelDeadline = (): void => undefined;

  const end = (): void => {
    isOpen = false;
    cancelDeadline();
    parts.onEnd();
  };
  const last = (thought: Thought): void => {
    if (!isOpen) return;
    end();
    // Whatever the service would still send is of no use, and it stops as soon as the connection ends.
    if (thought.type === 'failed') {
      stop.abort();
      parts.log.warn({ vendor, code: thought.failure.code }, 'thinking failed');
    }
    parts.on(thought);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const expectWithin = (withinMs: number): void => {
    if (!isOpen) return;
    cancelDeadline();
    cancelDeadline = clock.after(withinMs, () => {
      const { message } = new TimeoutFault(withinMs);
      fail(failures.of('timeout', `${vendor}: ${message}`));
    });
  };
  const progress = (): void => expectWithin(NEXT_OUTPUT_WITHIN_MS);

  const reader = parts.read({
    get isOpen() {
      return isOpen;
    },
    progress,
    say(thought) {
      if (!isOpen) return;
      progress();
      parts.on(thought);
    },
    done: (usage) => last({ type: 'done', ...usage }),
    fail,
  });

  const run = async (): Promise<void> => {
    const answer = await parts.http.request({
      method: 'POST',
      path: parts.path,
      headers: {
        ...parts.headers,
        'content-type': 'application/json',
        accept: 'text/event-stream',
      },
      body: parts.body(),
      signal: stop.signal,
    });
    if (answer.status !== 200)
      return fail(parts.failureOfAnswer(answer.status, await textOfBody(answer.body)));
    isAnswered = true;
    const parse = eventStreamParser();
    for await (const bytes of answer.body) {
      for (const { data } of parse(bytes)) {
        if (!isOpen) break;
        const event = parseRecord(data);
        if (event) reader.event(event);
        else fail(failures.of('garbled', `${vendor} sent an event that is no JSON`));
      }
      // The end of the body is still read, so that the connection can be used again.
    }
    reader.end?.();
    fail(failures.of('closed', `${vendor} ended the answer in the middle`));
  };

  expectWithin(FIRST_OUTPUT_WITHIN_MS);
  run().catch((error: unknown) => {
    if (error instanceof RangeError)
      return fail(failures.of('garbled', `${vendor}: ${error.message}`));
    const { kind, detail } = httpFault(error);
    const code = isAnswered && kind === 'unreachable' ? 'closed' : kind;
    fail(failures.of(code, `${vendor}: ${detail}`));
  });

  return {
    abort() {
      if (!isOpen) return;
      end();
      stop.abort();
    },
  };
}
