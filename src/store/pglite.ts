import { databaseError } from './database.ts';
import type { Connection, Database } from './database.ts';
import type { PgliteEngine } from './pglite-engine.ts';

/**
 * PGlite has one connection, so transactions run one after the other, in the order they were asked
 * for. After a failed statement nothing else gets through until the rollback.
 */
export function pgliteDatabase(engine: PgliteEngine): Database {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };

  return {
    kind: 'pglite',
    transaction: (setup, work) =>
      inTurn(async () => {
        const failure: { error?: Error } = {};
        const run = async <T>(statement: Promise<T>): Promise<T> => {
          try {
            return await statement;
          } catch (error) {
            throw (failure.error ??= databaseError(error));
          }
        };
        const connection: Connection = {
          query: (sql, params, rows) => run(engine.query(sql, params, rows)),
          exec: (sql) => run(engine.exec(sql)),
        };
        try {
          await connection.exec(`begin; ${setup}`);
          const result = await work(connection);
          // A failure that `work` swallowed has doomed the transaction: `commit` would roll it
          // back and say nothing.
          if (failure.error) throw failure.error;
          await connection.exec('commit');
          return result;
        } catch (error) {
          await engine.exec('rollback').catch(() => undefined);
          throw error;
        }
      }),
    close: () => inTurn(() => engine.close()),
  };
}
