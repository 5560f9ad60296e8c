import type { Clock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { VoiceError } from '#lib/errors.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import { storable, storableText } from '#store/storable.ts';
import type {
  Channel,
  Instance,
  JournalEntry,
  MediaGrant,
  NewCall,
  Secrets,
  Store,
} from '#store/store.ts';

type Row = NewCall & {
  state: CallState | 'ended';
  readonly turns: Map<number, Turn>;
  readonly journal: JournalEntry[];
  end: { readonly reason: EndReason; readonly detail: string | null; readonly at: Date } | null;
};

/**
 * What a call needs of the store, in memory, held to the same suite: instances and channels as they
 * were made, calls, nodes and media tokens. Several nodes may use it. The rest rejects.
 */
export function memoryStore(clock: Pick<Clock, 'now'>): Store {
  const instances = new Map<string, Instance>();
  const channels = new Map<string, { readonly channel: Channel; readonly secrets: Secrets }>();
  const rows = new Map<string, Row>();
  const tokens = new Map<string, { readonly grant: MediaGrant; readonly expiresAt: Date }>();
  const nodes = new Map<string, Date>();

  const rowOf = (tenantId: string, callId: string): Row | undefined => {
    const row = rows.get(callId);
    return row?.tenantId === tenantId ? row : undefined;
  };
  const instanceOf = (tenantId: string, instanceId: string): Instance | undefined => {
    const instance = instances.get(instanceId);
    return instance?.tenantId === tenantId ? instance : undefined;
  };
  const liveOf = (tenantId: string, instanceId: string): readonly Row[] =>
    [...rows.values()]
      .filter((row) => row.tenantId === tenantId && row.instanceId === instanceId && !row.end)
      .toSorted((one, two) => one.startedAt.getTime() - two.startedAt.getTime());

  return {
    instances: group<Store['instances']>({
      create(tenantId, { name, agentConfig }) {
        const now = new Date(0);
        const instance: Instance = {
          id: newUuid(),
          tenantId,
          name,
          agentConfig,
          createdAt: now,
          updatedAt: now,
        };
        instances.set(instance.id, instance);
        return Promise.resolve(instance);
      },
      get: async (tenantId, instanceId) => instanceOf(tenantId, instanceId),
      tenantOf: async (instanceId) => instances.get(instanceId)?.tenantId,
      agentSecrets: async () => ({}),
    }),
    apiKeys: group(),
    providerCalls: group(),
    channels: group<Store['channels']>({
      async get(tenantId, instanceId) {
        return instanceOf(tenantId, instanceId) && channels.get(instanceId)?.channel;
      },
      async upsert(tenantId, instanceId, { secrets: given = {}, ...change }) {
        if (!instanceOf(tenantId, instanceId))
          throw new VoiceError('not_found', 'Instance not found');
        const now = new Date(0);
        const secrets: Record<string, string> = { ...channels.get(instanceId)?.secrets };
        for (const [field, secret] of Object.entries(given))
          if (typeof secret === 'string') secrets[field] = secret;
          else delete secrets[field];
        const channel: Channel = {
          id: newUuid(),
          instanceId,
          tenantId,
          provider: 'retell',
          agentId: null,
          phoneNumber: null,
          twilioAccountSid: null,
          twilioPhoneNumber: null,
          enabled: false,
          status: 'incomplete',
          errorMessage: null,
          wiring: {},
          lastEventAt: null,
          createdAt: now,
          updatedAt: now,
          secretsSet: [],
          ...channels.get(instanceId)?.channel,
          ...change,
        };
        channels.set(instanceId, { channel, secrets });
        return channel;
      },
      async secrets(tenantId, instanceId) {
        return instanceOf(tenantId, instanceId) ? (channels.get(instanceId)?.secrets ?? {}) : {};
      },
      noteEvent: async () => undefined,
    }),
    wiringJobs: group(),
    calls: group<Store['calls']>({
      async begin(call) {
        if (!instanceOf(call.tenantId, call.instanceId))
          throw new VoiceError('not_found', 'Instance not found');
        const isKnown = [...rows.values()].some(
          (row) => row.instanceId === call.instanceId && row.carrierCallId === call.carrierCallId,
        );
        if (isKnown) return false;
        rows.set(call.id, {
          ...call,
          callerPhone: storableText(call.callerPhone),
          calledPhone: storableText(call.calledPhone),
          state: 'ringing',
          turns: new Map(),
          journal: [],
          end: null,
        });
        return true;
      },
      async findByCarrierId(tenantId, instanceId, carrierCallId) {
        const row = [...rows.values()].find(
          (one) =>
            one.tenantId === tenantId &&
            one.instanceId === instanceId &&
            one.carrierCallId === carrierCallId,
        );
        return row && { id: row.id, ended: row.end !== null };
      },
      async setState(tenantId, callId, state) {
        const row = rowOf(tenantId, callId);
        if (row && !row.end) row.state = state;
      },
      async record(tenantId, callId, { turns, journal }) {
        const row = rowOf(tenantId, callId);
        if (!row) throw new VoiceError('not_found', 'Call not found');
        if (turns.some(({ index }) => index > LARGEST_INDEX))
          throw new RangeError('a turn has a number that no database takes');
        // As Postgres keeps it: plain JSON.
        for (const turn of turns)
          if (!row.turns.has(turn.index))
            row.turns.set(turn.index, structuredClone(storable(turn)));
        row.journal.push(...journal.map((entry) => structuredClone(storable(entry))));
      },
      async end(tenantId, callId, { reason, detail, at }) {
        const row = rowOf(tenantId, callId);
        if (!row || row.end) return false;
        row.end = { reason, detail: detail === null ? null : storableText(detail), at };
        row.state = 'ended';
        return true;
      },
      async live(tenantId, instanceId) {
        return liveOf(tenantId, instanceId).map((row) => ({
          id: row.id,
          instanceId: row.instanceId,
          provider: row.provider,
          carrierCallId: row.carrierCallId,
          callerPhone: row.callerPhone,
          startedAt: row.startedAt,
          state: row.state === 'ended' ? 'ending' : row.state,
          turnCount: row.turns.size,
        }));
      },
      countLive: async (tenantId, instanceId) => liveOf(tenantId, instanceId).length,
      async get(tenantId, callId) {
        const row = rowOf(tenantId, callId);
        if (!row) return undefined;
        const untilMs = row.end?.at.getTime() ?? clock.now();
        return {
          call_id: row.id,
          instance_id: row.instanceId,
          provider: row.provider,
          caller_phone: row.callerPhone,
          state: row.state,
          started_at: row.startedAt.toISOString(),
          ended_at: row.end?.at.toISOString() ?? null,
          end_reason: row.end?.reason ?? null,
          end_detail: row.end?.detail ?? null,
          duration_seconds: Math.floor((untilMs - row.startedAt.getTime()) / 1_000),
          turns: [...row.turns.values()].toSorted((one, two) => one.index - two.index),
        };
      },
      tenantOf: async (callId) => rows.get(callId)?.tenantId,
      journal: async (tenantId, callId) => rowOf(tenantId, callId)?.journal ?? [],
    }),
    mediaTokens: {
      async issue(token, grant, expiresAt) {
        if (!instanceOf(grant.tenantId, grant.instanceId))
          throw new VoiceError('not_found', 'Instance not found');
        tokens.set(token, { grant, expiresAt });
      },
      async consume(token, now) {
        const found = tokens.get(token);
        tokens.delete(token);
        return found && found.expiresAt > now ? found.grant : undefined;
      },
    },
    nodes: {
      heartbeat: async (nodeId, at) => void nodes.set(nodeId, at),
      async sweep(before, now) {
        for (const [token, { expiresAt }] of tokens) if (expiresAt <= now) tokens.delete(token);
        const lost = [...rows.values()].filter((row) => {
          const seen = nodes.get(row.nodeId);
          return !row.end && (seen ?? row.startedAt) < before;
        });
        for (const row of lost) {
          row.end = { reason: 'node_lost', detail: null, at: now };
          row.state = 'ended';
        }
        return lost.map(({ id, instanceId, startedAt }) => ({ id, instanceId, startedAt }));
      },
      leave: async (nodeId) => void nodes.delete(nodeId),
    },
    ensureTenant: async () => undefined,
    rotateMasterKey: () => Promise.reject(notHere()),
    ping: async () => undefined,
    close: async () => undefined,
  };
}

/** Of a column of 32 bits. */
const LARGEST_INDEX = 2 ** 31 - 1;

const notHere = (): VoiceError =>
  new VoiceError('unavailable', 'The store in memory does not do this.');

/** A group whose other methods, which no simulated call needs, all reject. */
const group = <Group extends object>(methods: Partial<Group> = {}): Group =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever is asked of it is a method
  new Proxy(methods as Group, {
    get: (target, name): unknown =>
      Reflect.get(target, name) ?? ((): Promise<never> => Promise.reject(notHere())),
  });
