import { createRandom } from '#sandbox/lib/random.ts';

/** Words that mean nothing, each said once in a call: whatever is lost or doubled shows. */
export type Vocabulary = { next(): string };

// Without e, y and final consonants, so that none of them is a word that a policy knows.
const SYLLABLES = 'b d g j k p t z'
  .split(' ')
  .flatMap((start) => ['a', 'i', 'o', 'u'].map((vowel) => start + vowel));

export function createVocabulary(seed: number): Vocabulary {
  const random = createRandom(seed);
  const said = new Set<string>();
  const draw = (): string =>
    Array.from(
      { length: random.int(2, 4) },
      () => SYLLABLES[random.int(0, SYLLABLES.length - 1)],
    ).join('');
  return {
    next() {
      let word = draw();
      while (said.has(word)) word = draw();
      said.add(word);
      return word;
    },
  };
}
