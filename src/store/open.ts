import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { masterKey } from '#lib/master-key.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import { createAccess } from './access.ts';
import { apiKeyQueries } from './api-keys.ts';
import { callFigures } from './call-figures.ts';
import { callHistory } from './call-history.ts';
import { callRecords } from './call-records.ts';
import { callQueries } from './calls.ts';
import { channelQueries } from './channels.ts';
import { serveControl } from './control.ts';
import type { Database } from './database.ts';
import { openEmbedded, openInMemory } from './embedded.ts';
import { instanceQueries } from './instances.ts';
import { openKeyring } from './keyring.ts';
import type { Keyring } from './keyring.ts';
import { mediaTokenQueries } from './media-tokens.ts';
import { migrate, readMigrations } from './migrate.ts';
import { nodeQueries } from './nodes.ts';
import { openPostgres } from './postgres.ts';
import type { Store } from './store.ts';
import { providerCallQueries } from './provider-calls.ts';
import { agreeOnMasterKey, ping, tenantQueries } from './tenants.ts';
import { wiringJobQueries } from './wiring-jobs.ts';

export type StoreOptions = {
  /** A Postgres server; absent: PGlite in `dataDir`. */
  readonly databaseUrl?: string | undefined;
  /** A folder for the embedded database, made if it is not there; `memory` keeps nothing. */
  readonly dataDir: string;
  readonly masterKeys: MasterKeySource;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Opens the database, brings its schema up to date and checks that the master key fits it. Whatever
 * keeps it from doing so is a `VoiceError` with one sentence for whoever starts the server.
 *
 * A folder belongs to one process, so calls that are still open in it were left by a dead one: they
 * are ended with `node_lost` here. The process also answers commands to the folder, see `control.ts`.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { databaseUrl, dataDir, log } = options;
  const keyring = await openKeyring(options.masterKeys);
  if (databaseUrl !== undefined) {
    await migrateServer(databaseUrl, log);
    const database = await openPostgres(databaseUrl, log);
    return orClose(database, () => openStoreOn(database, keyring, options));
  }
  if (dataDir === 'memory') {
    const database = await openInMemory();
    return orClose(database, () => openMigrated(database, keyring, options));
  }
  const { database, folder } = await openEmbedded(dataDir);
  const owned: Database = {
    ...database,
    async close() {
      await database.close();
      await folder.release();
    },
  };
  return orClose(owned, async () => {
    const store = await openMigrated(owned, keyring, options);
    const lost = await store.nodes.sweep(END_OF_TIME, new Date(options.clock.now()));
    if (lost.length > 0)
      log.warn({ calls: lost.length }, 'ended calls that a dead process left behind');
    const control = await serveControl(folder.socketPath, store, options.masterKeys, log);
    return {
      ...store,
      async close() {
        await control.close();
        await store.close();
      },
    };
  });
}

/** What cannot be opened to the end is closed again, so that nothing stays locked. */
async function orClose(database: Database, open: () => Promise<Store>): Promise<Store> {
  try {
    return await open();
  } catch (error) {
    await database.close().catch(() => undefined);
    throw error;
  }
}

const END_OF_TIME = new Date('9999-01-01T00:00:00Z');

/** Longer than any migration should take; the everyday limit would cut one off in the middle. */
const MIGRATION_TIMEOUT_MS = 3_600_000;

async function migrateServer(databaseUrl: string, log: Log): Promise<void> {
  const database = await openPostgres(databaseUrl, log, MIGRATION_TIMEOUT_MS);
  try {
    await migrate(database, await readMigrations());
  } finally {
    await database.close();
  }
}

async function openMigrated(
  database: Database,
  keyring: Keyring,
  options: Pick<StoreOptions, 'clock' | 'log'>,
): Promise<Store> {
  await migrate(database, await readMigrations());
  return openStoreOn(database, keyring, options);
}

/**
 * A store on a database whose schema is up to date. Closing the store closes the database; failing
 * to open it does not.
 */
export async function openStoreOn(
  database: Database,
  keyring: Keyring,
  { clock, log }: Pick<StoreOptions, 'clock' | 'log'>,
): Promise<Store> {
  const access = createAccess(database);
  await agreeOnMasterKey(access, keyring);
  const tenants = tenantQueries(access, keyring, clock);
  let closed: Promise<void> | undefined;
  return {
    instances: instanceQueries(access, tenants, clock),
    apiKeys: apiKeyQueries(access, clock),
    channels: channelQueries(access, tenants, clock),
    wiringJobs: wiringJobQueries(access, tenants, clock, log),
    calls: {
      ...callQueries(access),
      ...callRecords(access, clock),
      ...callHistory(access, clock),
      ...callFigures(access, clock),
    },
    providerCalls: providerCallQueries(access),
    mediaTokens: mediaTokenQueries(access),
    nodes: nodeQueries(access),
    ensureTenant: (tenantId) => tenants.ensure(tenantId),
    rotateMasterKey(nextMasterKey) {
      const next = masterKey(nextMasterKey);
      keyring.add(next);
      return tenants.rotate(next);
    },
    ping: () => ping(access),
    close: () => (closed ??= database.close()),
  };
}
