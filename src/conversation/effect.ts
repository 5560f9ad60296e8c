import type { ContextItem } from '#contracts/language-model.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { PreparedSpeech } from './state.ts';
import type { TimerName } from './timer-name.ts';

/** What the session must do, in this order. */
export type Effect =
  /** Ask the language model; its answers carry `replyId`. A second one for the same reply is its next round. */
  | {
      readonly type: 'think';
      readonly replyId: number;
      readonly context: readonly ContextItem[];
    }
  | { readonly type: 'stop-thinking'; readonly replyId: number }
  /** Speak more text in the reply's utterance; the first one opens it. */
  | { readonly type: 'speak'; readonly replyId: number; readonly text: string }
  /** No more text for this utterance. */
  | { readonly type: 'finish-speaking'; readonly replyId: number }
  | {
      readonly type: 'speak-prepared';
      readonly replyId: number;
      readonly speech: PreparedSpeech;
    }
  /** Give the utterance up and forget its audio, on the line or not. */
  | { readonly type: 'stop-speaking'; readonly replyId: number }
  /** Take a reply that is playing off the line at once. */
  | { readonly type: 'hold-audio'; readonly replyId: number }
  /** A reply's audio is held from its first sample until this. */
  | { readonly type: 'release-audio'; readonly replyId: number; readonly fromMs: number }
  /** Ask the recogniser for a final of what it has. */
  | { readonly type: 'finalize-hearing' }
  | { readonly type: 'set-timer'; readonly name: TimerName; readonly afterMs: number }
  | { readonly type: 'cancel-timer'; readonly name: TimerName }
  | {
      readonly type: 'run-tool';
      readonly replyId: number;
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
    }
  /** Call these off; their results are not waited for. Those that go on whatever happens are not among them. */
  | {
      readonly type: 'stop-tools';
      readonly replyId: number;
      readonly callIds: readonly string[];
    }
  | { readonly type: 'record-turn'; readonly turn: Turn }
  | { readonly type: 'interrupted'; readonly heard: string; readonly unheard: string }
  | { readonly type: 'resumed' }
  /** Why the line is silent, or anything else a reader of the journal would ask. */
  | { readonly type: 'note'; readonly text: string }
  /** The last effect there is. */
  | { readonly type: 'end-call'; readonly reason: EndReason; readonly detail: string | null };
