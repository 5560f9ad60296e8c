import pino from 'pino';

/** The part of a logger that rooms below the API use: a fixed message, the rest in fields. */
export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
};

/** Names of fields whose value never reaches a log, wherever they stand in an object. */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'x-api-key',
  'x-twilio-signature',
  'cookie',
  'api_key',
  'apiKey',
  'webhook_secret',
  'twilio_auth_token',
  'authToken',
  'deepgram_api_key',
  'openai_api_key',
  'google_api_key',
  'anthropic_api_key',
  'cartesia_api_key',
  'elevenlabs_api_key',
  'bearer_token',
  'token',
  'secret',
];

/** JSON lines on `destination`. What people said goes only under `pii`, which is dropped unless asked for. */
export function createLog(options: {
  readonly level: string;
  readonly keepPii?: boolean;
  readonly destination?: pino.DestinationStream;
}): pino.Logger {
  const paths = SECRET_FIELDS.flatMap((name) => {
    const key = /^[a-z_]+$/i.test(name) ? name : `["${name}"]`;
    const at = (prefix: string): string =>
      key.startsWith('[') ? `${prefix}${key}` : `${prefix}.${key}`;
    return [key, at('*'), at('*.*')];
  });
  if (!options.keepPii) paths.push('pii', '*.pii');
  return pino(
    { level: options.level, redact: { paths, censor: '[hidden]' }, base: null },
    options.destination ?? pino.destination(2),
  );
}

/** A log that says nothing, for tests. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};
