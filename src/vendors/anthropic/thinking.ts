import type { Thinking, ThinkRequest } from '#contracts/language-model.ts';
import { streamThinking } from '#contracts/streamed-thinking.ts';
import type { StreamedThinkingParts } from '#contracts/streamed-thinking.ts';
import { failureOfAnswer, failureOfEvent } from './failure.ts';
import { messageReader } from './message-reader.ts';
import { requestBody } from './request.ts';

export type ThinkingParts = StreamedThinkingParts & {
  readonly model: string;
  readonly request: ThinkRequest;
};

/** One request of the Messages API, from the question to `done` or `failed`. */
export function think(parts: ThinkingParts): Thinking {
  const { failures } = parts;
  const read = messageReader();
  return streamThinking({
    ...parts,
    vendor: 'anthropic',
    path: '/v1/messages',
    body: () => JSON.stringify(requestBody(parts.model, parts.request)),
    failureOfAnswer: (status, text) => failureOfAnswer(failures, status, text),
    read: (stream) => ({
      event(event) {
        const reading = read(event);
        switch (reading.type) {
          case 'nothing':
            return;
          case 'progress':
            return stream.progress();
          case 'said':
            return stream.say(reading.thought);
          case 'done':
            return stream.done(reading);
          case 'declined':
            return stream.fail(failures.of('invalid', 'anthropic declined to answer'));
          case 'error':
            return stream.fail(failureOfEvent(failures, reading.error));
          case 'garbled':
            return stream.fail(failures.of('garbled', `anthropic sent ${reading.detail}`));
        }
      },
    }),
  });
}
