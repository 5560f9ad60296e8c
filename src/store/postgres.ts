import { Pool, types } from 'pg';
import type { CustomTypesConfig, PoolClient } from 'pg';
import { VoiceError } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import { databaseAway, databaseError, faultOf } from './database.ts';
import type { Connection, Database, RowShape } from './database.ts';

const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than any query of ours on a healthy server; a call's session must not wait forever. */
const QUERY_TIMEOUT_MS = 15_000;

/** A Postgres server, by a pool of connections. Fails with a sentence if it cannot be reached. */
export async function openPostgres(
  databaseUrl: string,
  log: Log,
  queryTimeoutMs = QUERY_TIMEOUT_MS,
): Promise<Database> {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: queryTimeoutMs,
    application_name: 'hydracore-voice',
  });
  // An idle connection that dies is replaced by the pool; without a listener it would end the process.
  let isClosing = false;
  pool.on('error', (error) => {
    if (!isClosing) log.warn({ code: faultOf(error).code }, 'a database connection died');
  });

  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw cannotConnect(databaseUrl, error);
  }
  return {
    kind: 'postgres',
    transaction: (setup, work) => inTransaction(pool, setup, work),
    close() {
      isClosing = true;
      return pool.end();
    },
  };
}

async function inTransaction<T>(
  pool: Pool,
  setup: string,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    // Whatever the reason (away, starting, too many connections), it may pass.
    throw databaseAway(error);
  });
  const failure: { error?: Error } = {};
  const run = async <R>(statement: Promise<R>): Promise<R> => {
    try {
      return await statement;
    } catch (error) {
      throw (failure.error ??= databaseError(error));
    }
  };
  const connection: Connection = {
    query: (sql, params, rows) => run(queryRows(client, sql, params, rows)),
    async exec(sql) {
      await run(client.query(sql));
    },
  };
  let isBroken = false;
  // While a client is lent out the pool does not listen: a connection that dies between two
  // statements would end the process.
  const onDeath = (): void => void (isBroken = true);
  client.on('error', onDeath);
  try {
    // Nothing else may run before the role has been given up: awaited, never pipelined.
    await connection.exec(`begin; ${setup}`);
    const result = await work(connection);
    // A failure that `work` swallowed has doomed the transaction: `commit` would roll it back and
    // say nothing.
    if (failure.error) throw failure.error;
    await connection.exec('commit');
    return result;
  } catch (error) {
    // A connection that cannot even roll back is in an unknown state and is not used again.
    await client.query('rollback').catch(onDeath);
    throw error;
  } finally {
    client.release(isBroken);
    // A broken one is being closed, and may still say so.
    if (!isBroken) client.off('error', onDeath);
  }
}

async function queryRows(
  client: PoolClient,
  sql: string,
  params: readonly unknown[],
  rows: RowShape,
): Promise<unknown[]> {
  const text = { text: sql, values: [...params], types: TYPES };
  const result: { rows: unknown[] } =
    rows === 'arrays'
      ? await client.query({ ...text, rowMode: 'array' })
      : await client.query(text);
  return result.rows;
}

/** Time stamps as text, as every query expects them. */
const TYPES: CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === types.builtins.TIMESTAMPTZ
      ? (value: unknown) => value
      : (types.getTypeParser(oid, format) as unknown),
};

function cannotConnect(databaseUrl: string, error: unknown): VoiceError {
  const fault = faultOf(error);
  const isFromServer = /^[0-9A-Z]{5}$/.test(fault.code ?? '');
  const why = isFromServer ? fault.message : (fault.code ?? (fault.message || 'no answer'));
  return new VoiceError(
    'unavailable',
    `Cannot connect to Postgres${whereOf(databaseUrl)}: ${why}.`,
    {
      cause: new Error(why),
    },
  );
}

/** Where a connection string leads, without its user and password. */
function whereOf(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return ' (the connection string is not a URL)';
  const { host, pathname } = new URL(databaseUrl);
  return ` at ${host}${pathname}`;
}
