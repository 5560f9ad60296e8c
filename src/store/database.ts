import { VoiceError } from '#lib/errors.ts';

/** One connection inside one transaction. */
export type Connection = {
  /**
   * One statement. Rows come as arrays in the order of their columns, or as objects. Time stamps
   * come as Postgres writes them, JSON parsed, `bytea` as bytes.
   */
  query(sql: string, params: readonly unknown[], rows: RowShape): Promise<unknown[]>;
  /** Any number of statements, without parameters and without an answer. */
  exec(sql: string): Promise<void>;
};

export type RowShape = 'arrays' | 'objects';

/** A database by either driver: the same SQL, the same rows, the same errors. */
export type Database = {
  readonly kind: 'pglite' | 'postgres';
  /**
   * Runs `work` in a transaction that starts with `setup`, as committed as the database can make it
   * when it resolves. Anything that fails rolls all of it back.
   */
  transaction<T>(setup: string, work: (connection: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Tells PGlite's folder from a server. */
export type DatabaseKind = Database['kind'];

/** SQLSTATE class or code → the database is away or overloaded, and may come back. */
const AWAY = /^(08|53|57P0[1-5])/;
/** What sockets and the pool say when there is no answer at all. */
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'ENOENT',
  'EHOSTUNREACH',
  'EAI_AGAIN',
]);
/** SQLSTATE classes whose message speaks of names in the schema, never of values. */
const SAFE_MESSAGE = /^(0A|25|28|3D|3F|40|42|55)/;

/** What a driver says of a failure. Everything else it may carry (values, whole rows) is dropped. */
export type Fault = {
  readonly code: string | undefined;
  readonly message: string;
  readonly table: string | undefined;
  readonly constraint: string | undefined;
};

/** A refusal of the database. Its message never holds a value: those may be secrets, or what people said. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  /** SQLSTATE, or the code of a system error. */
  readonly code: string | undefined;
  readonly constraint: string | undefined;

  constructor(fault: Fault) {
    const where = [fault.table, fault.constraint].filter(Boolean).join(', ');
    const what = SAFE_MESSAGE.test(fault.code ?? '') ? `: ${fault.message}` : '';
    super(`the database refused (${fault.code ?? 'unknown'}${where && `, ${where}`})${what}`);
    this.code = fault.code;
    this.constraint = fault.constraint;
  }
}

export function faultOf(error: unknown): Fault {
  const text = (name: string): string | undefined => {
    const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  return {
    code: text('code'),
    message: error instanceof Error ? error.message : 'unknown',
    table: text('table'),
    constraint: text('constraint'),
  };
}

export function databaseError(error: unknown): Error {
  if (error instanceof DatabaseError || error instanceof VoiceError) return error;
  const fault = faultOf(error);
  const code = fault.code ?? '';
  const isTimeout = /timeout|terminated|not queryable/i.test(fault.message) && code === '';
  if (AWAY.test(code) || AWAY_CODES.has(code) || isTimeout) return databaseAway(error);
  return new DatabaseError(fault);
}

/** An outage: clients are told to try again. */
export const databaseAway = (error: unknown): VoiceError =>
  new VoiceError('unavailable', 'The database cannot be reached.', {
    cause: new DatabaseError(faultOf(error)),
  });

export const UNIQUE_VIOLATION = '23505';
export const FOREIGN_KEY_VIOLATION = '23503';
export const INSUFFICIENT_PRIVILEGE = '42501';

/** For `catch`: a row that another one should hang on is not there. */
export const notFoundOnForeignKey =
  (message: string) =>
  (error: unknown): never => {
    if (error instanceof DatabaseError && error.code === FOREIGN_KEY_VIOLATION)
      throw new VoiceError('not_found', message, { cause: error });
    throw error;
  };

/** A text as an SQL literal, whatever it holds (a NUL excepted, which Postgres has no way to hold). */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? ` E${quoted}` : quoted;
}
