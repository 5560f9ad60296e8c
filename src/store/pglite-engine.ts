import { PGlite, types } from '@electric-sql/pglite';
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

/** Time stamps as text, as every query expects them. */
const asText = (value: string): string => value;
const PARSERS = { [types.TIMESTAMPTZ]: asText };

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
    ...(options.snapshot && { loadDataDir: options.snapshot }),
  });
  return {
    async query(sql, params, rows) {
      const result = await pglite.query(sql, [...params], {
        rowMode: rows === 'arrays' ? 'array' : 'object',
        parsers: PARSERS,
      });
      return result.rows;
    },
    async exec(sql) {
      await pglite.exec(sql);
    },
    close: () => pglite.close(),
    dump: () => pglite.dumpDataDir('none'),
  };
}
