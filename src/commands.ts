import { messageOf, VoiceError } from '#lib/errors.ts';
import { createLog } from '#lib/log.ts';
import type { Log } from '#lib/log.ts';
import { fixedMasterKeys, masterKeyFile } from '#lib/master-key.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import { systemClock } from '#lib/clock.ts';
import { scopes } from '#protocol/api-keys.ts';
import type { Scope } from '#protocol/api-keys.ts';
import { replayCommand } from '#replay/command.ts';
import { openStore } from '#store/open.ts';
import type { StoreOptions } from '#store/open.ts';
import { rotateMasterKeyCommand } from '#store/rotate-master-key.ts';
import { vendors } from '#vendors/index.ts';
import { createVoiceActivity } from '#vendors/silero/voice-activity.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import { findJournal } from './find-journal.ts';
import { createServer } from './server.ts';

type Env = Readonly<Record<string, string | undefined>>;

const OLDEST_NODE = 24;

const USAGE = `Usage:
  npm run serve                              start the server
  npm run api-key -- --tenant UUID --name N  make an API key and print it, once
                     [--scopes a,b] [--test]
  npm run rotate-master-key                  encrypt every data key under a new master key
  npm run -s replay -- CALL_ID [--help]      a call again, on today's code or with other settings
`;

/** Runs one command line; answers the exit code. Throws with one sentence for whoever typed it. */
export async function runCommand(args: readonly string[], env: Env): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
    throw new Error(
      `Node ${process.versions.node} is too old: ${OLDEST_NODE} is needed. \`npm run serve\` brings it along.`,
    );
  const [command, ...rest] = args;
  const config = readConfig(
    env,
    vendors.map((vendor) => vendor.name),
  );
  switch (command) {
    case 'serve':
      return serve(config);
    case 'api-key':
      return makeApiKey(config, rest);
    case 'rotate-master-key':
      process.stdout.write(`${await rotateMasterKeyCommand(storeOptionsOf(config, quietLog()))}\n`);
      return 0;
    case 'replay':
      return replayCommand(rest, {
        find: (place) => findJournal(place, storeOptionsOf(config, quietLog())),
        out: (text) => void process.stdout.write(text),
        complain: (text) => void process.stderr.write(text),
      });
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

const masterKeysOf = (config: Config): MasterKeySource =>
  config.masterKey === undefined
    ? masterKeyFile(config.masterKeyFile)
    : fixedMasterKeys(config.masterKey, 'MASTER_KEY');

const storeOptionsOf = (config: Config, log: Log): StoreOptions => ({
  databaseUrl: config.databaseUrl,
  dataDir: config.dataDir,
  masterKeys: masterKeysOf(config),
  clock: systemClock,
  log,
});

/** For commands that a person waits for: only what is wrong is worth a line. */
const quietLog = (): Log => createLog({ level: 'warn' });

/** Runs until SIGTERM or SIGINT, then lets calls end in peace. */
async function serve(config: Config): Promise<number> {
  const log = createLog({ level: config.logLevel, keepPii: config.logPii });
  const store = await openStore(storeOptionsOf(config, log));
  const voiceActivity = await createVoiceActivity({ clock: systemClock, log });
  const server = await createServer({ config, store, voiceActivity, clock: systemClock, log });

  const stopped = Promise.withResolvers<void>();
  let isStopping = false;
  // One request comes several times where a terminal or a supervisor tells every process of a group
  // and each passes it on: without a listener the second one would end the process and its calls.
  const stop = (signal: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal, drainMs: config.drainMs }, 'draining: no new calls');
    stopped.resolve(server.close());
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A fault that nobody caught leaves this process in doubt, but not its calls: they go on to their
  // end, new ones go elsewhere, and whoever supervises the process starts it anew.
  let isFaulty = false;
  process.on('uncaughtException', (error, origin) => {
    isFaulty = true;
    log.fatal({ origin, error: messageOf(error), stack: error.stack }, 'a fault was not caught');
    stop(origin);
  });

  let port: number;
  try {
    port = await server.listen();
  } catch (error) {
    await server.close();
    throw listenError(error, config);
  }
  // For whoever started it, person or program; everything after this goes to the log.
  process.stdout.write(`Listening on http://${config.host}:${port}\n`);
  log.info({ port, publicUrl: config.publicUrl }, 'serving');
  await stopped.promise;
  log.info({}, 'stopped');
  return isFaulty ? 1 : 0;
}

function listenError(error: unknown, { host, port }: Config): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return new Error(`Port ${port} is in use on ${host}: stop what uses it, or set PORT.`);
  if (code === 'EACCES')
    return new Error(`Port ${port} may not be opened by this user: set PORT to 1024 or more.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new Error(`This machine has no address ${host}: set HOST.`);
  return new Error(`The server cannot listen: ${messageOf(error)}`, { cause: error });
}

async function makeApiKey(config: Config, args: readonly string[]): Promise<number> {
  const options = readOptions(args, ['tenant', 'name', 'scopes'], ['test']);
  const tenantId = options.get('tenant') ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(tenantId))
    throw new VoiceError('invalid', '--tenant must be a uuid: the tenant that owns the key.');
  const store = await openStore(storeOptionsOf(config, quietLog()));
  try {
    await store.ensureTenant(tenantId.toLowerCase());
    const { plaintextKey } = await store.apiKeys.create(tenantId.toLowerCase(), {
      name: options.get('name') ?? 'Default',
      keyType: options.has('test') ? 'test' : 'live',
      scopes: scopesFrom(options.get('scopes')),
      expiresAt: null,
    });
    process.stdout.write(`${plaintextKey}\n`);
    return 0;
  } finally {
    await store.close();
  }
}

/** `--name value` and `--flag`; anything else is refused, so that a typo changes nothing. */
function readOptions(
  args: readonly string[],
  names: readonly string[],
  flags: readonly string[],
): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const name = args[at]?.replace(/^--/, '') ?? '';
    if (flags.includes(name)) options.set(name, '');
    else if (names.includes(name) && args[at + 1] !== undefined)
      options.set(name, args[++at] ?? '');
    else
      throw new VoiceError(
        'invalid',
        `Unknown or incomplete option "${args[at] ?? ''}".\n${USAGE}`,
      );
  }
  return options;
}

function scopesFrom(text: string | undefined): readonly Scope[] {
  const chosen = text?.split(',').map((scope) => scope.trim()) ?? [...scopes];
  return chosen.map((name) => {
    const scope = scopes.find((known) => known === name);
    if (!scope)
      throw new VoiceError('invalid', `Unknown scope "${name}"; there are ${scopes.join(', ')}.`);
    return scope;
  });
}
