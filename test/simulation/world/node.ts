import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { registerHooks } from '#api/hooks.ts';
import type { VendorSpec } from '#contracts/vendor-spec.ts';
import type { Log } from '#lib/log.ts';
import { newUuid } from '#lib/ids.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { Random } from '#sandbox/lib/random.ts';
import { createCallFloor } from '#session/live-calls.ts';
import type { CallFloor } from '#session/live-calls.ts';
import { createVendorPool } from '#session/vendor-pool.ts';
import type { Store } from '#store/store.ts';
import { memoryVoiceActivity } from '../vendors/voice-activity.ts';
import type { SimulationClock } from './simulation-clock.ts';
import { viewOf } from './simulation-clock.ts';
import { simulatedToolbox } from './tools.ts';
import { troubledStore } from './troubled-store.ts';
import type { StoreFault } from './troubled-store.ts';

export const PUBLIC_URL = 'https://voice.example.test';
const HEARTBEAT_MS = 5_000;
const DEAD_AFTER_MS = 20_000;

/** One node: the parts of the product, joined as its composition root joins them. */
export type SimulatedNode = {
  readonly app: FastifyInstance;
  readonly floor: CallFloor;
  /** Takes no new calls, lets live ones finish, then ends. */
  drain(limitMs: number): Promise<void>;
  /** As `kill -9`: no timer of it fires any more, nothing it asked is answered. */
  kill(): void;
  /** What it holds: timers, streams of voice activity, calls. */
  held(): { readonly timers: number; readonly voiceActivity: number; readonly calls: number };
};

export async function startNode(parts: {
  readonly clock: SimulationClock;
  readonly store: Store;
  readonly storeFault: (request: string) => StoreFault | undefined;
  readonly storeLatencyMs: () => number;
  readonly specs: readonly VendorSpec[];
  readonly restUrl: string;
  readonly random: Random;
  readonly log: Log;
  readonly instanceId: string;
  readonly on: (event: LiveEvent) => void;
}): Promise<SimulatedNode> {
  const { log, instanceId } = parts;
  const clock = viewOf(parts.clock);
  const nodeId = newUuid();
  let state: 'ready' | 'draining' | 'closed' | 'dead' = 'ready';
  const store = troubledStore(parts.store, {
    clock,
    hold: parts.clock.hold,
    faultOf: (request) => (state === 'dead' ? { kind: 'dead' } : parts.storeFault(request)),
    latencyMs: parts.storeLatencyMs,
  });
  const voiceActivity = memoryVoiceActivity();
  const vendorPool = createVendorPool({ vendors: parts.specs, urls: {}, clock, log });
  const toolbox = simulatedToolbox(clock, log, parts.random);
  const floor = createCallFloor({ store, vendorPool, toolbox, voiceActivity, clock, log });
  floor.subscribe(instanceId, (event) => {
    // What a dead process still does here, nobody could see.
    if (state !== 'dead') parts.on(event);
  });

  const app = Fastify();
  registerHooks(app, {
    store,
    clock,
    log,
    publicUrl: PUBLIC_URL,
    twilioUrl: parts.restUrl,
    nodeId,
    ready: () => state === 'ready',
    hasRoom: () => true,
    // The REST API is a socket of the operating system: time waits for it.
    answer: (call) =>
      floor.answer({
        ...call,
        hangUpAtCarrier: () => parts.clock.hold(call.hangUpAtCarrier()),
        ...(call.transferAtCarrier && {
          transferAtCarrier: (phoneNumber: string) =>
            parts.clock.hold(call.transferAtCarrier?.(phoneNumber) ?? Promise.reject(new Error())),
        }),
      }),
    prepare: floor.prepare,
  });
  await app.ready();

  const stopping = new AbortController();
  const beat = async (): Promise<void> => {
    await store.nodes.heartbeat(nodeId, new Date(clock.now()));
    await store.nodes.sweep(new Date(clock.now() - DEAD_AFTER_MS), new Date(clock.now()));
  };
  await parts.store.nodes.heartbeat(nodeId, new Date(clock.now()));
  const keepBeating = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, stopping.signal).catch(() => undefined);
      if (!stopping.signal.aborted) await beat().catch(() => undefined);
    }
  };
  void keepBeating();

  return {
    app,
    floor,
    async drain(limitMs) {
      if (state !== 'ready') return;
      state = 'draining';
      await floor.drain(limitMs);
      stopping.abort();
      await parts.clock.hold(app.close());
      await store.nodes.leave(nodeId).catch(() => undefined);
      vendorPool.close();
      state = 'closed';
    },
    kill() {
      state = 'dead';
      clock.stop();
    },
    held: () => ({
      timers: clock.pending,
      voiceActivity: voiceActivity.openStreams,
      calls: floor.count(),
    }),
  };
}
