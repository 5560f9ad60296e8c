/** What the model was told of an interrupted reply, beside what the caller heard of it; in words. */
export type Truth = {
  /** Of the reply, in the context, beyond the last word of which the caller heard something. */
  readonly unheard: number;
  /** Heard to the end, and not in the context that the interruption was answered from. */
  readonly missing: number;
};

/** One request to a model; `messages` oldest first. */
type Request = {
  readonly atMs: number;
  readonly messages: readonly { readonly role: string; readonly text: string }[];
};

/**
 * Compares contexts with an ear.
 * @param reply the interrupted reply as the model said it
 * @param heard the words of it that arrived whole, in their order; recognisers may have missed some
 * @param line what the caller had asked for the reply by
 * @param cutIn what the caller interrupted with
 * @param requests what the model was shown from the interruption until the next one
 * @returns undefined when no request answered the interruption
 */
export function truthOf(options: {
  readonly reply: string;
  readonly heard: readonly string[];
  readonly line: string;
  readonly cutIn: string;
  readonly requests: readonly Request[];
}): Truth | undefined {
  const reply = wordsOf(options.reply);
  const heard = reach(reply, options.heard.flatMap(wordsOf));
  // Preparing an answer on trial may ask more than once: the last one stood.
  const answering = options.requests.findLast(({ messages }) =>
    same(messages.findLast(({ role }) => role === 'user')?.text, options.cutIn),
  );
  if (!answering) return undefined;
  const shown = (request: Request): number | undefined => {
    const text = replyIn(request.messages, options.line, options.cutIn);
    return text === undefined ? undefined : reach(reply, wordsOf(text));
  };
  // Some keep the reply out of the very next context; what is kept for the rest of the call counts.
  const kept = options.requests.map(shown).findLast((words) => words !== undefined) ?? 0;
  // A word that was broken off was heard in part: it belongs to either side.
  return {
    unheard: Math.max(0, kept - heard - 1),
    missing: Math.max(0, heard - (shown(answering) ?? 0)),
  };
}

/** What the agent said between the last `line` and the `cutIn` behind it; undefined when that is not there, or nothing. */
function replyIn(messages: Request['messages'], line: string, cutIn: string): string | undefined {
  const to = messages.findLastIndex(({ role, text }) => role === 'user' && same(text, cutIn));
  if (to < 0) return undefined;
  const from = messages
    .slice(0, to)
    .findLastIndex(({ role, text }) => role === 'user' && same(text, line));
  if (from < 0) return undefined;
  const said = messages.slice(from + 1, to).filter(({ role }) => role === 'assistant');
  return said.length === 0 ? undefined : said.map(({ text }) => text).join(' ');
}

/** How far into `text` the words get: the place behind the last of them, found in their order. */
function reach(text: readonly string[], words: readonly string[]): number {
  let at = 0;
  for (const word of words) {
    const found = text.indexOf(word, at);
    if (found >= 0) at = found + 1;
  }
  return at;
}

const wordsOf = (text: string): readonly string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];

const same = (left: string | undefined, right: string): boolean =>
  left !== undefined && wordsOf(left).join(' ') === wordsOf(right).join(' ');
