import type { Clock } from '#lib/clock.ts';

/**
 * What can go wrong with one request to a vendor. A request is a unit of the vendor's work: one
 * Deepgram WebSocket, one OpenAI response, one Cartesia context.
 */
export type Fault =
  /** The key is wrong: 401. */
  | { readonly kind: 'refuse' }
  /** The account is out of money: 402, or 429 with the vendor's quota code. */
  | { readonly kind: 'quota' }
  /** Too many at once: 429. */
  | { readonly kind: 'limit' }
  /** The vendor is broken: 500 or 503, as it reports it. */
  | { readonly kind: 'server-error' }
  /** The connection is accepted and reset at once, without an answer. */
  | { readonly kind: 'reset' }
  /** The connection is accepted, then nothing ever comes: no message, no pong, no close. */
  | { readonly kind: 'half-open' }
  /** The first message comes `delayMs` late; those behind it wait, in order. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The connection is cut after this many messages of the request, without a farewell. */
  | { readonly kind: 'die'; readonly afterMessages: number }
  /** After this many messages of the request the vendor reports an error of its own and ends it. */
  | { readonly kind: 'fail'; readonly afterMessages: number }
  /** The n-th message of the request (from 1) is cut off in the middle: not JSON any more. */
  | { readonly kind: 'garble'; readonly message: number }
  /** The n-th message of the request (from 1) comes after the one that follows it. */
  | { readonly kind: 'reorder'; readonly message: number };

/** The vendor's port is closed: every connection is refused, those that were open are cut. */
export type Outage = { readonly kind: 'down' };

/** The faults of one vendor; changeable while it runs. */
export type Faults = {
  /**
   * In force from now on, for every connection and request, until changed; undefined: none.
   * `reset`, `half-open` and `down` hit what is open already, too. Resolves once it is in force.
   */
  set(fault: Fault | Outage | undefined): Promise<void>;
  /** For the n-th request from now, counting from 1, once; it goes before what was `set`. */
  plan(nth: number, fault: Fault): void;
  /** What is `set` now. */
  readonly standing: Fault | Outage | undefined;
  /** Asked by the vendor at the start of each request, which it counts. */
  take(): Fault | undefined;
  /** Told by the vendor's server of each change; returns how to stop being told. */
  subscribe(listener: (fault: Fault | Outage | undefined) => Promise<void>): () => void;
};

/** No faults at first. */
export function createFaults(): Faults {
  let standing: Fault | Outage | undefined;
  let taken = 0;
  const planned = new Map<number, Fault>();
  const listeners = new Set<(fault: Fault | Outage | undefined) => Promise<void>>();

  return {
    async set(fault) {
      standing = fault;
      await Promise.all([...listeners].map((listener) => listener(fault)));
    },
    plan(nth, fault) {
      if (!Number.isInteger(nth) || nth < 1)
        throw new RangeError(`a fault is planned for request 1 or later, not ${nth}`);
      planned.set(taken + nth, fault);
    },
    get standing() {
      return standing;
    },
    take() {
      taken += 1;
      const fault = planned.get(taken);
      planned.delete(taken);
      if (fault) return fault;
      return standing?.kind === 'down' ? undefined : standing;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** Where the messages of one request go, and what can be done to their line. */
export type Line = {
  deliver(frame: string): void;
  /** Cuts the connection. */
  kill(): void;
  /** Nothing more is delivered, and the connection stays open. */
  silence(): void;
  /** The vendor's own way to report that it failed in the middle; it ends the request. */
  fail(): void;
};

/** A sender of one request's messages that suffers `fault`. Faults that refuse a request are not its business. */
export function faultySender(
  fault: Fault | undefined,
  line: Line,
  clock: Clock,
): (frame: string) => void {
  if (!fault) return (frame) => line.deliver(frame);
  let sent = 0;
  let over = false;
  let held: string | undefined;
  let late: string[] | undefined;

  return (frame) => {
    if (over) return;
    sent += 1;
    switch (fault.kind) {
      case 'slow':
        if (sent === 1) {
          late = [frame];
          clock.after(fault.delayMs, () => {
            const waiting = late ?? [];
            late = undefined;
            for (const one of waiting) line.deliver(one);
          });
        } else if (late) late.push(frame);
        else line.deliver(frame);
        return;
      case 'die':
      case 'fail':
        if (sent <= fault.afterMessages) line.deliver(frame);
        if (sent < fault.afterMessages) return;
        over = true;
        if (fault.kind === 'die') line.kill();
        else line.fail();
        return;
      case 'garble':
        line.deliver(sent === fault.message ? frame.slice(0, Math.floor(frame.length / 2)) : frame);
        return;
      case 'reorder':
        if (sent === fault.message) held = frame;
        else {
          line.deliver(frame);
          if (held !== undefined) line.deliver(held);
          held = undefined;
        }
        return;
      case 'half-open':
        over = true;
        line.silence();
        return;
      default:
        line.deliver(frame);
    }
  };
}
