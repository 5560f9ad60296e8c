import type { Thinking, ThinkRequest, Thought } from '#contracts/language-model.ts';
import { streamThinking } from '#contracts/streamed-thinking.ts';
import type {
  StreamedThinkingParts,
  ThoughtReader,
  ThoughtStream,
} from '#contracts/streamed-thinking.ts';
import { newToken } from '#lib/ids.ts';
import { isRecord, listOf, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { failureOfAnswer, failureOfError } from './failure.ts';
import { requestBody } from './gemini-request.ts';

export type ThinkingParts = StreamedThinkingParts & {
  readonly model: string;
  readonly request: ThinkRequest;
  /** What is to be sent back with the model's own tool calls, by their id. */
  readonly signatures: {
    get(callId: string): string | undefined;
    set(callId: string, signature: string): void;
  };
};

/** One request of Gemini, from the question to `done` or `failed`. */
export function think(parts: ThinkingParts): Thinking {
  const { failures, model, request, signatures } = parts;
  return streamThinking({
    ...parts,
    vendor: 'google',
    path: `/v1/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`,
    body: () => JSON.stringify(requestBody(model, request, (callId) => signatures.get(callId))),
    failureOfAnswer: (status, text) => failureOfAnswer(failures, status, text),
    read: (stream) => createReader(parts, stream),
  });
}

function createReader(
  { failures, signatures }: Pick<ThinkingParts, 'failures' | 'signatures'>,
  stream: ThoughtStream,
): ThoughtReader {
  let hasSaid = false;
  const say = (thought: Extract<Thought, { type: 'delta' | 'tool-call' }>): void => {
    hasSaid = true;
    stream.say(thought);
  };

  const onPart = (part: unknown): void => {
    // A summary of thoughts is not for the caller.
    if (!isRecord(part) || part['thought'] === true) return;
    const text = textOf(part['text']);
    if (text !== '') return say({ type: 'delta', text });
    const call = part['functionCall'];
    if (!isRecord(call)) return;
    const name = textOf(call['name']);
    if (name === '')
      return stream.fail(failures.of('garbled', 'google called a tool without a name'));
    // Older models give their calls no ids.
    const callId = textOf(call['id']) || newToken(9);
    const signature = textOf(part['thoughtSignature']);
    if (signature !== '') signatures.set(callId, signature);
    say({ type: 'tool-call', callId, name, arguments: JSON.stringify(call['args'] ?? {}) });
  };

  return {
    event(event) {
      if (isRecord(event['error'])) return stream.fail(failureOfError(failures, event['error']));
      const candidate = listOf(event['candidates'])[0];
      if (!isRecord(candidate)) {
        const feedback = event['promptFeedback'];
        const why = isRecord(feedback) ? textOf(feedback['blockReason']) : '';
        if (why === '') return;
        return stream.fail(
          failures.of('invalid', `google does not answer this conversation (${why})`),
        );
      }
      const content = candidate['content'];
      for (const part of isRecord(content) ? listOf(content['parts']) : []) {
        // Whoever listens may abort while being told something.
        if (!stream.isOpen) return;
        onPart(part);
      }
      const why = textOf(candidate['finishReason']);
      if (why === '') return;
      // Cut at the limit of tokens, or by a filter: what was said so far stands.
      if (why === 'STOP' || hasSaid) return stream.done(usageOf(event));
      const isItsFault = why.startsWith('MALFORMED') || why === 'UNEXPECTED_TOOL_CALL';
      stream.fail(failures.of(isItsFault ? 'garbled' : 'invalid', `google said nothing (${why})`));
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
