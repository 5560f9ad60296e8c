import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import { loopbackNetwork } from '#sandbox/carrier/network.ts';
import { bearerToken, ownerAt } from '#sandbox/demo/owner.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { pinningOf, pinSelf, startProcess } from './lib/processes.ts';
import type { Pinning, Running } from './lib/processes.ts';
import { createFleet } from './load/fleet.ts';
import type { Fleet } from './load/fleet.ts';
import { speakScript } from './load/voice.ts';
import type { SpokenScript } from './load/voice.ts';
import type { Control, MocksAddress } from './mocks/mocks.ts';
import { AGENT_VOICE, GREETING, SYSTEM_PROMPT } from './script.ts';

/** The server under test in a process of its own, with its callers and vendors in others. */
export type World = {
  readonly pinning: Pinning | undefined;
  readonly script: SpokenScript;
  readonly server: Running & {
    /** How late its event loop was since it was asked last, in milliseconds. */
    eventLoopDelayMs(): Promise<{ readonly p50: number; readonly p99: number }>;
  };
  /** Callers of an agent that prepares its replies on trial, or of one that does not. */
  fleet(speculation: boolean): Fleet;
  askMocks<Path extends keyof Control>(path: Path): Promise<Control[Path]>;
  close(): Promise<void>;
};

/** The metric looks every 10 ms, and counts them: 10 is none. */
const METRICS_RESOLUTION_MS = 10;
const PUBLIC_URL = 'https://voice.bench.test';
const NUMBERS = { true: '+12025550101', false: '+12025550102' } as const;

/**
 * Starts everything. The server is set up by its public API and reached by signed webhooks and sockets
 * alone, with an embedded database and the settings that it has by default.
 * @param nodeFlags for the server's process, such as `--cpu-prof`
 */
export async function openWorld(options: {
  readonly nodeFlags?: readonly string[];
  readonly say: (progress: string) => void;
}): Promise<World> {
  const { say } = options;
  const pinning = pinningOf();
  if (pinning) pinSelf(pinning.others);
  await using started = new AsyncDisposableStack();

  say('starting the vendors');
  const mocks = started.adopt(
    await startProcess({
      args: ['bench/mocks/main.ts'],
      processors: pinning?.others,
      ready: (line) =>
        line.startsWith('{') ? z.custom<MocksAddress>().parse(JSON.parse(line)) : undefined,
    }),
    (running) => running.stop(),
  );
  const { urls, keys } = mocks.answer;
  say('preparing the speech');
  const bank = started.use(await createVoiceBank());
  const script = await speakScript(bank);
  const carrier = started.use(await startCarrier({ clock: systemClock, bank }));
  const account = carrier.addAccount();

  say('starting the server');
  const dataDir = started.adopt(mkdtempSync(join(tmpdir(), 'hydracore-bench-')), (folder) =>
    rmSync(folder, { recursive: true, force: true }),
  );
  const jwtSecret = newToken(48);
  const server = started.adopt(
    await startProcess({
      args: [...(options.nodeFlags ?? []), 'src/main.ts', 'serve'],
      processors: pinning?.underTest,
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        PUBLIC_URL,
        DATABASE_URL: '',
        DATA_DIR: dataDir,
        JWT_SECRET: jwtSecret,
        JWKS_URL: '',
        LOG_LEVEL: 'error',
        MAX_CALLS: '100000',
        DRAIN_SECONDS: '1',
        DEEPGRAM_URL: urls.deepgram,
        OPENAI_URL: urls.openai,
        CARTESIA_URL: urls.cartesia,
        TWILIO_URL: carrier.origin,
      },
      ready: (line) => /^Listening on (http:\S+)/.exec(line)?.[1],
    }),
    (running) => running.stop(),
  );
  const origin = server.answer;
  carrier.route(PUBLIC_URL, origin);
  const owner = ownerAt(() => origin, {
    authorization: await bearerToken(jwtSecret, newUuid()),
  });

  const fleets = new Map<boolean, Fleet>();
  for (const speculation of [true, false]) {
    const phoneNumber = NUMBERS[`${speculation}`];
    const number = carrier.addNumber({ accountSid: account.accountSid, phoneNumber });
    const instanceId = await owner.makeInstance(`speculation ${speculation}`, {
      system_prompt: SYSTEM_PROMPT,
      greeting: GREETING,
      language: 'en',
      voice: {
        stt: ['deepgram'],
        llm: ['openai'],
        tts: ['cartesia'],
        vendors: { cartesia: { voice: AGENT_VOICE.cartesiaId } },
        speculation,
      },
    });
    const channel = await owner.setUpVoice(instanceId, {
      provider: 'pipecat',
      phone_number: phoneNumber,
      twilio_account_sid: account.accountSid,
      twilio_auth_token: account.authToken,
      twilio_phone_number: phoneNumber,
      deepgram_api_key: keys.deepgram,
      openai_api_key: keys.openai,
      cartesia_api_key: keys.cartesia,
    });
    if (channel.status !== 'active') throw new Error(`the channel is ${channel.status}`);
    const network = loopbackNetwork({ [PUBLIC_URL]: origin });
    fleets.set(speculation, createFleet({ network, account, number }));
  }

  const opened = started.move();
  return {
    pinning,
    script,
    server: {
      pid: server.pid,
      stop: () => server.stop(),
      async eventLoopDelayMs() {
        const { text } = await owner.request('GET', '/metrics');
        const seconds = (name: string): number =>
          Number(
            new RegExp(`^nodejs_eventloop_lag_${name}_seconds ([\\d.e+-]+)$`, 'm').exec(text)?.[1],
          );
        const late = (name: string): number =>
          Math.max(0, seconds(name) * 1_000 - METRICS_RESOLUTION_MS);
        return { p50: late('p50'), p99: late('p99') };
      },
    },
    fleet(speculation) {
      const fleet = fleets.get(speculation);
      if (!fleet) throw new Error('there is a fleet for each kind of agent');
      return fleet;
    },
    askMocks: async (path) => {
      const response = await fetch(`${urls.control}${path}`);
      return z.custom<Control[typeof path]>().parse(await response.json());
    },
    async close() {
      await Promise.all([...fleets.values()].map((fleet) => fleet.close()));
      await opened.disposeAsync();
    },
  };
}
