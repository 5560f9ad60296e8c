import type { Random } from '#sandbox/lib/random.ts';
import type { Story } from './story.ts';

/** One webhook on its way. */
export type Delivery = {
  /** After the start of the storm. */
  readonly atMs: number;
  readonly callId: string;
  readonly body: string;
  /** What Retell has on record of the call once this has been sent. */
  readonly recordFrom?: object;
  readonly sign: Signing;
};

export type Signing =
  | 'right'
  /** Somebody else's key. */
  | 'wrong-key'
  /** A right signature of other words. */
  | 'altered'
  /** A right signature, ten minutes old. */
  | 'replayed'
  | 'unsigned';

const FORGERIES: readonly Signing[] = ['wrong-key', 'altered', 'replayed', 'unsigned'];

/**
 * How long a call's webhooks are spread over: much longer than a restart takes. Nobody can know of a
 * call of which nothing at all has come through.
 */
const SPREAD_MS = 15_000;

/**
 * `count` webhooks within `lengthMs`: every event of every story, some twice or more, and a tenth of
 * all forged. Those of a call are shuffled; calls overlap.
 */
export function planStorm(
  random: Random,
  stories: readonly Story[],
  { count, lengthMs }: { readonly count: number; readonly lengthMs: number },
): readonly Delivery[] {
  const forgedCount = Math.floor(count / 10);
  const spreadMs = Math.min(SPREAD_MS, lengthMs);
  const windows = stories.map(() => Math.round(random.next() * (lengthMs - spreadMs)));
  const timeIn = (index: number): number =>
    Math.round((windows[index] ?? 0) + random.next() * spreadMs);

  const deliveries: Delivery[] = [];
  const send = (index: number, eventIndex: number): void => {
    const story = stories[index];
    const event = story?.events[eventIndex];
    if (!story || !event) return;
    deliveries.push({
      atMs: timeIn(index),
      callId: story.callId,
      body: JSON.stringify(event.body),
      ...(event.recordFrom && { recordFrom: event.recordFrom }),
      sign: 'right',
    });
  };
  stories.forEach((story, index) => story.events.forEach((_, at) => send(index, at)));
  while (deliveries.length < count - forgedCount) {
    const index = random.int(0, stories.length - 1);
    send(index, random.int(0, (stories[index]?.events.length ?? 1) - 1));
  }
  for (let made = 0; made < forgedCount; made += 1) {
    const index = random.int(0, stories.length - 1);
    deliveries.push({
      atMs: timeIn(index),
      callId: stories[index]?.callId ?? '',
      body: JSON.stringify(forge(random, stories[index])),
      sign: FORGERIES[made % FORGERIES.length] ?? 'unsigned',
    });
  }
  return deliveries.toSorted((a, b) => a.atMs - b.atMs);
}

/** Would show, if it were believed: another end of the call, or a call that there is not. */
function forge(random: Random, story: Story | undefined): object {
  const isOfACall = story !== undefined && random.next() < 0.7;
  return {
    event: 'call_analyzed',
    event_timestamp: 9_999_999_999_999,
    call: {
      ...(isOfACall ? story.truth : {}),
      call_id: isOfACall ? story.callId : `call_forged_${random.int(0, 1e6)}`,
      end_timestamp: 9_999_999_999_999,
      disconnection_reason: 'scam_detected',
    },
  };
}
