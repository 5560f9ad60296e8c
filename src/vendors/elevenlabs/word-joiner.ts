import type { WordTime } from '#contracts/text-to-speech.ts';
import type { CharacterTime } from './messages.ts';

/** Makes words of characters, which may come in any pieces. */
export type WordJoiner = {
  /** Answers the words that the characters completed. `fromMs`: where their times begin to count. */
  add(characters: readonly CharacterTime[], fromMs: number): readonly WordTime[];
  /** The word that nothing has ended yet, if there is one. */
  end(): readonly WordTime[];
};

export function wordJoiner(): WordJoiner {
  let word: WordTime | undefined;
  const end = (): readonly WordTime[] => {
    const ended = word ? [word] : [];
    word = undefined;
    return ended;
  };
  return {
    add(characters, fromMs) {
      const words: WordTime[] = [];
      for (const { character, startMs, endMs } of characters) {
        if (character.trim() === '') words.push(...end());
        else
          word = {
            text: `${word?.text ?? ''}${character}`,
            startMs: word?.startMs ?? fromMs + startMs,
            endMs: fromMs + endMs,
          };
      }
      return words;
    },
    end,
  };
}
