/**
 * What a caller's program is shown of its call, in order. Nothing of what was prepared on trial is
 * in it until it may be heard.
 */
export type ClientEvent =
  | { readonly type: 'caller-speaking'; readonly speaking: boolean }
  /** All words of the caller's turn so far; `final`: the turn is over. */
  | { readonly type: 'caller-words'; readonly text: string; readonly final: boolean }
  /** The caller's turn as the language model is shown it. */
  | { readonly type: 'model-asked'; readonly text: string }
  | { readonly type: 'thinking'; readonly thinking: boolean }
  /** The next piece of the language model's answer, as it came. */
  | { readonly type: 'thought'; readonly text: string }
  /** Whether sound is being made of the agent's words. */
  | { readonly type: 'making-speech'; readonly making: boolean }
  /** Whether the agent is to be heard. */
  | { readonly type: 'agent-speaking'; readonly speaking: boolean }
  /**
   * A stretch of what the agent says, and how much of it was heard: `heard` and `rest` make up `text`.
   * `segmentId` counts from 1 within the call.
   */
  | {
      readonly type: 'segment';
      readonly segmentId: number;
      readonly text: string;
      readonly heard: string;
      readonly rest: string;
      readonly status: 'new' | 'in-progress' | 'completed';
      /** What was heard since the segment was last told of; empty for a new one. */
      readonly newlyHeard: string;
    }
  /** The caller has taken the floor from the agent. */
  | { readonly type: 'interrupted' }
  | {
      readonly type: 'tool';
      readonly callId: string;
      readonly state: 'running' | 'done' | 'cancelled';
    }
  /** What the answer to a turn took; absent: did not happen. */
  | {
      readonly type: 'latency';
      readonly hearingMs?: number | undefined;
      readonly firstTokenMs?: number | undefined;
      readonly firstAudioMs?: number | undefined;
      readonly playedMs?: number | undefined;
    }
  /** The call is about to end because of it; in words for the caller. */
  | { readonly type: 'failure'; readonly text: string };
