import type { HeardWord } from '../../speech/speech.ts';

export const seconds = (ms: number): number => Math.round(ms) / 1_000;

/** The words joined, with case and punctuation as they were said. */
export const joinWords = (words: readonly HeardWord[]): string =>
  words.map((word) => word.text).join(' ');

/** Without case and punctuation: how a recogniser writes without `punctuate`. */
export const bareWord = (text: string): string =>
  text.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');

/** The sandbox's ear is never in doubt; the number only has to look like one, and be the same each time. */
export const wordConfidence = (text: string): number => 0.95 + (text.length % 5) / 100;

/** Sounds shorter than this are clicks, not speech. */
export const MIN_SPEECH_MS = 60;
