import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import { bearerToken, ownerAt } from '#sandbox/demo/owner.ts';
import type { Owner } from '#sandbox/demo/owner.ts';
import { startServerProcess } from '#sandbox/demo/server-process.ts';
import type { ServerProcess } from '#sandbox/demo/server-process.ts';
import { PUBLIC_URL, sandboxEnv } from '#sandbox/demo/stage.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { agentsOf } from './agents.ts';
import type { Agent, AgentOptions } from './agents.ts';
import { testBrain } from './brain.ts';

type Env = Readonly<Record<string, string>>;

/** The sandbox, a real server process on a folder of its own, and its owner. */
export type World = {
  readonly sandbox: Sandbox;
  /** The process that runs now, or the last one that did. */
  readonly server: ServerProcess;
  readonly owner: Owner;
  /** Every line that any of the server's processes wrote to stderr, in order. */
  readonly log: readonly string[];
  readonly dataDir: string;
  /** Of the server's own environment. */
  readonly secrets: { readonly jwtSecret: string; readonly masterKey: string };
  /** Of the owner, with every scope. */
  readonly apiKey: string;
  /** Another process on the same folder, reachable at the same public address. */
  restart(env?: Env): Promise<ServerProcess>;
  addAgent(agent?: AgentOptions): Promise<Agent>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A sandbox with `testBrain` in it, whose accounts are large enough for many calls at once. */
export const openSandbox = (): Promise<Sandbox> =>
  startSandbox({ clock: systemClock, brain: testBrain, maxContexts: 100 });

export type WorldOptions = {
  /** Undefined: one of the world's own. */
  readonly sandbox?: Sandbox;
  readonly env?: Env;
};

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const opened = new AsyncDisposableStack();
  try {
    const sandbox =
      options.sandbox ?? opened.adopt(await openSandbox(), (running) => running.close());
    const dataDir = opened.adopt(mkdtempSync(join(tmpdir(), 'hydracore-e2e-')), (folder) =>
      rmSync(folder, { recursive: true, force: true }),
    );
    const secrets = { jwtSecret: newToken(48), masterKey: randomBytes(32).toString('base64') };
    const log: string[] = [];
    const start = async (env: Env): Promise<ServerProcess> => {
      const running = await startServerProcess({
        env: {
          ...sandboxEnv(sandbox),
          PORT: '0',
          DATA_DIR: dataDir,
          JWT_SECRET: secrets.jwtSecret,
          MASTER_KEY: secrets.masterKey,
          LOG_LEVEL: 'info',
          LOG_PII: 'false',
          DRAIN_SECONDS: '1',
          ...options.env,
          ...env,
        },
        onLog: (line) => void log.push(line),
      });
      sandbox.carrier.route(PUBLIC_URL, running.origin);
      sandbox.retell.route(PUBLIC_URL, running.origin);
      return running;
    };
    let server = await start({});
    opened.defer(async () => void (await server.stop()));
    const authorization = await bearerToken(secrets.jwtSecret, newUuid());
    const owner = ownerAt(() => server.origin, { authorization });
    const apiKey = await owner.makeApiKey('tests');
    const agents = agentsOf({ sandbox, owner, apiKey, origin: () => server.origin });

    return {
      sandbox,
      get server() {
        return server;
      },
      owner,
      log,
      dataDir,
      secrets,
      apiKey,
      async restart(env = {}) {
        await server.exited;
        server = await start(env);
        return server;
      },
      addAgent: (agent = {}) => agents.add(agent),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
