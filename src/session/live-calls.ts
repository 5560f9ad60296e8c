import type { LineAudio } from '#audio/format.ts';
import type {
  AnswerCall,
  AnswerWordedCall,
  IncomingCall,
  IncomingWordedCall,
  TransferAtCarrier,
} from '#contracts/incoming-call.ts';
import type { LiveCalls } from '#contracts/live-calls.ts';
import type { VoiceActivity } from '#contracts/voice-activity.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { secretPlaces } from '#protocol/agent-secrets.ts';
import type { AgentSecrets } from '#protocol/agent-secrets.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Secrets, Store } from '#store/store.ts';
import { createEventBus } from './event-bus.ts';
import { createLevelWatch } from './level-watch.ts';
import { createRecorder } from './recorder.ts';
import type { CallRecorder, LeavingRecorder, Recorder } from './recorder.ts';
import type { Session } from './leader.ts';
import { startSession } from './session.ts';
import { refuseInWords } from './refuse-in-words.ts';
import { refuseWithApology } from './refuse-with-apology.ts';
import type { Toolbox } from './tools/toolbox.ts';
import type { VendorPool } from './vendor-pool.ts';
import { createVoiceMeter } from './voice-meter.ts';
import type { VoiceMeter } from './voice-meter.ts';
import { createWaitingRoom } from './waiting-room.ts';
import { startWordedSession } from './worded/worded-session.ts';

/** After a goodbye that nobody ends, a call is given up. A farewell may take 30 s, storing it 5. */
const END_LIMIT_MS = 40_000;

type Brain = {
  readonly agent: AgentConfig;
  readonly secrets: Secrets;
  readonly agentSecrets: AgentSecrets;
};
type Started = { readonly session: Session; readonly meter?: VoiceMeter; release(): void };

type Entry = {
  readonly instanceId: string;
  readonly session: Session;
  readonly meter?: VoiceMeter;
};
type Writing = { readonly instanceId: string; readonly recorder: CallRecorder };

/** Every call of this node. */
export type CallFloor = LiveCalls & {
  readonly answer: AnswerCall;
  readonly answerWorded: AnswerWordedCall;
  /**
   * A call is about to come: connect to the vendors while the carrier connects its sound. `audio`: what
   * its line will carry; absent: a telephone's.
   */
  prepare(tenantId: string, instanceId: string, audio?: LineAudio): void;
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
  const bus = createEventBus({ log, clock });
  const waitingRoom = createWaitingRoom(vendorPool, clock);
  const entries = new Map<string, Entry>();
  const starting = new Set<Promise<void>>();
  /** Of every call that is not stored to its end. */
  const recorders = new Set<Writing>();
  const levels = createLevelWatch(clock, (instanceId) =>
    [...entries].flatMap(([callId, { instanceId: of, meter }]) =>
      of === instanceId && meter ? [[callId, meter] as const] : [],
    ),
  );

  const brainOf = async (tenantId: string, instanceId: string): Promise<Brain> => {
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

  const warm = async (
    tenantId: string,
    instanceId: string,
    audio: LineAudio | undefined,
  ): Promise<void> => {
    const { agent, secrets } = await brainOf(tenantId, instanceId);
    waitingRoom.prepare(agent, secrets, { tenantId, instanceId }, audio);
  };

  type AnyCall = IncomingCall | IncomingWordedCall;

  /** What a session of either kind is made of. */
  const sessionParts = (call: AnyCall, brain: Brain, transfer?: TransferAtCarrier) => ({
    callId: call.callId,
    callerPhone: call.callerPhone,
    agent: brain.agent,
    clock,
    log,
    hangUpAtCarrier: call.hangUpAtCarrier,
    publish: (event: LiveEvent) => bus.publish(call.instanceId, event),
    ...(toolbox && {
      openTools: toolbox.of({
        agent: brain.agent,
        secrets: brain.agentSecrets,
        transfer,
        ...('callTool' in call.transport && { callTool: call.transport.callTool }),
      }),
    }),
  });

  const startSounding = (call: IncomingCall, brain: Brain, recorder: LeavingRecorder): Started => {
    const vendors = waitingRoom.take(brain.agent, brain.secrets, call, call.transport.audio);
    const meter = createVoiceMeter(clock);
    const started = orRelease(vendors.release, () =>
      startSession({
        ...sessionParts(call, brain, call.transferAtCarrier),
        transport: meter.over(call.transport),
        ...vendors.set,
        voiceActivity,
        recorder,
      }),
    );
    return { ...started, meter };
  };

  const startWorded = (
    call: IncomingWordedCall,
    brain: Brain,
    recorder: LeavingRecorder,
  ): Started => {
    const { model, release } = vendorPool.acquireModel(brain.agent, brain.secrets, call);
    return orRelease(release, () =>
      startWordedSession({
        ...sessionParts(call, brain),
        transport: call.transport,
        model,
        recorder,
        ...(call.before && { before: call.before }),
      }),
    );
  };

  const begin = <Call extends AnyCall>(
    call: Call,
    start: (call: Call, brain: Brain, recorder: LeavingRecorder) => Started,
    refuse: (call: Call, recorder: Recorder, clock: Clock, why: string) => Promise<void>,
  ): void => {
    const { tenantId, instanceId, callId } = call;
    const recorder = createRecorder({ store, tenantId, callId, clock, log });
    const writing = { instanceId, recorder };
    recorders.add(writing);
    const over = async (): Promise<void> => {
      await recorder.settled();
      recorders.delete(writing);
    };
    const work = async (): Promise<void> => {
      try {
        const brain = await brainOf(tenantId, instanceId);
        const { release, ...started } = start(call, brain, recorder);
        entries.set(callId, { instanceId, ...started });
        void started.session.ended.finally(() => {
          entries.delete(callId);
          release();
          void over();
        });
      } catch (error) {
        log.error({ callId, error: messageOf(error) }, 'a call could not begin');
        await refuse(call, recorder, clock, messageOf(error)).finally(() => void over());
      }
    };
    const started = work();
    starting.add(started);
    void started.finally(() => starting.delete(started));
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
    answer: (call) => begin(call, startSounding, refuseWithApology),
    answerWorded: (call) => begin(call, startWorded, refuseInWords),
    prepare(tenantId, instanceId, audio) {
      void warm(tenantId, instanceId, audio).catch((error: unknown) =>
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
    say(callId, text) {
      const entry = entries.get(callId);
      entry?.session.say(text);
      return entry !== undefined;
    },
    hangUp(callId) {
      const entry = entries.get(callId);
      entry?.session.hangUp('api_hangup');
      return entry !== undefined;
    },
    ...bus,
    async settled(instanceId) {
      const of = [...recorders].filter((one) => one.instanceId === instanceId);
      await Promise.all(of.map(({ recorder }) => recorder.settled()));
    },
    watchLevels: (instanceId, on) => levels.watch(instanceId, on),
    async drain(limitMs) {
      await Promise.all(starting);
      await within(clock, limitMs, Promise.all(sessionsOf().map((session) => session.ended)));
      await endEach(sessionsOf(), 'shutdown');
      waitingRoom.close();
    },
  };
}

/** What was acquired for a session that cannot start is given back at once. */
function orRelease(release: () => void, start: () => Session): Started {
  try {
    return { session: start(), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Resolves with the work or after the limit, whichever is first. */
async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  await Promise.race([work, clock.sleep(limitMs, stop.signal).catch(() => undefined)]);
  stop.abort();
}
