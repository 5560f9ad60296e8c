import type { Thinking, ThinkRequest } from '#contracts/language-model.ts';
import { streamThinking } from '#contracts/streamed-thinking.ts';
import type { StreamedThinkingParts, ThoughtStream } from '#contracts/streamed-thinking.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { createEventOrder } from './event-order.ts';
import { failureOfAnswer, failureOfEvent } from './failure.ts';
import { requestBody } from './request.ts';

export type ThinkingParts = StreamedThinkingParts & {
  readonly model: string;
  readonly request: ThinkRequest;
};

/** One request of the Responses API, from the question to `done` or `failed`. */
export function think(parts: ThinkingParts): Thinking {
  const { failures } = parts;
  const order = createEventOrder<JsonRecord>();
  return streamThinking({
    ...parts,
    vendor: 'openai',
    path: '/responses',
    body: () => JSON.stringify(requestBody(parts.model, parts.request)),
    failureOfAnswer: (status, text) => failureOfAnswer(failures, status, text),
    read(stream) {
      const tell = (events: readonly JsonRecord[]): void => {
        for (const event of events) if (stream.isOpen) readEvent(event, stream, failures);
      };
      return {
        event: (event) => tell(order.next(event['sequence_number'], event)),
        end: () => tell(order.rest()),
      };
    },
  });
}

function readEvent(event: JsonRecord, stream: ThoughtStream, failures: FailureMaker): void {
  switch (event['type']) {
    case 'response.output_text.delta':
    case 'response.refusal.delta': {
      const text = textOf(event['delta']);
      return text === '' ? stream.progress() : stream.say({ type: 'delta', text });
    }
    case 'response.function_call_arguments.delta':
      return stream.progress();
    case 'response.output_item.done':
      return readItem(event['item'], stream, failures);
    case 'response.completed':
    // Cut at the limit of tokens, or by a filter: what was said so far stands.
    case 'response.incomplete':
      return stream.done(usageOf(event['response']));
    case 'response.failed': {
      const { response } = event;
      const error = isRecord(response) ? response['error'] : undefined;
      return stream.fail(failureOfEvent(failures, error));
    }
    case 'error':
      // The documented event carries the error's fields itself; the service also nests them.
      return stream.fail(
        failureOfEvent(failures, isRecord(event['error']) ? event['error'] : event),
      );
    default:
      return;
  }
}

function readItem(item: unknown, stream: ThoughtStream, failures: FailureMaker): void {
  if (!isRecord(item) || item['type'] !== 'function_call') return;
  const { call_id: callId, name, arguments: args } = item;
  if (typeof callId !== 'string' || typeof name !== 'string' || typeof args !== 'string')
    return stream.fail(
      failures.of('garbled', 'openai called a tool without an id, a name or arguments'),
    );
  stream.say({ type: 'tool-call', callId, name, arguments: args });
}

function usageOf(response: unknown): { inputTokens: number; outputTokens: number } {
  const usage = isRecord(response) && isRecord(response['usage']) ? response['usage'] : {};
  const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return { inputTokens: count(usage['input_tokens']), outputTokens: count(usage['output_tokens']) };
}
