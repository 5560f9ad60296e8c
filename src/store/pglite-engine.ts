import { PGlite, protocol, types } from '@electric-sql/pglite';
import type { RowShape } from './database.ts';

/** A PGlite and nothing else: one statement at a time, in the order they come. */
export type PgliteEngine = {
  query(sql: string, params: readonly unknown[], rows: RowShape): Promise<unknown[]>;
  exec(sql: string): Promise<void>;
  close(): Promise<void>;
};

export type PgliteEngineOptions = {
  /** Absent: in memory. */
  readonly folder?: string;
  /** A tar of a data folder to start from, for a database in memory. */
  readonly snapshot?: Blob;
};

/** Postgres' own default of 128 MB is touched as a whole at the start: a quarter of our memory. */
const SHARED_BUFFERS = '16MB';

/**
 * Durability: each commit is written to the folder before it is answered, so it survives the death
 * of the process (`relaxedDurability` would answer earlier). PGlite cannot fsync, though: what a
 * power cut may take is only safe on a Postgres server.
 */
export async function openPgliteEngine(
  options: PgliteEngineOptions,
): Promise<PgliteEngine & { dump(): Promise<Blob> }> {
  const pglite = await PGlite.create({
    dataDir: options.folder ?? 'memory://',
    relaxedDurability: false,
    startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`],
    ...(options.snapshot && { loadDataDir: options.snapshot }),
  });
  // Time stamps as text, as every query expects them.
  const parsers = { ...pglite.parsers, [types.TIMESTAMPTZ]: (value: string): unknown => value };

  return {
    async query(sql, params, rows) {
      const { messages } = await pglite.runExclusive(() =>
        pglite.execProtocol(extendedQuery(sql, params)),
      );
      let fields: readonly { readonly name: string; readonly dataTypeID: number }[] = [];
      const answer: unknown[] = [];
      for (const message of messages) {
        if (message instanceof RowDescriptionMessage) fields = message.fields;
        if (!(message instanceof DataRowMessage)) continue;
        const values = fields.map(({ dataTypeID }, index): unknown =>
          types.parseType(message.fields[index] ?? null, dataTypeID, parsers),
        );
        const named = (): unknown =>
          Object.fromEntries(fields.map(({ name }, index) => [name, values[index]]));
        answer.push(rows === 'arrays' ? values : named());
      }
      return answer;
    },
    async exec(sql) {
      await pglite.runExclusive(() => pglite.execProtocol(serialize.query(sql)));
    },
    close: () => pglite.close(),
    dump: () => pglite.dumpDataDir('none'),
  };
}

const { serialize } = protocol;
const { DataRowMessage, RowDescriptionMessage } = protocol.messages;

/**
 * A statement with its parameters as one message. PGlite's own `query` sends six, one after the
 * other, to learn the parameters' types first; a statement of ours takes a third of the time.
 */
function extendedQuery(sql: string, params: readonly unknown[]): Uint8Array {
  return Buffer.concat([
    serialize.parse({ text: sql }),
    serialize.bind({ values: params.map(parameter) }),
    serialize.describe({ type: 'P' }),
    serialize.execute(),
    serialize.sync(),
  ]);
}

/** Bytes go as they are, everything else as the text Postgres reads it from. */
function parameter(value: unknown): Uint8Array | string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
}
