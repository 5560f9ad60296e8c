import type { FastifyInstance, InjectOptions } from 'fastify';
import { SignJWT } from 'jose';
import { Registry } from 'prom-client';
import { createApi } from '#api/api.ts';
import type { ApiParts } from '#api/parts.ts';
import type { LiveCalls } from '#contracts/live-calls.ts';
import { createLog, silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { LiveEvent, VoiceLevels } from '#protocol/events.ts';
import { createKeyedLock } from '#providers/keyed-lock.ts';
import { createEventBus } from '#session/event-bus.ts';
import type { Store } from '#store/store.ts';
import { carrierWorld, incompleteProvider } from './carrier-world.ts';
import type { CarrierWorld } from './carrier-world.ts';

export const JWT_SECRET = 'a shared secret of more than thirty-two bytes';
export const ALL_SCOPES = ['instances:read', 'instances:write', 'instances:delete'];

/** The live calls that a test makes up. */
export type StagedCalls = LiveCalls & {
  readonly calls: Map<string, ReturnType<LiveCalls['list']>>;
  readonly ended: string[];
  readonly said: { callId: string; text: string }[];
  emit(instanceId: string, event: LiveEvent): void;
  sound(instanceId: string, levels: readonly VoiceLevels[]): void;
  /** By which all that was told is stored. */
  settle(by: () => Promise<void>): void;
  readonly subscribers: number;
};

export type TestApi = {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly live: StagedCalls;
  readonly world: CarrierWorld;
  readonly lines: string[];
  readonly kicks: () => number;
  /** A tenant with a key of these scopes. */
  tenant(scopes?: readonly string[]): Promise<{ readonly tenantId: string; readonly key: string }>;
  token(claims: Record<string, unknown>, expiresInSeconds?: number): Promise<string>;
  /** A request with an API key; `payload` is sent as JSON. */
  as(
    key: string,
  ): (
    method: InjectOptions['method'] & string,
    url: string,
    payload?: unknown,
  ) => Promise<{ readonly status: number; readonly body: unknown; readonly text: string }>;
};

/** The API over a real store, with a carrier and live calls of the test's making. */
export async function openTestApi(store: Store, parts: Partial<ApiParts> = {}): Promise<TestApi> {
  const clock = virtualClock(Date.now());
  const world = carrierWorld(['+14155550101', '+14155550102']);
  const live = stagedCalls(clock);
  const lines: string[] = [];
  let kicks = 0;
  const app = await createApi({
    store,
    clock,
    log: createLog({
      level: 'trace',
      keepPii: true,
      destination: { write: (line: string) => void lines.push(line) },
    }),
    providers: { pipecat: world.provider, retell: incompleteProvider },
    lock: createKeyedLock(),
    auth: { jwtSecret: JWT_SECRET },
    live,
    metrics: new Registry(),
    ready: () => true,
    kickWiring: () => void (kicks += 1),
    publicUrl: 'https://voice.example',
    ...parts,
  });

  return {
    app,
    store,
    clock,
    live,
    world,
    lines,
    kicks: () => kicks,
    async tenant(scopes = ALL_SCOPES) {
      const tenantId = crypto.randomUUID();
      await store.ensureTenant(tenantId);
      const { plaintextKey } = await store.apiKeys.create(tenantId, {
        name: 'test',
        keyType: 'test',
        scopes,
        expiresAt: null,
      });
      return { tenantId, key: plaintextKey };
    },
    token: (claims, expiresInSeconds = 600) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime(Math.floor(clock.now() / 1_000) + expiresInSeconds)
        .sign(new TextEncoder().encode(JWT_SECRET)),
    as: (key) => async (method, url, payload) => {
      const answer = await app.inject({
        method: METHODS[method] ?? 'GET',
        url,
        headers: {
          'x-api-key': key,
          ...(payload !== undefined && { 'content-type': 'application/json' }),
        },
        ...(payload !== undefined && {
          payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
        }),
      });
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      const body: unknown = isJson ? answer.json() : undefined;
      return { status: answer.statusCode, body, text: answer.body };
    },
  };
}

const METHODS: Readonly<Record<string, InjectOptions['method'] & string>> = {
  GET: 'GET',
  POST: 'POST',
  PUT: 'PUT',
  PATCH: 'PATCH',
  DELETE: 'DELETE',
};

function stagedCalls(clock: VirtualClock): StagedCalls {
  const calls = new Map<string, ReturnType<LiveCalls['list']>>();
  const bus = createEventBus({ log: silentLog, clock });
  let settled = (): Promise<void> => Promise.resolve();
  let subscribers = 0;
  const watchers = new Map<(levels: readonly VoiceLevels[]) => void, string>();
  const counted = (leave: () => void): (() => void) => {
    subscribers += 1;
    return () => {
      subscribers -= 1;
      leave();
    };
  };
  const ended: string[] = [];
  const said: { callId: string; text: string }[] = [];
  return {
    calls,
    ended,
    said,
    list: (instanceId) => calls.get(instanceId) ?? [],
    async endAll(instanceId, reason) {
      ended.push(`${instanceId} ${reason}`);
      calls.delete(instanceId);
    },
    hangUp(callId) {
      const isHere = [...calls.values()].flat().some((call) => call.callId === callId);
      if (isHere) ended.push(callId);
      return isHere;
    },
    say(callId, text) {
      const isHere = [...calls.values()].flat().some((call) => call.callId === callId);
      if (isHere) said.push({ callId, text });
      return isHere;
    },
    ...bus,
    subscribe: (instanceId, on) => counted(bus.subscribe(instanceId, on)),
    settled: () => settled(),
    settle: (by) => void (settled = by),
    watchLevels(instanceId, on) {
      watchers.set(on, instanceId);
      return counted(() => void watchers.delete(on));
    },
    sound(instanceId, levels) {
      for (const [on, of] of watchers) if (of === instanceId) on(levels);
    },
    count: () => [...calls.values()].flat().length,
    emit: (instanceId, event) => bus.publish(instanceId, event),
    get subscribers() {
      return subscribers;
    },
  };
}
