import type { Heard } from '#contracts/speech-to-text.ts';

/** A segment of the caller's audio that was committed. */
export type Segment = {
  /** Our name for the session it went to; the service orders only the segments of one. */
  readonly sessionId: number;
  /** Our name for the commit. */
  readonly commitId: string;
  /** End of the segment, in the audio written to the stream. */
  readonly untilMs: number;
  readonly fromFinalize: boolean;
};

/**
 * Puts what the service writes about its items in the order of the caller's audio: transcripts of two
 * items may come in any order, and words of the next item come before the transcript of this one.
 */
export type Transcript = {
  /** A segment was committed; the service will make an item of it. */
  commit(segment: Segment): void;
  /** The service has named the item of the session's oldest segment that had no name. */
  committed(sessionId: number, itemId: string): readonly Heard[];
  delta(sessionId: number, itemId: string, text: string): readonly Heard[];
  completed(itemId: string, text: string): readonly Heard[];
  /** The service made no item of this segment: there was nothing in it. */
  dropped(commitId: string): readonly Heard[];
  /** Makes the last segment, if it is still awaited, the answer to `finalize`; false if none is awaited. */
  awaitLast(): boolean;
  /** Committed and not said for good yet. */
  readonly awaitedCount: number;
  /** Whether one of those is of this session. */
  awaits(sessionId: number): boolean;
};

type Awaited = Segment & { fromFinalize: boolean; itemId?: string; text?: string };

export function createTranscript(): Transcript {
  const awaited: Awaited[] = [];
  /** Words so far of items that are not written for good; in the order of their first words. */
  const written = new Map<string, { readonly sessionId: number; text: string }>();
  let interim = '';

  /** The item that the next final will be of: words of later ones wait. */
  const currentItem = (): string | undefined => {
    const head = awaited[0];
    if (head?.itemId !== undefined) return head.itemId;
    const named = new Set(awaited.map(({ itemId }) => itemId));
    return [...written].find(
      ([itemId, { sessionId }]) =>
        !named.has(itemId) && (head === undefined || sessionId === head.sessionId),
    )?.[0];
  };
  const sayInterim = (): readonly Heard[] => {
    const text = written.get(currentItem() ?? '')?.text.trim() ?? '';
    if (text === '' || text === interim) return [];
    interim = text;
    return [{ type: 'interim', text }];
  };
  const sayFinals = (): readonly Heard[] => {
    const heard: Heard[] = [];
    for (let head = awaited[0]; head?.text !== undefined; head = awaited[0]) {
      awaited.shift();
      if (head.itemId !== undefined) written.delete(head.itemId);
      interim = '';
      const { text, fromFinalize, untilMs } = head;
      // The answer to `finalize` is said even if it is empty: somebody waits for it.
      if (text !== '' || fromFinalize) heard.push({ type: 'final', text, fromFinalize, untilMs });
    }
    return [...heard, ...sayInterim()];
  };

  return {
    commit: (segment) => void awaited.push({ ...segment }),
    committed(sessionId, itemId) {
      const next = awaited.find(
        (segment) => segment.itemId === undefined && segment.sessionId === sessionId,
      );
      if (next) next.itemId = itemId;
      return sayInterim();
    },
    delta(sessionId, itemId, text) {
      const item = written.get(itemId);
      if (item) item.text += text;
      else written.set(itemId, { sessionId, text });
      return sayInterim();
    },
    completed(itemId, text) {
      const segment = awaited.find((one) => one.itemId === itemId);
      if (!segment) {
        written.delete(itemId);
        return [];
      }
      segment.text = text.trim();
      return sayFinals();
    },
    dropped(commitId) {
      const segment = awaited.find((one) => one.commitId === commitId);
      if (segment) segment.text = '';
      return sayFinals();
    },
    awaitLast() {
      const last = awaited.at(-1);
      if (last) last.fromFinalize = true;
      return last !== undefined;
    },
    get awaitedCount() {
      return awaited.length;
    },
    awaits: (sessionId) => awaited.some((segment) => segment.sessionId === sessionId),
  };
}
