import type { AudioFormat } from '#audio/format.ts';
import type { Check, Switched, VendorFailure } from './vendor.ts';

/** One spoken word. Times count from the first sample of the utterance's audio. */
export type WordTime = { readonly text: string; readonly startMs: number; readonly endMs: number };

/** `done` or `failed` is the last one said, exactly once, unless the utterance was cancelled. */
export type Spoken =
  /** Whole samples in the format that was asked for, in order; any length. */
  | { readonly type: 'audio'; readonly audio: Uint8Array }
  /** Only from vendors that `can.wordTimes`; each word once, in order, with or soon after its audio. */
  | { readonly type: 'words'; readonly words: readonly WordTime[] }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly failure: VendorFailure }
  | Switched;

export type Utterance = {
  /** Text is joined verbatim to what was pushed before: mind the spaces. Speaking starts as soon as the vendor can. */
  push(text: string): void;
  /** No more text; `done` follows once all of it has been spoken. */
  finish(): void;
  /** Stops the vendor too. Nothing is said after it returns. */
  cancel(): void;
};

export type SpeakOptions = {
  /** The vendor's id of a voice. */
  readonly voice: string;
  readonly language: string;
  /** What the sound is to be in; absent: the telephone's. A vendor whose protocol cannot give it converts. */
  readonly audio?: AudioFormat | undefined;
};

export type TextToSpeech = {
  readonly vendor: string;
  readonly model: string;
  readonly can: { readonly wordTimes: boolean };
  /** Never throws: failures are said. */
  speak(options: SpeakOptions, on: (spoken: Spoken) => void): Utterance;
  /** Opens a connection ahead of the first utterance; some vendors need to know for which voice. */
  warm(options?: SpeakOptions): void;
  check(signal: AbortSignal): Promise<Check>;
  close(): void;
};
