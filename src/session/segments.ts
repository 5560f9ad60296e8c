import type { ClientEvent } from '#contracts/client-event.ts';

type SegmentEvent = Extract<ClientEvent, { type: 'segment' }>;

/** The stretches of one reply, in the order they were sent to be spoken, and how far each was heard. */
export type Segments = {
  add(text: string): void;
  /**
   * What is to be told once so much of the reply was heard: of a segment first that it is there, then
   * how far it has come. Words that were heard once are not taken back.
   */
  heard(words: string): readonly SegmentEvent[];
};

type Segment = {
  readonly segmentId: number;
  readonly text: string;
  /** Where each word ends in `text`. */
  readonly wordEnds: readonly number[];
  heardCount: number;
  isTold: boolean;
};

export function createSegments(nextId: () => number): Segments {
  const segments: Segment[] = [];

  const eventOf = (of: Segment, fromCount: number): SegmentEvent => {
    const { segmentId, text, wordEnds, heardCount } = of;
    const endOf = (count: number): number => (count === 0 ? 0 : (wordEnds[count - 1] ?? 0));
    const heard = text.slice(0, endOf(heardCount));
    const isAll = heardCount === wordEnds.length;
    return {
      type: 'segment',
      segmentId,
      text,
      heard,
      rest: text.slice(heard.length),
      status: heardCount === 0 ? 'new' : isAll ? 'completed' : 'in-progress',
      newlyHeard: text.slice(endOf(fromCount), endOf(heardCount)).trim(),
    };
  };

  return {
    add(given) {
      const text = given.trim();
      const wordEnds = [...text.matchAll(/\S+/g)].map(({ index, 0: word }) => index + word.length);
      if (wordEnds.length === 0) return;
      segments.push({ segmentId: nextId(), text, wordEnds, heardCount: 0, isTold: false });
    },
    heard(words) {
      const events: SegmentEvent[] = [];
      let left = words.split(/\s+/).filter(Boolean).length;
      for (const segment of segments) {
        if (!segment.isTold) {
          segment.isTold = true;
          events.push(eventOf(segment, 0));
        }
        const count = Math.min(left, segment.wordEnds.length);
        left -= count;
        if (count <= segment.heardCount) continue;
        const fromCount = segment.heardCount;
        segment.heardCount = count;
        events.push(eventOf(segment, fromCount));
      }
      return events;
    },
  };
}
