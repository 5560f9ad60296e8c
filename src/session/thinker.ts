import type {
  ContextItem,
  LanguageModel,
  Thinking,
  ToolDefinition,
} from '#contracts/language-model.ts';
import type { Role } from '#contracts/vendor.ts';

type Answer =
  | { readonly type: 'reply-delta'; readonly replyId: number; readonly text: string }
  | {
      readonly type: 'reply-tool-call';
      readonly replyId: number;
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
    }
  | { readonly type: 'reply-done'; readonly replyId: number }
  | {
      readonly type: 'vendor-failed';
      readonly role: Role;
      readonly replyId: number;
      readonly vendor: string;
      readonly message: string;
    }
  | {
      readonly type: 'vendor-switched';
      readonly role: Role;
      readonly replyId: number;
      readonly vendor: string;
      readonly message: string;
      readonly to: string;
    };

/** Asks the language model for one reply at a time. */
export type Thinker = {
  think(replyId: number, context: readonly ContextItem[]): void;
  stop(replyId: number): void;
  close(): void;
};

export function createThinker(options: {
  readonly model: LanguageModel;
  readonly systemPrompt: string;
  /** As of each thought: there may be more of them later. */
  readonly tools: () => readonly ToolDefinition[];
  readonly maxOutputTokens: number;
  readonly on: (answer: Answer) => void;
}): Thinker {
  const { model, systemPrompt, tools, maxOutputTokens, on } = options;
  let current: { readonly replyId: number; readonly thinking: Thinking } | undefined;

  const abort = (): void => {
    current?.thinking.abort();
    current = undefined;
  };

  return {
    think(replyId, context) {
      abort();
      const request = { systemPrompt, context, tools: tools(), maxOutputTokens };
      const thinking = model.think(request, (thought) => {
        switch (thought.type) {
          case 'delta':
            return on({ type: 'reply-delta', replyId, text: thought.text });
          case 'tool-call':
            return on({
              type: 'reply-tool-call',
              replyId,
              callId: thought.callId,
              name: thought.name,
              arguments: thought.arguments,
            });
          case 'done':
            return on({ type: 'reply-done', replyId });
          case 'failed':
            return on({
              type: 'vendor-failed',
              role: 'language-model',
              replyId,
              vendor: thought.failure.vendor,
              message: thought.failure.message,
            });
          case 'switched':
            return on({
              type: 'vendor-switched',
              role: 'language-model',
              replyId,
              vendor: thought.failure.vendor,
              message: thought.failure.message,
              to: thought.to,
            });
        }
      });
      current = { replyId, thinking };
    },
    stop(replyId) {
      if (current?.replyId === replyId) abort();
    },
    close: abort,
  };
}
