import type { AnswerCall, IncomingCall } from '#contracts/incoming-call.ts';
import type { LiveCalls } from '#contracts/live-calls.ts';
import type { VoiceActivity } from '#contracts/voice-activity.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import { secretPlaces } from '#protocol/agent-secrets.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Store } from '#store/store.ts';
import { createEventBus } from './event-bus.ts';
import { createRecorder } from './recorder.ts';
import type { Session } from './leader.ts';
import { startSession } from './session.ts';
import { refuseWithApology } from './refuse-with-apology.ts';
import type { Toolbox } from './tools/toolbox.ts';
import type { VendorPool } from './vendor-pool.ts';
import { createWaitingRoom } from './waiting-room.ts';

/** After a goodbye that nobody ends, a call is given up. A farewell may take 30 s, storing it 5. */
const END_LIMIT_MS = 40_000;

type Entry = { readonly instanceId: string; readonly session: Session };

/** Every call of this node. */
export type CallFloor = LiveCalls & {
  readonly answer: AnswerCall;
  /** A call is about to come: connect to the vendors while the carrier connects its sound. */
  prepare(tenantId: string, instanceId: string): void;
  /** Tells those who watch an instance of a call that no session of this node carries. */
  publish(instanceId: string, event: LiveEvent): void;
  /** Lets calls finish for `limitMs`, then says goodbye to the rest. Resolves when none is left. */
  drain(limitMs: number): Promise<void>;
};

export function createCallFloor(parts: {
  readonly store: Store;
  readonly vendorPool: VendorPool;
  /** Absent: agents have the tools that need nothing but the line. */
  readonly toolbox?: Pick<Toolbox, 'of'>;
  readonly voiceActivity: VoiceActivity;
  readonly clock: Clock;
  readonly log: Log;
}): CallFloor {
  const { store, vendorPool, toolbox, voiceActivity, clock, log } = parts;
  const bus = createEventBus(log);
  const waitingRoom = createWaitingRoom(vendorPool, clock);
  const entries = new Map<string, Entry>();
  const starting = new Set<Promise<void>>();

  const brainOf = async (tenantId: string, instanceId: string) => {
    const [instance, secrets] = await Promise.all([
      store.instances.get(tenantId, instanceId),
      store.channels.secrets(tenantId, instanceId),
    ]);
    if (!instance) throw new Error('the instance is gone');
    const agent = instance.agentConfig;
    const hasSecrets = secretPlaces(agent).length > 0;
    const agentSecrets = hasSecrets ? await store.instances.agentSecrets(tenantId, instanceId) : {};
    return { agent, secrets, agentSecrets };
  };

  const warm = async (tenantId: string, instanceId: string): Promise<void> => {
    const { agent, secrets } = await brainOf(tenantId, instanceId);
    waitingRoom.prepare(agent, secrets, { tenantId, instanceId });
  };

  const begin = async (call: IncomingCall): Promise<void> => {
    const { tenantId, instanceId, callId, transport } = call;
    const recorder = createRecorder({ store, tenantId, callId, clock, log });
    let release: (() => void) | undefined;
    try {
      const { agent, secrets, agentSecrets } = await brainOf(tenantId, instanceId);
      const vendors = waitingRoom.take(agent, secrets, { tenantId, instanceId });
      const transfer = call.transferAtCarrier;
      release = vendors.release;
      const session = startSession({
        callId,
        callerPhone: call.callerPhone,
        agent,
        transport,
        ...vendors.set,
        voiceActivity,
        recorder,
        clock,
        log,
        hangUpAtCarrier: call.hangUpAtCarrier,
        publish: (event) => bus.publish(instanceId, event),
        ...(toolbox && { openTools: toolbox.of({ agent, secrets: agentSecrets, transfer }) }),
      });
      entries.set(callId, { instanceId, session });
      void session.ended.finally(() => {
        entries.delete(callId);
        vendors.release();
      });
    } catch (error) {
      release?.();
      log.error({ callId, error: messageOf(error) }, 'a call could not begin');
      await refuseWithApology(call, recorder, clock, messageOf(error));
    }
  };

  const endEach = async (of: readonly Session[], reason: EndReason): Promise<void> => {
    for (const session of of) session.hangUp(reason);
    await within(clock, END_LIMIT_MS, Promise.all(of.map((session) => session.ended)));
  };

  const sessionsOf = (instanceId?: string): readonly Session[] =>
    [...entries.values()]
      .filter((entry) => instanceId === undefined || entry.instanceId === instanceId)
      .map((entry) => entry.session);

  return {
    answer(call) {
      const started = begin(call);
      starting.add(started);
      void started.finally(() => starting.delete(started));
    },
    prepare(tenantId, instanceId) {
      void warm(tenantId, instanceId).catch((error: unknown) =>
        log.warn({ instanceId, error: messageOf(error) }, 'vendors could not be warmed up'),
      );
    },
    list: (instanceId) =>
      [...entries].flatMap(([callId, { instanceId: of, session }]) =>
        of === instanceId ? [{ callId, state: session.state, turnCount: session.turnCount }] : [],
      ),
    count: () => entries.size + starting.size,
    async endAll(instanceId, reason) {
      // One that is being connected would otherwise outlive its channel.
      await Promise.all(starting);
      await endEach(sessionsOf(instanceId), reason);
    },
    hangUp(callId) {
      const entry = entries.get(callId);
      entry?.session.hangUp('api_hangup');
      return entry !== undefined;
    },
    subscribe: (instanceId, on) => bus.subscribe(instanceId, on),
    publish: (instanceId, event) => bus.publish(instanceId, event),
    async drain(limitMs) {
      await Promise.all(starting);
      await within(clock, limitMs, Promise.all(sessionsOf().map((session) => session.ended)));
      await endEach(sessionsOf(), 'shutdown');
      waitingRoom.close();
    },
  };
}

/** Resolves with the work or after the limit, whichever is first. */
async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  await Promise.race([work, clock.sleep(limitMs, stop.signal).catch(() => undefined)]);
  stop.abort();
}
