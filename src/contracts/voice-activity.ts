import type { AudioFormat } from '#audio/format.ts';

/** `audioMs` is a position in the stream's own audio: 20 ms frames written × 20, not the clock. */
export type VoiceActivityEvent =
  /** Speech began at `audioMs`, which lies a little before the frame that made it certain. */
  | { readonly type: 'started'; readonly audioMs: number }
  /** The last speech ended at `audioMs`. */
  | { readonly type: 'stopped'; readonly audioMs: number };

export type VoiceActivityStream = {
  /** Whole samples in the stream's format. The bytes are copied before it returns. */
  write(audio: Uint8Array): void;
  close(): void;
};

/** Tells speech from everything else, for every call of the process at once. */
export type VoiceActivity = {
  /** `audio`: what will be written; absent: the telephone's. */
  open(on: (event: VoiceActivityEvent) => void, audio?: AudioFormat): VoiceActivityStream;
  close(): Promise<void>;
};
