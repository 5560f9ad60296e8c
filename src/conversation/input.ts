import type { Role } from '#contracts/vendor.ts';
import type { ContextItem } from '#contracts/language-model.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { TimerName } from './timer-name.ts';

/** Something that happened. `atMs` counts from the moment the call was answered and never goes back. */
export type Input = { readonly atMs: number } & (
  | { readonly type: 'answered' }
  /** Voice activity. `sinceMs` is when the voice really began or ended, a little before it was certain. */
  | { readonly type: 'voice-started'; readonly sinceMs: number }
  | { readonly type: 'voice-stopped'; readonly sinceMs: number }
  /** The recogniser; texts as in contracts/speech-to-text.ts. */
  | { readonly type: 'heard-interim'; readonly text: string }
  | { readonly type: 'heard-final'; readonly text: string }
  | { readonly type: 'heard-eager-end'; readonly text: string }
  | { readonly type: 'heard-resumed' }
  | { readonly type: 'heard-end'; readonly text: string }
  /** The language model. */
  | { readonly type: 'reply-delta'; readonly replyId: number; readonly text: string }
  | {
      readonly type: 'reply-tool-call';
      readonly replyId: number;
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
      /** The tool goes on when the caller interrupts; by default it does not. */
      readonly lasting?: boolean;
    }
  | { readonly type: 'reply-done'; readonly replyId: number }
  | {
      readonly type: 'tool-result';
      readonly replyId: number;
      readonly callId: string;
      readonly result: string;
    }
  /** The tool has handed the call over: the line is somebody else's now. `to` says whose. */
  | {
      readonly type: 'transferred';
      readonly replyId: number;
      readonly callId: string;
      readonly to: string;
    }
  /** Speech that was made, not yet played: its whole length so far, counted from the reply's first sample. */
  | { readonly type: 'speech-audio'; readonly replyId: number; readonly audioMs: number }
  | {
      readonly type: 'speech-words';
      readonly replyId: number;
      readonly words: readonly WordTime[];
    }
  | { readonly type: 'speech-done'; readonly replyId: number }
  /** The caller has heard the reply's audio up to here. */
  | { readonly type: 'played'; readonly replyId: number; readonly playedMs: number }
  | { readonly type: 'key'; readonly digit: string }
  /** Words that the caller wrote. Those that are not answered only join what the model is shown. */
  | { readonly type: 'typed'; readonly text: string; readonly isAnswered: boolean }
  /**
   * Where the sound is the other side's: the caller's turn is over, and an answer is waited for.
   * `text` is what the caller has said since the last one, possibly nothing.
   */
  | { readonly type: 'answer-due'; readonly text: string }
  /** The same: nobody has spoken for so long that the agent should. */
  | { readonly type: 'prompt-due' }
  /** The other side will do what the tool is for once all of the reply was heard; nothing more is said in it. */
  | { readonly type: 'handed-over'; readonly replyId: number; readonly callId: string }
  /** Another process led the call until now. Comes again when more of what was said is known. */
  | {
      readonly type: 'taken-over';
      readonly context: readonly ContextItem[];
      /** Turns that are recorded already. */
      readonly turnCount: number;
    }
  | { readonly type: 'timer'; readonly name: TimerName }
  | {
      readonly type: 'vendor-failed';
      readonly role: Role;
      /** The reply it was working on; absent for hearing. */
      readonly replyId?: number;
      readonly vendor: string;
      readonly message: string;
    }
  /** A vendor failed and the one behind it goes on with its work. */
  | {
      readonly type: 'vendor-switched';
      readonly role: Role;
      readonly replyId?: number;
      readonly vendor: string;
      readonly message: string;
      readonly to: string;
    }
  /** Another recogniser listens now, which decides the end of turns itself or does not. */
  | { readonly type: 'hearing-changed'; readonly vendorDecides: boolean }
  /** The owner's wishes. */
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'hang-up'; readonly reason: EndReason }
  /** The line is gone. */
  | { readonly type: 'closed'; readonly by: 'caller' | 'broken' }
);
