import type { Cancel, Clock } from '#lib/clock.ts';
import { VoiceError } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { CarrierCall } from '#store/provider-call-store.ts';
import type { Store } from '#store/store.ts';
import { decideCall, liveEventsOf } from './carried-call.ts';
import { fetchedEvent, lostEvent } from './retell/events.ts';
import type { RetellEvent } from './retell/events.ts';

/** What the provider says of a call when it is asked. */
export type ProviderAnswer =
  | { readonly kind: 'found'; readonly call: JsonRecord }
  /** The provider does not have it (any more). */
  | { readonly kind: 'not-found' }
  /** There is nobody to ask: the channel or its key is gone. */
  | { readonly kind: 'no-channel' }
  /** Later perhaps. */
  | { readonly kind: 'unreachable'; readonly message: string };

export type ProviderEventWorkerParts = {
  readonly store: Pick<Store, 'providerCalls'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeId: string;
  /** Asks the provider for a call. Rejects only where the database is away. */
  readonly ask: (call: CarrierCall) => Promise<ProviderAnswer>;
  readonly publish: (instanceId: string, event: LiveEvent) => void;
  /** Whether a session of this node leads the call, and so tells of it by itself. */
  readonly hasSession: (instanceId: string, callId: string) => boolean;
  /** After so long without a word of a live call its provider is asked. */
  readonly silenceMs: number;
};

/**
 * Makes records of what a provider tells of its calls: events are stored at once and folded
 * afterwards, by this node right away, by another one if this node dies. Calls that nothing is heard
 * of are asked about, because what a provider tells may get lost for good.
 */
export type ProviderEventWorker = {
  /** Resolves when the event is stored, which is when the provider may forget it. */
  take(call: Omit<CarrierCall, 'carrierCallId'>, event: RetellEvent): Promise<void>;
  /** Looks for what is left to do, now and from then on. */
  start(): void;
  /** Does all that is due now. For tests. */
  runDue(): Promise<void>;
  /** Resolves when what is under way has ended; nothing is begun after that. */
  stop(): Promise<void>;
};

const POLL_MS = 2_000;
/** So long an event is this node's to fold. */
const FOLD_LEASE_MS = 5_000;
/** After a failure; the database was away, or the call has to be looked at by a person. */
const FOLD_AGAIN_MS = 30_000;
/** Folds at the same time: on a database server they wait for the network more than for each other. */
const AT_ONCE = 2;
/** The provider waits for its events to be stored: folds let those go first, but not for longer. */
const FOLD_WAIT_MAX_MS = 500;
const DUE_MAX = 100;
const CHECKS_AT_ONCE = 8;
/** Retell lets no call last longer than two hours; ringing and queues are short beside that. */
const LONGEST_CALL_MS = 3 * 3_600_000;

type Waiting = {
  readonly call: CarrierCall;
  readonly sinceMs: number;
  readonly folded: PromiseWithResolvers<void>;
};

