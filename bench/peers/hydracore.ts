import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { newToken } from '#lib/ids.ts';
import { AGENT_VOICE, SYSTEM_PROMPT } from '../script.ts';
import { endChild, startChild } from './child-process.ts';
import { OURS } from './report.ts';
import type { SystemUnderTest } from './system.ts';
import type { World } from './world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PUBLIC_URL = 'https://hydracore.example.test';
const AGENT_NUMBER = '+12025550121';
const CALLER_NUMBER = '+12025550188';
const START_WITHIN_MS = 60_000;
const END_WITHIN_MS = 10_000;
/** As many as the machine may be asked to carry; the default protects smaller ones. */
const MAX_CALLS = 2_000;

/** Our own server as it is installed: its defaults, the embedded database, set up through its API. */
export async function startHydracore(
  world: World,
  core: number | undefined,
): Promise<SystemUnderTest> {
  const { carrier, vendors } = world;
  const started = new AsyncDisposableStack();
  try {
    const dataDir = started.adopt(mkdtempSync(join(tmpdir(), 'hydracore-peers-')), (folder) =>
      rmSync(folder, { recursive: true, force: true }),
    );
    const jwtSecret = newToken(48);
    const child = startChild([process.execPath, 'src/main.ts', 'serve'], {
      core,
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: '0',
        PUBLIC_URL,
        DATA_DIR: dataDir,
        JWT_SECRET: jwtSecret,
        LOG_LEVEL: 'warn',
        DRAIN_SECONDS: '1',
        MAX_CALLS: String(MAX_CALLS),
        TWILIO_URL: carrier.origin,
        DEEPGRAM_URL: vendors.urls.deepgram,
        OPENAI_URL: vendors.urls.openai,
        CARTESIA_URL: vendors.urls.cartesia,
      },
    });
    started.defer(() => endChild(child, END_WITHIN_MS));
    const origin = await listening(child);
    carrier.route(PUBLIC_URL, origin);
    const account = carrier.addAccount();
    carrier.addNumber({ accountSid: account.accountSid, phoneNumber: AGENT_NUMBER });
    const ask = await owner(origin, jwtSecret);
    const { id } = z.object({ id: z.string() }).parse(
      await ask('/v1/instances', {
        name: 'bench',
        agent_config: {
          system_prompt: SYSTEM_PROMPT,
          greeting: '',
          voice: { vendors: { cartesia: { voice: AGENT_VOICE.cartesiaId } } },
        },
      }),
    );
    await ask(`/v1/instances/${id}/channels/voice`, {
      provider: 'pipecat',
      phone_number: AGENT_NUMBER,
      twilio_account_sid: account.accountSid,
      twilio_auth_token: account.authToken,
      twilio_phone_number: AGENT_NUMBER,
      deepgram_api_key: vendors.keys.deepgram,
      openai_api_key: vendors.keys.openai,
      cartesia_api_key: vendors.keys.cartesia,
    });
    return {
      name: OURS,
      version: versionOfPackage(),
      pid: child.pid ?? 0,
      settings: {
        process: 'one for all calls',
        'speech-to-text': 'deepgram flux-general-en, eager end of turn',
        'language-model': 'openai, Responses API',
        'text-to-speech': 'cartesia, websocket',
        'voice-activity': 'silero',
        greeting: '',
        MAX_CALLS,
      },
      dial: (caller) => void carrier.dial({ from: CALLER_NUMBER, to: AGENT_NUMBER, caller }),
      close: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

function listening(child: ReturnType<typeof startChild>): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let complaint = '';
    const timer = setTimeout(
      () => reject(new Error(`did not start within ${START_WITHIN_MS / 1_000} s`)),
      START_WITHIN_MS,
    );
    child.stdout.on('data', (data: Buffer) => {
      out = `${out}${data.toString('utf8')}`.slice(-4_000);
      const origin = /^Listening on (http:\S+)/m.exec(out)?.[1];
      if (origin === undefined) return;
      clearTimeout(timer);
      resolve(origin);
    });
    child.stderr.on('data', (data: Buffer) => {
      complaint = `${complaint}${data.toString('utf8')}`.slice(-2_000);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with code ${code}: ${complaint.trim()}`));
    });
  });
}

/** POSTs as the owner; answers the body of a success. */
async function owner(
  origin: string,
  jwtSecret: string,
): Promise<(path: string, body: object) => Promise<unknown>> {
  const token = await new SignJWT({ tenant_id: '6f1d2f0a-9c1e-4b6e-8f1c-0d5c9a7e4b12' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('bench')
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(jwtSecret));
  return async (path, body) => {
    const response = await fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  };
}

const versionOfPackage = (): string =>
  z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))).version;
