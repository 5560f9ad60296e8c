/** What the model is shown, oldest first. */
export type BrainItem =
  | {
      readonly type: 'message';
      readonly role: 'user' | 'assistant' | 'system' | 'developer';
      readonly text: string;
    }
  | {
      readonly type: 'function_call';
      readonly callId: string;
      readonly name: string;
      /** JSON text. */
      readonly arguments: string;
    }
  | { readonly type: 'function_call_output'; readonly callId: string; readonly output: string };

export type BrainReply = {
  readonly text?: string;
  readonly toolCalls?: readonly {
    readonly name: string;
    /** Sent as JSON. */
    readonly arguments: Readonly<Record<string, unknown>>;
  }[];
};

/** Decides what the simulated model says: a pure function of what it is shown. */
export type Brain = (request: {
  readonly model: string;
  readonly instructions: string;
  readonly items: readonly BrainItem[];
  /** Names of the tools that may be called. */
  readonly tools: readonly string[];
}) => BrainReply;

/** Text in the pieces it is streamed in, about as many as a real tokeniser would make. */
export const tokensOf = (text: string): readonly string[] =>
  text.match(/ ?[\p{L}\p{N}']{1,8}|[^\p{L}\p{N}']/gu) ?? [];
