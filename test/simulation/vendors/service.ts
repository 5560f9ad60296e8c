import { failureMaker } from '#contracts/vendor-failure.ts';
import type { FailureCode, Role, VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { faultySender } from '#sandbox/faults.ts';
import type { Fault, Faults, Outage } from '#sandbox/faults.ts';

/**
 * A vendor's service in memory: connections that take time, keys that are checked, messages that are
 * numbered, and the faults of the sandbox. What is said on a connection is its role's business.
 */
export type MemoryService = {
  readonly name: string;
  readonly role: Role;
  /** One request. `on` is told of each message, or of the failure, which is the last. */
  connect<Message>(options: {
    readonly apiKey: string;
    readonly on: (message: Message) => void;
    readonly onOpen: () => void;
    readonly onFailed: (failure: VendorFailure) => void;
  }): Connection<Message>;
  /** The answer to the cheapest request with a key. */
  check(apiKey: string): VendorFailure | undefined;
  /** Drops every connection without a word to either side, as when the process at the other end was killed. */
  drop(): void;
  readonly openConnections: number;
  /** The most that were open at once. */
  readonly mostConnections: number;
};

export type Connection<Message> = {
  /** From the service to its client; lost if the connection is. */
  send(message: Message): void;
  /** Whether the other end is still there to hear and to answer. */
  readonly isAlive: boolean;
  close(): void;
};

export type ServiceOptions = {
  readonly name: string;
  readonly role: Role;
  readonly apiKey: string;
  /** The service's own clock. */
  readonly clock: Clock;
  readonly faults: Faults;
  readonly connectMs: () => number;
};

const FAILS: Readonly<Partial<Record<Fault['kind'], readonly [FailureCode, string]>>> = {
  refuse: ['refused', 'refuses the key'],
  quota: ['quota', 'is out of quota'],
  limit: ['limited', 'takes no more requests'],
  'server-error': ['unreachable', 'answered HTTP 503'],
  reset: ['unreachable', 'reset the connection'],
};

type Open = { befall(fault: Fault | Outage | undefined): void; drop(): void };

export function createMemoryService(options: ServiceOptions): MemoryService {
  const { name, role, clock, faults } = options;
  const open = new Set<Open>();
  let mostConnections = 0;
  const failureOf = (apiKey: string, code: FailureCode, what: string): VendorFailure =>
    failureMaker(name, role, apiKey).of(code, `${name} ${what}`);
  faults.subscribe((fault) => {
    for (const one of open) one.befall(fault);
    return Promise.resolve();
  });

  const refusal = (apiKey: string, fault: Fault | undefined): VendorFailure | undefined => {
    if (faults.standing?.kind === 'down')
      return failureOf(apiKey, 'unreachable', 'cannot be reached');
    if (apiKey !== options.apiKey) return failureOf(apiKey, 'refused', 'refuses the key');
    const fails = fault && FAILS[fault.kind];
    return fails && failureOf(apiKey, ...fails);
  };

  return {
    name,
    role,
    get openConnections() {
      return open.size;
    },
    get mostConnections() {
      return mostConnections;
    },
    drop() {
      for (const one of open) one.drop();
    },
    check: (apiKey) => refusal(apiKey, undefined),
    connect<Message>({
      apiKey,
      on,
      onOpen,
      onFailed,
    }: Parameters<MemoryService['connect']>[0] & {
      readonly on: (message: Message) => void;
    }): Connection<Message> {
      let state: 'connecting' | 'open' | 'silent' | 'over' = 'connecting';
      const messages = new Map<number, Message>();
      let numbered = 0;
      let expected = 1;
      let cancelOpening: Cancel = () => undefined;

      const end = (): void => {
        state = 'over';
        cancelOpening();
        messages.clear();
        open.delete(self);
      };
      const fail = (code: FailureCode, what: string): void => {
        if (state === 'over') return;
        end();
        onFailed(failureOf(apiKey, code, what));
      };
      const deliver = (frame: string): void => {
        if (state !== 'open') return;
        const [, digits] = /^<(\d+)>$/.exec(frame) ?? [];
        const number = Number(digits);
        // Numbers show what came in the wrong order.
        if (number !== expected) return fail('garbled', 'sent what is not in its protocol');
        expected++;
        const message = messages.get(number);
        messages.delete(number);
        if (message !== undefined) on(message);
      };

      const fault = faults.take();
      const transmit = faultySender(
        fault,
        {
          deliver,
          kill: () => fail('closed', 'closed the connection'),
          silence: () => void (state = 'silent'),
          fail: () => fail('unreachable', 'reported a fault of its own'),
        },
        clock,
      );
      const self: Open = {
        drop: end,
        befall(next) {
          if (state === 'over') return;
          if (next?.kind === 'down' || next?.kind === 'reset')
            fail(state === 'connecting' ? 'unreachable' : 'closed', 'closed the connection');
          else if (next?.kind === 'half-open') state = 'silent';
        },
      };
      open.add(self);
      mostConnections = Math.max(mostConnections, open.size);
      cancelOpening = clock.after(options.connectMs(), () => {
        const refused = refusal(apiKey, fault);
        if (refused) {
          if (state === 'over') return;
          end();
          return onFailed(refused);
        }
        if (fault?.kind === 'half-open') state = 'silent';
        if (state !== 'connecting') return;
        state = 'open';
        onOpen();
      });
      return {
        get isAlive() {
          return state === 'open';
        },
        send(message) {
          if (state !== 'open') return;
          numbered += 1;
          messages.set(numbered, message);
          transmit(`<${numbered}>`);
        },
        close: end,
      };
    },
  };
}
