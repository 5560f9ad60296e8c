import type { Clock } from '#lib/clock.ts';

/** A word as it sounded; milliseconds since the call's start. */
export type SpokenWord = {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
};

const GAP_MS = 30;
const COMMA_MS = 120;
const SENTENCE_MS = 280;

/** How long a word takes to say, about 180 words a minute. */
export const wordMs = (word: string, speed = 1): number =>
  Math.round((110 + 32 * word.replace(/[^\p{L}\p{N}]/gu, '').length) / speed);

/** The silence after a word. */
export const gapMs = (word: string): number =>
  /[.!?…]["')\]]*$/.test(word) ? SENTENCE_MS : /[,;:]$/.test(word) ? COMMA_MS : GAP_MS;

export const wordsOf = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean);

/** Whether it sounds like the end of what somebody wants to say. */
export const soundsFinished = (text: string): boolean => /[.!?…]["')\]]*\s*$/.test(text);

/**
 * What of a growing text can be spoken: everything up to the end of its last whole sentence. A number
 * at its end may still go on ("3." and then "5"). The rest waits.
 */
export function splitSentences(text: string): readonly [spoken: string, waiting: string] {
  const end = /^.*(?:[.!?…]["')\]]*(?=\s)|[^\d\s][.!?…]["')\]]*$)/s.exec(text)?.[0].length ?? 0;
  return [text.slice(0, end), text.slice(end)];
}

export type Mouth = {
  /** Says it after what is still to be said. */
  say(text: string): void;
  /** Falls silent at once; the word in the middle was not said. */
  cut(): void;
  readonly isSpeaking: boolean;
};

/** Speaks words one after the other in the clock's time. */
export function createMouth(options: {
  readonly clock: Clock;
  /** From words that can be spoken to the first sound. */
  readonly startDelayMs: () => number;
  readonly speed: () => number;
  readonly onStart: () => void;
  /** A word was said to its end. */
  readonly onWord: (word: string, startedAtMs: number) => void;
  /** Everything there was to say has been said. */
  readonly onSilent: () => void;
  /** It sounded, from then until now, though maybe not to the end of a word. */
  readonly onSound: (startedAtMs: number) => void;
}): Mouth {
  const { clock } = options;
  let queue: string[] = [];
  let cancel: (() => void) | undefined;
  let soundingSinceMs: number | undefined;

  const next = (): void => {
    const word = queue.shift();
    if (word === undefined) {
      cancel = undefined;
      return options.onSilent();
    }
    const startedAtMs = clock.now();
    soundingSinceMs = startedAtMs;
    cancel = clock.after(wordMs(word, options.speed()), () => {
      soundingSinceMs = undefined;
      // Set first: who hears the word may cut what follows.
      cancel = clock.after(gapMs(word), next);
      options.onSound(startedAtMs);
      options.onWord(word, startedAtMs);
    });
  };
  return {
    get isSpeaking() {
      return cancel !== undefined;
    },
    say(text) {
      queue.push(...wordsOf(text));
      if (cancel || queue.length === 0) return;
      cancel = clock.after(options.startDelayMs(), () => {
        options.onStart();
        next();
      });
    },
    cut() {
      queue = [];
      cancel?.();
      cancel = undefined;
      if (soundingSinceMs !== undefined) options.onSound(soundingSinceMs);
      soundingSinceMs = undefined;
    },
  };
}
