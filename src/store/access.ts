import { DrizzleQueryError } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pg-proxy';
import type { PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import { VoiceError } from '#lib/errors.ts';
import { literal } from './database.ts';
import type { Connection, Database } from './database.ts';

/** Typed queries inside one transaction. */
export type Queries = PgRemoteDatabase;

/** The only ways to the tables. Both give up the rights of the user that logged in. */
export type Access = {
  /** Sees and changes the rows of this tenant; an id of another one finds nothing. */
  asTenant<T>(tenantId: string, work: (queries: Queries) => Promise<T>): Promise<T>;
  /** For what comes before a tenant is known, or concerns all of them. Granted only what that needs. */
  asSystem<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
};

export function createAccess(database: Database): Access {
  return {
    async asTenant(tenantId, work) {
      requireTenantId(tenantId);
      const setup = `set local role hydracore_app; set local hydracore.tenant_id = ${literal(tenantId)}`;
      return run(database, setup, work);
    },
    asSystem: (work) => run(database, 'set local role hydracore_system', work),
  };
}

async function run<T>(
  database: Database,
  setup: string,
  work: (queries: Queries) => Promise<T>,
): Promise<T> {
  try {
    return await database.transaction(setup, (connection) => work(queriesOn(connection)));
  } catch (error) {
    // Drizzle's own error quotes every parameter; the cause does not.
    throw error instanceof DrizzleQueryError ? (error.cause ?? new Error('a query failed')) : error;
  }
}

export function queriesOn(connection: Connection): Queries {
  return drizzle(async (sql, params: unknown[], method) => ({
    rows: await connection.query(sql, params, method === 'execute' ? 'objects' : 'arrays'),
  }));
}

const TENANT_ID_CHARACTERS_MAX = 200;

/** A tenant's id is whatever its tokens say: any text that is not empty, not huge and holds no NUL. */
function requireTenantId(tenantId: string): void {
  if (tenantId === '' || tenantId.length > TENANT_ID_CHARACTERS_MAX || tenantId.includes('\0'))
    throw new VoiceError('invalid', 'A tenant id has 1 to 200 characters and no NUL.');
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** What is no uuid is nobody's id: it finds nothing, rather than being an error of the database. */
export const isUuid = (id: string): boolean => UUID.test(id);
