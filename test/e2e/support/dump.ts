import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { z } from 'zod';

/** Every row of every table in a data folder that no server uses, each as JSON. */
export async function dumpDatabase(dataDir: string): Promise<Readonly<Record<string, string>>> {
  const pglite = await PGlite.create(join(dataDir, 'database'));
  try {
    const tables = await pglite.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const dump: Record<string, string> = {};
    for (const { name } of z.object({ name: z.string() }).array().parse(tables.rows)) {
      const { rows } = await pglite.query(`select to_jsonb(t)::text as row from ${name} as t`);
      dump[name] = rows.map((row) => JSON.stringify(row)).join('\n');
    }
    return dump;
  } finally {
    await pglite.close();
  }
}

/** Every file below a folder, as bytes: also what a database has deleted and not yet overwritten. */
export const filesBelow = (folder: string): readonly (readonly [string, Buffer])[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? [[path, readFileSync(path)] as const] : [];
  });
