/** Seconds since the call's start. */
export type TimedWord = { readonly word: string; readonly start: number; readonly end: number };

export type Utterance = {
  readonly role: 'agent' | 'user';
  content: string;
  words: TimedWord[];
};

/** What was said and done, in its order. Utterances grow while they are spoken. */
export type TranscriptEntry =
  | Utterance
  | {
      readonly role: 'tool_call_invocation';
      readonly tool_call_id: string;
      readonly name: string;
      readonly arguments: string;
    }
  | {
      readonly role: 'tool_call_result';
      readonly tool_call_id: string;
      readonly content: string;
      readonly successful?: boolean;
    }
  | { readonly role: 'dtmf'; readonly digit: string }
  | { readonly role: 'injected'; readonly content: string; readonly time_sec: number };

export const isUtterance = (entry: TranscriptEntry): entry is Utterance =>
  entry.role === 'agent' || entry.role === 'user';

export const utterancesOf = (entries: readonly TranscriptEntry[]): readonly Utterance[] =>
  entries.filter(isUtterance);

/** `Agent: …` and `User: …`, a line each. */
export const textOfTranscript = (entries: readonly TranscriptEntry[]): string =>
  utterancesOf(entries)
    .map(({ role, content }) => `${role === 'agent' ? 'Agent' : 'User'}: ${content}\n`)
    .join('');

/** Says one word more; who goes on speaking goes on with the same utterance. */
export function addWord(entries: TranscriptEntry[], role: 'agent' | 'user', word: TimedWord): void {
  const last = entries.findLast(isUtterance);
  if (last?.role === role) {
    last.words.push(word);
    last.content = `${last.content} ${word.word}`;
  } else entries.push({ role, content: word.word, words: [word] });
}
