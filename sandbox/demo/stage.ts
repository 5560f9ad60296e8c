import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import type { Call } from '#protocol/calls.ts';
import type { VoiceStatus } from '#protocol/voice-channel.ts';
import { newSid } from '#sandbox/carrier/accounts.ts';
import type { Account } from '#sandbox/carrier/accounts.ts';
import type { RetellAccount } from '#sandbox/retell/retell.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { DEFAULT_CAST, hasWordTimes, vendorsOf, voiceOf } from './cast.ts';
import type { Cast, ProviderName } from './cast.ts';
import { bearerToken, ownerAt } from './owner.ts';
import type { Owner } from './owner.ts';
import { demoAgent, demoBrain } from './scenario.ts';
import { startServerProcess } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

/** Under which the sandbox's phone network reaches the server, as if behind a proxy that ends TLS. */
export const PUBLIC_URL = 'https://voice.example.test';
/** A number that the North American plan keeps for fiction. */
export const AGENT_NUMBER = '+12025550123';
export const CALLER_NUMBER = '+12025550188';
const TENANT_ID = '6f1d2f0a-9c1e-4b6e-8f1c-0d5c9a7e4b11';
const INSTANCE_NAME = "Luigi's restaurant (demo)";

/** A server with the sandbox around it, and an agent that has a phone line. */
export type Stage = {
  readonly sandbox: Sandbox;
  readonly server: ServerProcess;
  readonly instanceId: string;
  readonly apiKey: string;
  readonly channel: VoiceStatus;
  /** Whether the agent's voice tells the times of its words. */
  readonly hasWordTimes: boolean;
  readonly owner: Owner;
  /** The account at Retell, and what was in it before the channel was set up; undefined for another provider. */
  readonly retell: { readonly account: RetellAccount; readonly before: unknown } | undefined;
  /** A call of this instance as the server has it. */
  call(callId: string): Promise<Call>;
  close(): Promise<void>;
};

export type StageOptions = {
  readonly clock: Clock;
  /** Undefined: a folder of its own, removed at the end. */
  readonly dataDir?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Who carries the voice; undefined: `pipecat`. */
  readonly provider?: ProviderName;
  /** Who hears, thinks and speaks, for an agent that is made anew; undefined: the usual ones. */
  readonly cast?: Cast;
  readonly onLog?: (line: string) => void;
};

/** Starts everything and sets the agent up through the public API alone, as an owner would. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { cast = DEFAULT_CAST } = options;
  const opened = new AsyncDisposableStack();
  try {
    const sandbox = opened.adopt(
      await startSandbox({ clock: options.clock, brain: demoBrain }),
      (running) => running.close(),
    );
    const dataDir =
      options.dataDir ??
      opened.adopt(mkdtempSync(join(tmpdir(), 'hydracore-demo-')), (folder) =>
        rmSync(folder, { recursive: true, force: true }),
      );
    const jwtSecret = newToken(48);
    const server = opened.adopt(
      await startServerProcess({
        env: {
          ...sandboxEnv(sandbox),
          PORT: String(options.port),
          DATA_DIR: dataDir,
          JWT_SECRET: jwtSecret,
          LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
          DRAIN_SECONDS: '2',
        },
        ...(options.onLog && { onLog: options.onLog }),
      }),
      async (running) => void (await running.stop()),
    );
    sandbox.carrier.route(PUBLIC_URL, server.origin);
    sandbox.retell.route(PUBLIC_URL, server.origin);
    const line =
      options.provider === 'retell'
        ? retellLine(sandbox)
        : twilioLine(sandbox, join(dataDir, 'sandbox-account.json'));

    const authorization = await bearerToken(jwtSecret, TENANT_ID);
    const owner = ownerAt(() => server.origin, { authorization });
    const apiKey = await owner.makeApiKey('npm start');
    const instanceId =
      (await owner.findInstance(INSTANCE_NAME)) ??
      (await owner.makeInstance(INSTANCE_NAME, {
        ...demoAgent,
        ...(options.cast && { voice: voiceOf(options.cast) }),
      }));
    const channel = await owner.setUpVoice(instanceId, {
      ...line.setup,
      ...keysOf(sandbox, options.provider === 'retell' ? [cast.llm.vendor] : vendorsOf(cast)),
    });
    return {
      sandbox,
      server,
      instanceId,
      apiKey,
      channel,
      hasWordTimes: hasWordTimes(cast),
      owner,
      retell: line.retell,
      call: owner.call,
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** What the setup of a channel has to name, and whose it is. */
type DemoLine = { readonly setup: object; readonly retell: Stage['retell'] };

function twilioLine(sandbox: Sandbox, accountFile: string): DemoLine {
  const account = sandbox.carrier.addAccount(knownAccount(accountFile));
  sandbox.carrier.addNumber({ accountSid: account.accountSid, phoneNumber: AGENT_NUMBER });
  return {
    retell: undefined,
    setup: {
      provider: 'pipecat',
      phone_number: AGENT_NUMBER,
      twilio_account_sid: account.accountSid,
      twilio_auth_token: account.authToken,
      twilio_phone_number: AGENT_NUMBER,
    },
  };
}

/** An account with nothing in it but a number. */
function retellLine(sandbox: Sandbox): DemoLine {
  const account = sandbox.retell.addAccount();
  account.addNumber({ phoneNumber: AGENT_NUMBER });
  return {
    retell: { account, before: account.snapshot() },
    setup: { provider: 'retell', api_key: account.apiKey, phone_number: AGENT_NUMBER },
  };
}

/**
 * The account at the sandbox's carrier stays the same from start to start, as a real one would: the
 * server still knows it, and would otherwise try to undo its wiring at an account that is gone.
 */
function knownAccount(file: string): Account {
  if (existsSync(file)) return accountSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const account = { accountSid: newSid('AC'), authToken: randomBytes(16).toString('hex') };
  writeFileSync(file, JSON.stringify(account), { mode: 0o600 });
  return account;
}

/** The keys of these vendors, by their fields of the voice channel. */
const keysOf = (sandbox: Sandbox, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(sandbox.keys).flatMap(([name, key]) =>
      names.includes(name) ? [[`${name}_api_key`, key]] : [],
    ),
  );

const accountSchema = z.object({ accountSid: z.string(), authToken: z.string() });

/** A server's environment in which the outside world is the sandbox; whatever else is set is unset. */
export const sandboxEnv = ({
  urls,
  carrier,
  retell,
}: Sandbox): Readonly<Record<string, string>> => ({
  HOST: '127.0.0.1',
  PUBLIC_URL,
  DATABASE_URL: '',
  JWKS_URL: '',
  ...Object.fromEntries(
    Object.entries(urls).map(([name, url]) => [`${name.toUpperCase()}_URL`, url]),
  ),
  GOOGLE_URL: urls.google,
  TWILIO_URL: carrier.origin,
  RETELL_URL: retell.origin,
});
