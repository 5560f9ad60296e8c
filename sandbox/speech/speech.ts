/**
 * The voices of Flite's build that can say anything, by their names there: `slt` is a woman, the
 * others are men. The build's sixth, `awb_time`, knows no words but those of the clock.
 */
export const voices = ['slt', 'rms', 'awb', 'kal', 'kal16'] as const;

export type WordSpan = { readonly text: string; readonly startMs: number; readonly endMs: number };

/** Speech made from text: always the same for the same text and voice. 16-bit, mono. */
export type SpeechClip = {
  readonly text: string;
  readonly voice: string;
  /** 8 kHz. */
  readonly pcm: Int16Array;
  /** The same at 16 kHz, with all that its voice has above the telephone's band; absent: it has nothing there. */
  readonly widePcm?: Int16Array;
  /**
   * Every word of the text, in order; times from the first sample. A word is what stands between
   * white space, with its punctuation; it ends where its sound does.
   */
  readonly words: readonly WordSpan[];
};

/** Makes speech and remembers it: what was never said through it is an unknown sound to every ear. */
export type VoiceBank = {
  /** Cached by text and voice. */
  speak(text: string, voice: string): Promise<SpeechClip>;
  readonly clips: readonly SpeechClip[];
};

export type EarFormat = {
  readonly encoding: 'mulaw' | 'linear16';
  readonly sampleRateHz: 8_000 | 16_000 | 24_000;
};

/** A word that was heard to its end. Times count from the first sample written to the ear. */
export type HeardWord = {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The clip it was found in, and its place there. */
  readonly clip: SpeechClip;
  readonly wordIndex: number;
};

/**
 * Knows words by matching the audio it receives against the voice bank, and by nothing else.
 * Synchronous: what `write` answers depends only on what was written so far.
 */
export type Ear = {
  /** Answers the words that these bytes completed. A word that is cut off before its end is no word. */
  write(audio: Uint8Array): readonly HeardWord[];
  /**
   * Says that nothing follows. Answers the words received to their end that `write` still held back
   * because what came next could have shown them to be the start of a longer word.
   */
  end(): readonly HeardWord[];
  /** All words so far. */
  readonly words: readonly HeardWord[];
  readonly writtenMs: number;
  /** End of the last sound louder than the line's noise, to 5 ms; undefined before the first. */
  readonly soundUntilMs: number | undefined;
  /** Start of the sound that is going on, or of the last one; pauses under 200 ms do not end a sound. */
  readonly soundSinceMs: number | undefined;
};

export type OpenEar = (format: EarFormat) => Ear;
