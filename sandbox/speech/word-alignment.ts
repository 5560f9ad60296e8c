export type Phone = { readonly name: string; readonly startMs: number; readonly endMs: number };

/**
 * Says which phones of a spoken sentence belong to which word.
 *
 * Flite tells the phones of a sentence, but not whose they are. `wordPhones` holds each word's phones
 * when said alone; in the sentence they may differ (`the` before a vowel, `Dr.` before a name, a
 * flap), so the two are aligned at the least cost of changes. `phones` holds no pauses.
 * Answers one entry per word: its first phone and the one after its last; equal when it has none.
 */
export function alignWords(
  wordPhones: readonly (readonly string[])[],
  phones: readonly Phone[],
): readonly { readonly from: number; readonly to: number }[] {
  const alone = wordPhones.flatMap((names, word) => names.map((name) => ({ name, word })));
  const owner = ownersOf(alone, phones);
  return wordPhones.map((_, word) => {
    const from = owner.indexOf(word);
    return from < 0 ? { from: 0, to: 0 } : { from, to: owner.lastIndexOf(word) + 1 };
  });
}

const SKIP_COST = 1;

/** The word of each spoken phone: the one of its counterpart, or of the phone before it. */
function ownersOf(
  alone: readonly { readonly name: string; readonly word: number }[],
  phones: readonly Phone[],
): readonly number[] {
  const width = phones.length + 1;
  const cost = new Float64Array((alone.length + 1) * width);
  const at = (i: number, j: number): number => cost[i * width + j] ?? 0;
  for (let i = 0; i <= alone.length; i++) {
    for (let j = 0; j <= phones.length; j++) {
      if (i === 0 && j === 0) continue;
      const left = alone[i - 1];
      const right = phones[j - 1];
      cost[i * width + j] = Math.min(
        left && right ? at(i - 1, j - 1) + changeCost(left.name, right.name) : Infinity,
        left ? at(i - 1, j) + SKIP_COST : Infinity,
        right ? at(i, j - 1) + SKIP_COST : Infinity,
      );
    }
  }

  const owner: number[] = Array.from({ length: phones.length });
  let i = alone.length;
  for (let j = phones.length; j > 0;) {
    const left = alone[i - 1];
    const name = phones[j - 1]?.name ?? '';
    if (left && at(i, j) === at(i - 1, j - 1) + changeCost(left.name, name)) {
      owner[--j] = left.word;
      i--;
    } else if (left && at(i, j) === at(i - 1, j) + SKIP_COST) {
      i--;
    } else {
      owner[--j] = (left ?? alone[0])?.word ?? 0;
    }
  }
  return owner;
}

const VOWELS = new Set('aa ae ah ao aw ax axr ay eh er ey ih ix iy ow oy uh uw'.split(' '));

/** A vowel turns into another vowel easily, into a consonant hardly ever. */
const changeCost = (left: string, right: string): number => {
  if (left === right) return 0;
  return VOWELS.has(left) === VOWELS.has(right) ? 0.7 : 1.8;
};
