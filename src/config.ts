import { join, resolve } from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** Everything the environment decides. Read once, at start; no other file looks at it. */
export type Config = {
  readonly host: string;
  readonly port: number;
  /** Under which carriers and clients reach this server, without a trailing slash. */
  readonly publicUrl: string;
  /** Postgres; absent: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Absolute. Holds the embedded database and, in development, the master key. */
  readonly dataDir: string;
  /** Keys of 32 bytes in base64, the current one first; absent: the key file. */
  readonly masterKey: string | undefined;
  /** Absolute; made with mode 0600 if it is not there. */
  readonly masterKeyFile: string;
  readonly auth: {
    readonly jwtSecret?: string;
    readonly jwksUrl?: string;
    readonly jwtIssuer?: string;
    readonly jwtAudience?: string;
  };
  readonly logLevel: string;
  /** Whether what people say may stand in logs. */
  readonly logPii: boolean;
  readonly maxCalls: number;
  /** How long live calls may go on after SIGTERM. */
  readonly drainMs: number;
  /** Base URLs of vendors by name, where they are not the real ones. */
  readonly vendorUrls: Readonly<Record<string, string>>;
  readonly twilioUrl: string;
  readonly retellUrl: string;
  /** After so long without a word of a live call of Retell's it is asked how the call stands. */
  readonly retellSilenceMs: number;
  /** Of pages elsewhere that may start browser calls, as browsers write them. */
  readonly corsOrigins: readonly string[];
  /** Whether agents may call tools at private addresses, and by plain HTTP. */
  readonly toolAllowPrivate: boolean;
};

/** The environment is wrong; the message lists every mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
const SHORTEST_JWT_SECRET_BYTES = 32;

/**
 * @param vendorNames whose base URL `<NAME>_URL` may change
 * @throws ConfigError naming every variable that is wrong and what it should be
 */
export function readConfig(env: Env, vendorNames: readonly string[]): Config {
  const problems: string[] = [];
  const read = readerOf(env, problems);

  const port = read.whole('PORT', 8_080, 0, 65_535);
  const host = read.text('HOST') ?? '127.0.0.1';
  const masterKey = read.keys('MASTER_KEY');
  const masterKeyFile = read.text('MASTER_KEY_FILE');
  const dataDir = resolve(read.text('DATA_DIR') ?? '.hydracore');
  const jwtSecret = read.text('JWT_SECRET');
  const jwksUrl = read.url('JWKS_URL', ['https:', 'http:']);
  const jwtIssuer = read.text('JWT_ISSUER');
  const jwtAudience = read.text('JWT_AUDIENCE');
  const logLevel = read.text('LOG_LEVEL') ?? 'info';
  const databaseUrl = read.url('DATABASE_URL', ['postgres:', 'postgresql:']);

  if (jwtSecret !== undefined && Buffer.byteLength(jwtSecret) < SHORTEST_JWT_SECRET_BYTES)
    problems.push(`JWT_SECRET must have at least ${SHORTEST_JWT_SECRET_BYTES} bytes`);
  if (!LOG_LEVELS.includes(logLevel))
    problems.push(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}, got "${logLevel}"`);
  if (databaseUrl !== undefined && masterKey === undefined && masterKeyFile === undefined)
    problems.push(
      'MASTER_KEY or MASTER_KEY_FILE must be set with DATABASE_URL: all nodes share the key (make one with `openssl rand -base64 32`)',
    );
  if (masterKey !== undefined && masterKeyFile !== undefined)
    problems.push('MASTER_KEY must not be set together with MASTER_KEY_FILE');

  const vendorUrls: Record<string, string> = {};
  for (const name of vendorNames) {
    const url = read.url(`${name.toUpperCase()}_URL`, ['https:', 'http:', 'wss:', 'ws:']);
    if (url !== undefined) vendorUrls[name] = url;
  }

  const config: Config = {
    host,
    port,
    publicUrl: read.url('PUBLIC_URL', ['https:', 'http:']) ?? `http://localhost:${port}`,
    databaseUrl,
    dataDir,
    masterKey,
    masterKeyFile: masterKeyFile ? resolve(masterKeyFile) : join(dataDir, 'master.key'),
    auth: Object.freeze({
      ...(jwtSecret === undefined ? {} : { jwtSecret }),
      ...(jwksUrl === undefined ? {} : { jwksUrl }),
      ...(jwtIssuer === undefined ? {} : { jwtIssuer }),
      ...(jwtAudience === undefined ? {} : { jwtAudience }),
    }),
    logLevel,
    logPii: read.flag('LOG_PII', false),
    maxCalls: read.whole('MAX_CALLS', 200, 1, 100_000),
    drainMs: read.whole('DRAIN_SECONDS', 60, 0, 3_600) * 1_000,
    vendorUrls: Object.freeze(vendorUrls),
    twilioUrl: read.url('TWILIO_URL', ['https:', 'http:']) ?? 'https://api.twilio.com',
    retellSilenceMs: read.whole('RETELL_SILENCE_SECONDS', 120, 1, 3_600) * 1_000,
    retellUrl: read.url('RETELL_URL', ['https:', 'http:']) ?? 'https://api.retellai.com',
    corsOrigins: Object.freeze(read.origins('CORS_ORIGINS')),
    toolAllowPrivate: read.flag('TOOL_ALLOW_PRIVATE', false),
  };
  if (problems.length > 0)
    throw new ConfigError(`The environment is wrong:\n  ${problems.join('\n  ')}`);
  return Object.freeze(config);
}

/** Reads one variable each, and notes what is wrong with it. An empty variable counts as absent. */
function readerOf(env: Env, problems: string[]) {
  const text = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  };
  return {
    text,
    whole(name: string, fallback: number, min: number, max: number): number {
      const value = text(name);
      if (value === undefined) return fallback;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= min && number <= max) return number;
      problems.push(`${name} must be a whole number from ${min} to ${max}, got "${value}"`);
      return fallback;
    },
    flag(name: string, fallback: boolean): boolean {
      const value = text(name)?.toLowerCase();
      if (value === undefined) return fallback;
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      problems.push(`${name} must be true or false, got "${value}"`);
      return fallback;
    },
    /** Without a trailing slash. The value is not repeated in a complaint: it may hold a password. */
    url(name: string, protocols: readonly string[]): string | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      const url = URL.canParse(value) ? new URL(value) : undefined;
      if (url && protocols.includes(url.protocol)) return value.replace(/\/+$/, '');
      problems.push(`${name} must be a URL starting with ${protocols.join('//, ')}//`);
      return undefined;
    },
    /** Parted by commas. */
    origins(name: string): string[] {
      const given = text(name)?.split(/[\s,]+/) ?? [];
      for (const origin of given)
        if (!URL.canParse(origin) || new URL(origin).origin !== origin)
          problems.push(
            `${name} must be origins such as https://example.com, without a path, got "${origin}"`,
          );
      return given;
    },
    /** Base64 of 32 bytes each, parted by commas; never repeated in a complaint. */
    keys(name: string): string | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      if (value.split(/[\s,]+/).every((key) => /^[A-Za-z0-9+/_-]{43}=?$/.test(key))) return value;
      problems.push(
        `${name} must be 32 bytes in base64 (make one with \`openssl rand -base64 32\`)`,
      );
      return undefined;
    },
  };
}
