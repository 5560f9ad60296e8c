import { onTestFinished } from 'vitest';
import { silentLog } from '#lib/log.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema, givenAgentConfigSchema } from '#protocol/agent-config.ts';
import { withoutSecrets } from '#protocol/agent-secrets.ts';
import type { Turn } from '#protocol/calls.ts';
import { openKeyring } from '#store/keyring.ts';
import { openStoreOn } from '#store/open.ts';
import type { Database } from '#store/database.ts';
import type { CarrierCall, ProviderEvent } from '#store/provider-call-store.ts';
import type { Instance, NewCall, Store } from '#store/store.ts';
import { newUuid } from '#lib/ids.ts';
import { newMasterKeySource } from './store.ts';

/** A migrated, empty database, to be closed by whoever opens it. */
export type OpenDatabase = () => Promise<Database>;

/** A store with everything under it in reach. */
export type StoreWorld = {
  readonly store: Store;
  readonly database: Database;
  readonly clock: VirtualClock;
  readonly masterKeys: MasterKeySource;
  /** Another node on the same database. Closing the world closes it. */
  another(masterKeys?: MasterKeySource): Promise<Store>;
};

/** As much of it as a store without a database below it has. */
export type CallWorld = Pick<StoreWorld, 'store' | 'clock' | 'another'>;

export const NOON_MS = Date.UTC(2026, 10, 20, 12);

/** Opens a world that is closed when the test has finished. */
export async function openWorld(
  open: OpenDatabase,
  masterKeys = newMasterKeySource(),
): Promise<StoreWorld> {
  const clock = virtualClock(NOON_MS);
  const database = await open();
  onTestFinished(() => database.close());
  const another = async (keys = masterKeys): Promise<Store> =>
    openStoreOn(database, await openKeyring(keys), { clock, log: silentLog });
  return { store: await another(), database, clock, masterKeys, another };
}

export const AGENT = agentConfigSchema.parse({});

/** An agent with a tool that is called with a secret. */
export const agentWithSecret = (secret: string, url = 'https://tools.example.com/look-up') => {
  const tool = { name: 'look_up', url, headers: { 'X-Api-Key': secret } };
  const { config, secrets } = withoutSecrets(givenAgentConfigSchema.parse({ tools: [tool] }));
  return { agentConfig: config, agentSecrets: secrets };
};

/** A tenant with one instance. */
export async function addInstance(store: Store, tenantId: string): Promise<Instance> {
  await store.ensureTenant(tenantId);
  return store.instances.create(tenantId, { name: `agent of ${tenantId}`, agentConfig: AGENT });
}

export const newCall = (instance: Instance, change: Partial<NewCall> = {}): NewCall => ({
  id: newUuid(),
  tenantId: instance.tenantId,
  instanceId: instance.id,
  provider: 'pipecat',
  carrierCallId: `CA${newUuid().replaceAll('-', '')}`,
  callerPhone: '+15005550006',
  calledPhone: '+15005550001',
  nodeId: 'node-1',
  startedAt: new Date(NOON_MS),
  ...change,
});

/** What a provider tells of this call; only the fields of `CarrierCall` are taken of it. */
export const newEvent = (
  { tenantId, instanceId, carrierCallId }: CarrierCall,
  change: Partial<ProviderEvent> = {},
): ProviderEvent => ({
  tenantId,
  instanceId,
  carrierCallId,
  key: 'call_started',
  rank: '1',
  name: 'call_started',
  body: { event: 'call_started' },
  receivedAt: new Date(NOON_MS),
  ...change,
});

export const newTurn = (index: number, change: Partial<Turn> = {}): Turn => ({
  index,
  role: index % 2 === 0 ? 'agent' : 'caller',
  text: `turn ${index}`,
  heard: `turn ${index}`,
  interrupted: false,
  start_ms: index * 1_000,
  end_ms: index * 1_000 + 812.5,
  waterfall_ms: { end_decided: 350, played: 871.25 },
  ...change,
});