export function createProviderEventWorker(parts: ProviderEventWorkerParts): ProviderEventWorker {
  const { store, clock, log, silenceMs } = parts;
  /** Calls with something to fold; one is never folded twice at a time in this node. */
  const waiting = new Map<string, Waiting>();
  const folding = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let adding = 0;
  let looking: Promise<void> | undefined;
  let cancelPoll: Cancel = () => undefined;

  const now = (): Date => new Date(clock.now());

  const add = async (
    of: Omit<CarrierCall, 'carrierCallId'>,
    { callId, ...event }: RetellEvent,
  ): Promise<CarrierCall> => {
    const call = { ...of, carrierCallId: callId };
    const foldBy = new Date(clock.now() + FOLD_LEASE_MS);
    adding += 1;
    try {
      await store.providerCalls.add({ ...call, ...event, receivedAt: now() }, foldBy);
    } finally {
      adding -= 1;
      foldWaiting();
    }
    return call;
  };

  const fold = async (call: CarrierCall): Promise<void> => {
    const { instanceId } = call;
    try {
      const folded = await store.providerCalls.fold(call, parts.nodeId, (events, stored) =>
        decideCall(events, stored, { nowMs: clock.now(), silenceMs }),
      );
      if (!folded) return;
      const hasSession = parts.hasSession(instanceId, folded.callId);
      for (const event of liveEventsOf(folded, clock.now(), hasSession))
        parts.publish(instanceId, event);
    } catch (error) {
      log.error({ instanceId, ...faultOf(error) }, 'what a provider told could not be folded yet');
      const foldBy = new Date(clock.now() + FOLD_AGAIN_MS);
      // Where this fails as well, the event is still due.
      await store.providerCalls.putOff(call, foldBy).catch(() => undefined);
    }
  };

  const foldWaiting = (): void => {
    for (const [key, { call, sinceMs, folded }] of waiting) {
      if (folding.size >= AT_ONCE || stopping.signal.aborted) return;
      if (adding > 0 && clock.now() - sinceMs < FOLD_WAIT_MAX_MS) return;
      if (folding.has(key)) continue;
      waiting.delete(key);
      const done = fold(call).finally(() => {
        folding.delete(key);
        folded.resolve();
        foldWaiting();
      });
      folding.set(key, done);
    }
  };

  /** Resolves once all that is stored of the call by now is folded, or is left to another time. */
  const foldSoon = async (call: CarrierCall): Promise<void> => {
    if (stopping.signal.aborted) return;
    const key = JSON.stringify([call.tenantId, call.instanceId, call.carrierCallId]);
    const mine = waiting.get(key) ?? {
      call,
      sinceMs: clock.now(),
      folded: Promise.withResolvers<void>(),
    };
    waiting.set(key, mine);
    foldWaiting();
    await mine.folded.promise;
  };

  const foldDue = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const calls = await store.providerCalls.due(now(), DUE_MAX);
      await Promise.all(calls.map(foldSoon));
      if (calls.length < DUE_MAX) return;
    }
  };

  const check = async (call: CarrierCall & { readonly startedAt: Date }): Promise<void> => {
    const { instanceId, carrierCallId } = call;
    const answer = await parts.ask(call);
    const event = eventOf(answer, call, clock.now());
    if (event) await add(call, event);
    else log.info({ instanceId, answer: answer.kind }, 'a provider could not be asked of a call');
    log.debug({ instanceId, carrierCallId, answer: answer.kind }, 'asked for a silent call');
    // Also without anything new: it settles when to ask again, or never again.
    await foldSoon(call);
  };

  const checkDue = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const due = await store.providerCalls.claimChecks(now(), silenceMs, CHECKS_AT_ONCE);
      await Promise.all(
        due.map((call) =>
          check(call).catch((error: unknown) =>
            log.error({ instanceId: call.instanceId, ...faultOf(error) }, 'a check failed'),
          ),
        ),
      );
      if (due.length < CHECKS_AT_ONCE) return;
    }
  };

  const runDue = async (): Promise<void> => {
    await foldDue();
    await checkDue();
  };

  const look = (): void => {
    if (stopping.signal.aborted) return;
    looking = runDue()
      .catch(() => log.warn({}, 'the events of providers cannot be read; trying again'))
      .finally(() => {
        looking = undefined;
        if (!stopping.signal.aborted) cancelPoll = clock.after(POLL_MS, look);
      });
  };

  return {
    async take(of, event) {
      void foldSoon(await add(of, event));
    },
    start() {
      if (!looking) look();
    },
    runDue,
    async stop() {
      stopping.abort();
      cancelPoll();
      // What is not begun by now, another node does; or this one, when it is back.
      for (const { folded } of waiting.values()) folded.resolve();
      waiting.clear();
      await looking;
      await Promise.all(folding.values());
    },
  };
}

/** What an answer tells of a call; undefined: nothing yet. */
function eventOf(
  answer: ProviderAnswer,
  { carrierCallId, startedAt }: CarrierCall & { readonly startedAt: Date },
  nowMs: number,
): RetellEvent | undefined {
  const lost = (reason: 'transport_lost' | 'channel_removed', detail: string): RetellEvent =>
    lostEvent(carrierCallId, { reason, detail }, nowMs);
  switch (answer.kind) {
    case 'found':
      return fetchedEvent(carrierCallId, answer.call, nowMs);
    case 'not-found':
      return lost('transport_lost', 'Retell does not have this call.');
    case 'no-channel':
      return lost('channel_removed', 'The channel was removed before Retell told of the end.');
    case 'unreachable':
      return nowMs - startedAt.getTime() > LONGEST_CALL_MS
        ? lost('transport_lost', 'Retell told of no end, and could not be asked.')
        : undefined;
  }
}

/** Never a message: a driver's may hold what it was given. */
const faultOf = (error: unknown): object => ({
  fault: error instanceof Error ? error.name : typeof error,
  code: error instanceof VoiceError ? error.code : undefined,
  stack: (error instanceof Error ? (error.stack ?? '') : '')
    .split('\n')
    .filter((line) => /^\s+at .*:\d+\)?$/.test(line)),
});
