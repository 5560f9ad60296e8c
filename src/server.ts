import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Logger } from 'pino';
import { createApi } from '#api/api.ts';
import { registerHooks } from '#api/hooks.ts';
import { createBrowserCalls } from '#api/rtvi.ts';
import type { CheckKeys, Provider } from '#contracts/provider.ts';
import type { Role } from '#contracts/vendor.ts';
import type { VoiceActivity } from '#contracts/voice-activity.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { newUuid } from '#lib/ids.ts';
import type { ProviderName } from '#protocol/voice-channel.ts';
import { createAskProvider } from '#providers/ask-provider.ts';
import { degradeChannel } from '#providers/degrade-channel.ts';
import { withHostedCalls } from '#providers/hosted-calls.ts';
import { createKeyedLock } from '#providers/keyed-lock.ts';
import { createPipecatProvider } from '#providers/pipecat/provider.ts';
import { createProviderEventWorker } from '#providers/provider-event-worker.ts';
import { createRetellProvider } from '#providers/retell/provider.ts';
import { createWiringWorker } from '#providers/wiring-worker.ts';
import { createCallFloor } from '#session/live-calls.ts';
import { tellingEnds } from '#session/told-ends.ts';
import { createToolbox } from '#session/tools/toolbox.ts';
import { createVendorPool } from '#session/vendor-pool.ts';
import type { Store } from '#store/store.ts';
import { vendors } from '#vendors/index.ts';
import type { Config } from './config.ts';

/** A node says this often that it lives, and is taken for dead after a few times of silence. */
const HEARTBEAT_MS = 5_000;
const DEAD_AFTER_MS = 20_000;

/** One node. */
export type Server = {
  /** Resolves with the port once it listens. Rejects, for example when the port is in use. */
  listen(): Promise<number>;
  /** Takes no new calls, lets live ones finish within the configured time, then ends. */
  close(): Promise<void>;
};

/** The only place where parts meet. Takes the store over: `close` closes it. */
export async function createServer(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly voiceActivity: VoiceActivity;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Server> {
  const { config, store, voiceActivity, clock, log } = parts;
  const { publicUrl, twilioUrl } = config;
  const nodeId = newUuid();
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const ready = (): boolean => state === 'ready';

  const lock = createKeyedLock();
  const vendorPool = createVendorPool({
    vendors,
    urls: config.vendorUrls,
    clock,
    log,
    onKeyFault({ tenantId, instanceId, field, failure }) {
      log.warn({ instanceId, field, code: failure.code }, 'a vendor refuses a key');
      const { message } = failure;
      degradeChannel({ store, clock, lock }, tenantId, instanceId, { field, message }).catch(
        (error: unknown) => log.error({ instanceId, error: messageOf(error) }, 'not yet degraded'),
      );
    },
  });
  const toolbox = createToolbox({ allowPrivate: config.toolAllowPrivate, clock, log });
  const floor = createCallFloor({ store, vendorPool, toolbox, voiceActivity, clock, log });
  const toldStore = tellingEnds(store, { publish: floor.publish, log });
  const vendorKeys = keysByRole();
  const checkKeys: CheckKeys = async ({ tenantId, instanceId }, secrets) => {
    const instance = await store.instances.get(tenantId, instanceId);
    return instance ? vendorPool.check(instance.agentConfig, secrets) : [];
  };
  const providers: Readonly<Record<ProviderName, Provider>> = {
    pipecat: createPipecatProvider({ publicUrl, twilioUrl, clock, log, vendorKeys, checkKeys }),
    retell: createRetellProvider({
      publicUrl,
      retellUrl: config.retellUrl,
      twilioUrl,
      clock,
      log,
      languageModelKeys: vendorKeys['language-model'],
      checkKeys,
      readBrain: ({ tenantId, instanceId }) => store.instances.get(tenantId, instanceId),
    }),
  };
  const wiring = createWiringWorker({ store, clock, log, providers, lock, random: Math.random });
  const events = createProviderEventWorker({
    store,
    clock,
    log,
    nodeId,
    ask: createAskProvider({ store, retellUrl: config.retellUrl, clock }),
    publish: floor.publish,
    hasSession: (instanceId, callId) =>
      floor.list(instanceId).some((call) => call.callId === callId),
    silenceMs: config.retellSilenceMs,
  });
  const hasRoom = (): boolean => floor.count() < config.maxCalls;
  const browserCalls = createBrowserCalls({
    store: toldStore,
    clock,
    log,
    publicUrl,
    nodeId,
    ready,
    hasRoom,
    answer: floor.answer,
    prepare: floor.prepare,
    vendorKeys,
  });
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });

  const api = await createApi({
    store,
    clock,
    log,
    providers,
    lock,
    auth: config.auth,
    live: withHostedCalls(floor, { store: toldStore, retellUrl: config.retellUrl, clock, log }),
    toolAllowPrivate: config.toolAllowPrivate,
    metrics,
    ready,
    kickWiring: () => wiring.kick(),
    publicUrl,
    corsOrigins: config.corsOrigins,
    browserCalls,
  });
  registerHooks(api, {
    store: toldStore,
    clock,
    log,
    publicUrl,
    twilioUrl,
    nodeId,
    ready,
    hasRoom,
    answer: floor.answer,
    prepare: floor.prepare,
    takeEvent: events.take,
    worded: { answer: floor.answerWorded, retellUrl: config.retellUrl },
    browserCalls,
  });

  const stopping = new AbortController();
  const beat = async (): Promise<void> => {
    const nowMs = clock.now();
    await store.nodes.heartbeat(nodeId, new Date(nowMs));
    const lost = await store.nodes.sweep(new Date(nowMs - DEAD_AFTER_MS), new Date(nowMs));
    if (lost.length > 0) log.warn({ calls: lost.length }, 'calls of a dead node were closed');
    for (const { id, instanceId, startedAt } of lost)
      floor.publish(instanceId, {
        type: 'call-ended',
        call_id: id,
        at_ms: Math.max(0, Math.round(nowMs - startedAt.getTime())),
        reason: 'node_lost',
        detail: null,
      });
  };
  const keepBeating = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      await beat().catch((error: unknown) =>
        log.error({ error: messageOf(error) }, 'the heartbeat could not be stored'),
      );
    }
  };
  let beating: Promise<void> = Promise.resolve();

  return {
    async listen() {
      await beat();
      await api.listen({ host: config.host, port: config.port });
      const address = api.server.address();
      state = 'ready';
      wiring.start();
      events.start();
      beating = keepBeating();
      return typeof address === 'object' && address ? address.port : config.port;
    },
    async close() {
      if (state === 'draining') return;
      state = 'draining';
      await floor.drain(config.drainMs);
      stopping.abort();
      await Promise.all([beating, wiring.stop(), events.stop(), api.close()]);
      await store.nodes
        .leave(nodeId)
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'node not signed off'));
      vendorPool.close();
      await toolbox.close();
      await voiceActivity.close();
      await store.close();
    },
  };
}

/** Which secrets open a vendor of each role, by the registry. */
const keysByRole = () => {
  const having = (role: 'speechToText' | 'languageModel' | 'textToSpeech') =>
    vendors.filter((spec) => spec[role]).map((spec) => spec.credential);
  return {
    'speech-to-text': having('speechToText'),
    'language-model': having('languageModel'),
    'text-to-speech': having('textToSpeech'),
  } satisfies Record<Role, unknown>;
};
