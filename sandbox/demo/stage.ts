import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import type { Call } from '#protocol/calls.ts';
import { callSchema } from '#protocol/calls.ts';
import { voiceStatusSchema } from '#protocol/voice-channel.ts';
import type { VoiceStatus } from '#protocol/voice-channel.ts';
import type { Account } from '#sandbox/carrier/accounts.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { z } from 'zod';
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
  readonly onLog?: (line: string) => void;
};

/** Starts everything and sets the agent up through the public API alone, as an owner would. */
export async function openStage(options: StageOptions): Promise<Stage> {
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
          PORT: String(options.port),
          HOST: '127.0.0.1',
          PUBLIC_URL,
          DATA_DIR: dataDir,
          DATABASE_URL: '',
          JWT_SECRET: jwtSecret,
          JWKS_URL: '',
          LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn',
          DRAIN_SECONDS: '2',
          DEEPGRAM_URL: sandbox.urls.deepgram,
          OPENAI_URL: sandbox.urls.openai,
          CARTESIA_URL: sandbox.urls.cartesia,
          TWILIO_URL: sandbox.carrier.origin,
        },
        ...(options.onLog && { onLog: options.onLog }),
      }),
      async (running) => void (await running.stop()),
    );
    sandbox.carrier.route(PUBLIC_URL, server.origin);
    const account = sandbox.carrier.addAccount();
    sandbox.carrier.addNumber({ accountSid: account.accountSid, phoneNumber: AGENT_NUMBER });

    const owner = ownerOf(server.origin, await tokenOf(jwtSecret));
    const apiKey = await owner.makeApiKey();
    const instanceId = await owner.findOrMakeInstance();
    const channel = await owner.setUpVoice(instanceId, sandbox, account);
    return {
      sandbox,
      server,
      instanceId,
      apiKey,
      channel,
      call: owner.call,
      close: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

const tokenOf = (secret: string): Promise<string> =>
  new SignJWT({ tenant_id: TENANT_ID })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('demo')
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(secret));

/** The owner of the agent, at the public API. */
function ownerOf(origin: string, token: string) {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const instanceSchema = z.object({ id: z.string(), name: z.string() });

  return {
    async makeApiKey(): Promise<string> {
      const made = await ask('POST', '/v1/settings/api-keys', {
        name: 'npm start',
        scopes: ['instances:read', 'instances:write', 'instances:delete'],
      });
      return z.object({ plaintext_key: z.string() }).parse(made).plaintext_key;
    },
    async findOrMakeInstance(): Promise<string> {
      const listed = await ask('GET', '/v1/instances');
      const known = z
        .object({ instances: z.array(instanceSchema) })
        .parse(listed)
        .instances.find((instance) => instance.name === INSTANCE_NAME);
      if (known) return known.id;
      const made = await ask('POST', '/v1/instances', {
        name: INSTANCE_NAME,
        agent_config: demoAgent,
      });
      return instanceSchema.parse(made).id;
    },
    async setUpVoice(instanceId: string, sandbox: Sandbox, account: Account): Promise<VoiceStatus> {
      const status = await ask('POST', `/v1/instances/${instanceId}/channels/voice`, {
        provider: 'pipecat',
        phone_number: AGENT_NUMBER,
        twilio_account_sid: account.accountSid,
        twilio_auth_token: account.authToken,
        twilio_phone_number: AGENT_NUMBER,
        deepgram_api_key: sandbox.keys.deepgram,
        openai_api_key: sandbox.keys.openai,
        cartesia_api_key: sandbox.keys.cartesia,
      });
      return voiceStatusSchema.parse(status);
    },
    call: async (callId: string): Promise<Call> =>
      callSchema.parse(await ask('GET', `/v1/calls/${callId}`)),
  };
}
