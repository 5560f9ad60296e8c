import type { Check, Switched, VendorFailure } from './vendor.ts';

/** One entry of what the model is shown, oldest first. */
export type ContextItem =
  | { readonly role: 'caller'; readonly text: string }
  | { readonly role: 'agent'; readonly text: string }
  | {
      readonly role: 'tool-call';
      readonly callId: string;
      readonly name: string;
      /** JSON text, as the model wrote it. */
      readonly arguments: string;
    }
  | { readonly role: 'tool-result'; readonly callId: string; readonly result: string }
  /** Something the model should know that nobody said: a pressed key, silence, a resumed call. */
  | { readonly role: 'note'; readonly text: string };

export type ToolDefinition = {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
};

export type ThinkRequest = {
  readonly systemPrompt: string;
  readonly context: readonly ContextItem[];
  readonly tools: readonly ToolDefinition[];
  readonly maxOutputTokens: number;
};

/** `done` or `failed` is the last one said, exactly once, unless the thinking was aborted. */
export type Thought =
  | { readonly type: 'delta'; readonly text: string }
  | {
      readonly type: 'tool-call';
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
    }
  | { readonly type: 'done'; readonly inputTokens: number; readonly outputTokens: number }
  | { readonly type: 'failed'; readonly failure: VendorFailure }
  | Switched;

export type Thinking = {
  /** Stops the vendor too: the connection is closed. Nothing is said after it returns. */
  abort(): void;
};

export type LanguageModel = {
  readonly vendor: string;
  readonly model: string;
  /** Never throws: failures are said. */
  think(request: ThinkRequest, on: (thought: Thought) => void): Thinking;
  /** Opens a connection ahead of the first request, so that its handshake costs the caller nothing. */
  warm(): void;
  check(signal: AbortSignal): Promise<Check>;
  close(): void;
};
