/** So many events may wait for one that is missing; then it is taken for one that never was. */
const MAX_WAITING = 8;

/** Puts numbered events in the order of their numbers. */
export type EventOrder<Event> = {
  /** Answers what can be told now. An event without a number, or with one that is past, is told at once. */
  next(number: unknown, event: Event): readonly Event[];
  /** No more come: what still waits, in order. */
  rest(): readonly Event[];
};

/**
 * The service numbers the events of an answer one by one (`sequence_number`). One that comes too early
 * waits for those before it: a piece of text in the wrong place would be spoken there.
 */
export function createEventOrder<Event>(): EventOrder<Event> {
  const waiting = new Map<number, Event>();
  let expected: number | undefined;

  const ready = (): readonly Event[] => {
    const events: Event[] = [];
    while (expected !== undefined && waiting.has(expected)) {
      const event = waiting.get(expected);
      waiting.delete(expected);
      expected += 1;
      if (event !== undefined) events.push(event);
    }
    return events;
  };
  const skip = (): readonly Event[] => {
    expected = Math.min(...waiting.keys());
    return ready();
  };

  return {
    next(number, event) {
      if (typeof number !== 'number' || !Number.isInteger(number)) return [event];
      expected ??= number;
      if (number < expected) return [event];
      waiting.set(number, event);
      return waiting.size > MAX_WAITING ? skip() : ready();
    },
    rest() {
      const events: Event[] = [];
      while (waiting.size > 0) events.push(...skip());
      return events;
    },
  };
}
