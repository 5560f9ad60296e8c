import type { ContextItem } from '#contracts/language-model.ts';
import type { Said, Transcript } from '#contracts/words-transport.ts';
import { normalise } from '#conversation/policies/words.ts';

/** The words of one side, all of the call. */
export const wordsOf = (transcript: Transcript, role: 'caller' | 'agent'): readonly string[] =>
  transcript.flatMap((said) =>
    said.role === role ? said.text.split(/\s+/).filter((word) => word !== '') : [],
  );

/** How far around a place its words are looked for. */
const DRIFT = 4;

/**
 * Where the words that were taken before end in a transcript that may have been written anew: a
 * recogniser corrects itself, and the number of words changes with it.
 */
export function endOfTaken(taken: readonly string[], words: readonly string[]): number {
  if (taken.length === 0) return 0;
  const textOf = (of: readonly string[]): string => of.map(normalise).join(' ');
  // By the last two words, or else by the last one alone.
  for (const size of [2, 1])
    for (let drift = 0; drift <= DRIFT; drift++)
      for (const end of [taken.length - drift, taken.length + drift]) {
        if (end < size || end > words.length) continue;
        if (textOf(words.slice(end - size, end)) === textOf(taken.slice(-size))) return end;
      }
  return Math.min(taken.length, words.length);
}

/** What the model is shown of a call that another process has led so far. */
export function contextOf(transcript: Transcript): readonly ContextItem[] {
  const results = new Map(
    transcript.flatMap((said) =>
      said.role === 'tool-result' ? [[said.callId, said.result] as const] : [],
    ),
  );
  const seen = new Set<string>();
  return transcript.flatMap((said) => itemsOf(said, results, seen));
}

/** A call of a tool with its result behind it: a call without one was cut off with its process. */
function itemsOf(
  said: Said,
  results: ReadonlyMap<string, string>,
  seen: Set<string>,
): readonly ContextItem[] {
  switch (said.role) {
    case 'caller':
    case 'agent':
      return [{ role: said.role, text: said.text }];
    case 'key':
      return [{ role: 'note', text: `The caller pressed ${said.digit} on the keypad.` }];
    case 'tool-call': {
      if (seen.has(said.callId)) return [];
      seen.add(said.callId);
      const result = results.get(said.callId) ?? 'Unknown: the connection was lost meanwhile.';
      return [said, { role: 'tool-result', callId: said.callId, result }];
    }
    case 'tool-result':
      return [];
  }
}

/** What the caller has said since the agent's last word, and where that begins. */
export function unanswered(transcript: Transcript): {
  readonly before: Transcript;
  readonly text: string;
} {
  const at = transcript.findLastIndex((said) => said.role !== 'caller') + 1;
  const text = wordsOf(transcript.slice(at), 'caller').join(' ');
  return { before: transcript.slice(0, at), text };
}
