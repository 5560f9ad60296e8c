import type { Heard } from '#contracts/speech-to-text.ts';
import { normalise, wordsAfter } from '#conversation/policies/words.ts';

/** What is known of the words when another recogniser hears the same audio once more. */
export type Replay = {
  /** Words that were said already and that it has yet to come to; '': it has caught up. */
  readonly ahead: string;
  /** Words that are final already, though the audio of the last of them may be heard again; '': none. */
  readonly repeatable: string;
};

export const NO_REPLAY: Replay = { ahead: '', repeatable: '' };

/**
 * What of a second recogniser's words is to be said. Until it has caught up with the first, its
 * interims would only take words back; an end of turn in the middle of what is known to follow is none.
 */
export function replayed(
  replay: Replay,
  heard: Heard,
): { readonly say: Heard | undefined; readonly replay: Replay } {
  if (heard.type === 'resumed') return { say: replay.ahead === '' ? heard : undefined, replay };
  if (!('text' in heard)) return { say: heard, replay };
  const isFinal = heard.type === 'final' || heard.type === 'end';
  const text =
    !isFinal && isRepeating(replay.repeatable, heard.text)
      ? ''
      : withoutRepeated(replay.repeatable, heard.text);
  const said = { ...heard, text };
  const rest = restAhead(replay.ahead, text, isFinal);
  if (isFinal) {
    // The words before it are to come once more: a segment without any would close over them.
    if (text === '' && rest !== '') return { say: undefined, replay: { ...replay, ahead: rest } };
    const next = { ahead: rest, repeatable: text === '' ? replay.repeatable : '' };
    if (heard.type === 'end' && rest !== '')
      return { say: { ...said, type: 'final', fromFinalize: false }, replay: next };
    return { say: said, replay: next };
  }
  if (rest !== '') return { say: undefined, replay };
  return { say: said, replay: { ...replay, ahead: '' } };
}

/** What of `ahead` follows after `text`; '' if it says something else, or as much. */
function restAhead(ahead: string, text: string, isFinal: boolean): string {
  if (ahead === '') return '';
  const said = normalise(text);
  if (said === '') return ahead;
  if (isFinal) return wordsAfter(ahead, text) ?? '';
  // The last word of an interim may be half a word.
  const all = normalise(ahead);
  return all.startsWith(said) && all.length > said.length ? ahead : '';
}

/** Whether `text`, which may grow, has come to the middle of the last words of `said`. */
function isRepeating(said: string, text: string): boolean {
  const words = normalise(text);
  return words !== '' && ` ${normalise(said)} `.includes(` ${words} `);
}

/** `text` without its first words, if they are the last of `said`. */
export function withoutRepeated(said: string, text: string): string {
  const before = normalise(said).split(' ');
  const words = text.split(/\s+/).filter((word) => word !== '');
  const after = words.map(normalise);
  if (said === '') return text;
  for (let count = Math.min(before.length, after.length); count > 0; count--)
    if (before.slice(-count).every((word, index) => word === after[index]))
      return words.slice(count).join(' ');
  return text;
}
