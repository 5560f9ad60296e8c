import type { Heard } from '#contracts/speech-to-text.ts';
import type { FailureCode } from '#contracts/vendor.ts';
import type { JsonRecord } from '#lib/record.ts';

/** What one message of the server amounts to. */
export type Reading =
  | { readonly type: 'heard'; readonly heard: readonly Heard[] }
  | { readonly type: 'failed'; readonly code: FailureCode; readonly detail: string };

/** How one stream of `/v1/listen` or `/v2/listen` is spoken. Holds what the stream's messages so far mean. */
export type ListenProtocol = {
  /** Path and query of the upgrade. */
  readonly path: string;
  /** Audio goes out in pieces that end at multiples of this many bytes. */
  readonly chunkBytes: number;
  /** Keeps an idle stream open: the service ends one that gets nothing for 10 s. */
  readonly keepAlive: string | Uint8Array;
  /** Asks for a final; absent where the protocol has none. */
  readonly finalize?: string;
  /**
   * The server is dead if this much audio went out, over at least as much time, and no message came
   * back. `of: 'loud'` counts only audio that is clearly no silence.
   */
  readonly answerWithin: { readonly audioMs: number; readonly of: 'any' | 'loud' };
  read(message: JsonRecord): Reading;
};

/** A message we have no use for, or of a type that does not exist yet. */
export const NOTHING: Reading = { type: 'heard', heard: [] };

export const garbled = (detail: string): Reading => ({ type: 'failed', code: 'garbled', detail });

/** The path with its query; a list becomes a repeated parameter. */
export function pathWithQuery(
  path: string,
  query: Readonly<Record<string, string | readonly string[]>>,
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of typeof value === 'string' ? [value] : value) search.append(name, one);
  return `${path}?${search.toString()}`;
}
