/**
 * One moment at the vendors' side, by the machine's monotonic clock, which all its processes share.
 * - `eager`, `end`: the recogniser's message left; `text` is the caller's turn
 * - `asked`: a request to the language model was read; `text` is the caller's last message in it
 * - `clause`: the first token left that shows a first clause to be complete; `text` is the clause
 * - `speak`: a text to be spoken was read; `text` is that text
 * - `speech`: its context's first audio left; `text` is the context's first text
 */
export type Stamp = {
  readonly kind: 'eager' | 'end' | 'asked' | 'clause' | 'speak' | 'speech';
  readonly atMs: number;
  readonly text: string;
};

/** What the language model was shown. */
export type Shown = {
  readonly atMs: number;
  readonly messages: readonly { readonly role: string; readonly text: string }[];
};

/** Milliseconds by the machine's monotonic clock: the same in every process. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
