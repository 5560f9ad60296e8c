/**
 * The end of a call's audio that no final covers yet, so that another stream can begin where the words
 * end that are certain. Positions count bytes of the call's audio from its beginning.
 */
export type Unheard = {
  /** Keeps `piece` itself, which must not change any more. */
  push(piece: Uint8Array): void;
  /** Everything before `position` has been heard for good. */
  forget(position: number): void;
  /** Only the last `bytes` are of interest. */
  limit(bytes: number): void;
  /** Where what is kept begins. */
  readonly from: number;
  /** Where the call's audio ends so far. */
  readonly until: number;
  /** What is kept of the audio between two positions, in order. */
  between(from: number, until: number): readonly Uint8Array[];
};

export function createUnheard(): Unheard {
  const pieces: Uint8Array[] = [];
  let from = 0;
  let until = 0;
  const forget = (position: number): void => {
    for (let first = pieces[0]; first && from < position; first = pieces[0]) {
      const drop = Math.min(first.length, position - from);
      from += drop;
      if (drop === first.length) pieces.shift();
      else pieces[0] = first.subarray(drop);
    }
  };
  return {
    push(piece) {
      pieces.push(piece);
      until += piece.length;
    },
    forget,
    limit: (bytes) => forget(until - bytes),
    get from() {
      return from;
    },
    get until() {
      return until;
    },
    between(first, last) {
      const parts: Uint8Array[] = [];
      let at = from;
      for (const piece of pieces) {
        const start = Math.max(0, first - at);
        const end = Math.min(piece.length, last - at);
        if (start < end) parts.push(piece.subarray(start, end));
        at += piece.length;
      }
      return parts;
    },
  };
}
