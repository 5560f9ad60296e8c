import type { Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { httpFault, textOfBody, TimeoutFault } from '#lib/http-client.ts';
import type { HttpClient } from '#lib/http-client.ts';
import { newToken } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import { isRecord, listOf, parseRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { eventStreamParser } from '#lib/server-sent-events.ts';
import { failureOfAnswer, failureOfError } from './failure.ts';
import { requestBody } from './gemini-request.ts';

export type ThinkingParts = {
  readonly http: HttpClient;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  readonly request: ThinkRequest;
  /** What is to be sent back with the model's own tool calls, by their id. */
  readonly signatures: {
    get(callId: string): string | undefined;
    set(callId: string, signature: string): void;
  };
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
  let hasSaid = false;
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
      parts.log.warn({ vendor: 'google', code: thought.failure.code }, 'thinking failed');
    }
    parts.on(thought);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const expectWithin = (withinMs: number): void => {
    cancelDeadline();
    cancelDeadline = clock.after(withinMs, () => {
      const { message } = new TimeoutFault(withinMs);
      fail(failures.of('timeout', `google: ${message}`));
    });
  };
  const say = (thought: Thought): void => {
    hasSaid = true;
    expectWithin(NEXT_OUTPUT_WITHIN_MS);
    parts.on(thought);
  };

  const onPart = (part: unknown): void => {
    // A summary of thoughts is not for the caller.
    if (!isRecord(part) || part['thought'] === true) return;
    const text = textOf(part['text']);
    if (text !== '') return say({ type: 'delta', text });
    const call = part['functionCall'];
    if (!isRecord(call)) return;
    const name = textOf(call['name']);
    if (name === '') return fail(failures.of('garbled', 'google called a tool without a name'));
    // Older models give their calls no ids.
    const callId = textOf(call['id']) || newToken(9);
    const signature = textOf(part['thoughtSignature']);
    if (signature !== '') parts.signatures.set(callId, signature);
    say({ type: 'tool-call', callId, name, arguments: JSON.stringify(call['args'] ?? {}) });
  };

  const onEvent = (event: JsonRecord): void => {
    if (isRecord(event['error'])) return fail(failureOfError(failures, event['error']));
    const candidate = listOf(event['candidates'])[0];
    if (!isRecord(candidate)) {
      const feedback = event['promptFeedback'];
      const why = isRecord(feedback) ? textOf(feedback['blockReason']) : '';
      if (why === '') return;
      return fail(failures.of('invalid', `google does not answer this conversation (${why})`));
    }
    const content = candidate['content'];
    for (const part of isRecord(content) ? listOf(content['parts']) : []) {
      // Whoever listens may abort while being told something.
      if (!saying) return;
      onPart(part);
    }
    const why = textOf(candidate['finishReason']);
    if (why === '' || !saying) return;
    // Cut at the limit of tokens, or by a filter: what was said so far stands.
    if (why === 'STOP' || hasSaid) return last({ type: 'done', ...usageOf(event) });
    const isItsFault = why.startsWith('MALFORMED') || why === 'UNEXPECTED_TOOL_CALL';
    fail(failures.of(isItsFault ? 'garbled' : 'invalid', `google said nothing (${why})`));
  };

  const run = async (): Promise<void> => {
    const body = requestBody(parts.model, parts.request, (callId) => parts.signatures.get(callId));
    const answer = await parts.http.request({
      method: 'POST',
      path: `/v1/models/${encodeURIComponent(parts.model)}:streamGenerateContent?alt=sse`,
      headers: { ...parts.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: stop.signal,
    });
    if (answer.status !== 200)
      return fail(failureOfAnswer(failures, answer.status, await textOfBody(answer.body)));
    answered = true;
    const parse = eventStreamParser();
    for await (const bytes of answer.body) {
      for (const { data } of parse(bytes)) {
        if (!saying) break;
        const event = parseRecord(data);
        if (!event) return fail(failures.of('garbled', 'google sent an event that is no JSON'));
        onEvent(event);
      }
      // The end of the body is still read, so that the connection can be used again.
    }
    fail(failures.of('closed', 'google ended the answer in the middle'));
  };

  expectWithin(FIRST_OUTPUT_WITHIN_MS);
  run().catch((error: unknown) => {
    if (error instanceof RangeError)
      return fail(failures.of('garbled', `google: ${error.message}`));
    const { kind, detail } = httpFault(error);
    fail(failures.of(answered && kind === 'unreachable' ? 'closed' : kind, `google: ${detail}`));
  });

  return {
    abort() {
      if (!saying) return;
      end();
      stop.abort();
    },
  };
}

function usageOf(event: JsonRecord): { inputTokens: number; outputTokens: number } {
  const usage = isRecord(event['usageMetadata']) ? event['usageMetadata'] : {};
  const count = (name: string): number => {
    const value = usage[name];
    return typeof value === 'number' ? value : 0;
  };
  return {
    inputTokens: count('promptTokenCount'),
    outputTokens: count('candidatesTokenCount') + count('thoughtsTokenCount'),
  };
}
