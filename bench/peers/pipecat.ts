import { join } from 'node:path';
import { z } from 'zod';
import { AGENT_VOICE, SYSTEM_PROMPT } from '../script.ts';
import { endChild, firstLine, startChild } from './child-process.ts';
import { install } from './install.ts';
import type { SystemUnderTest } from './system.ts';
import type { World } from './world.ts';

const HERE = join(import.meta.dirname, 'pipecat');
const PUBLIC_URL = 'https://pipecat.example.test';
const AGENT_NUMBER = '+12025550122';
const CALLER_NUMBER = '+12025550188';
const START_WITHIN_MS = 120_000;
const END_WITHIN_MS = 5_000;

/** Pipecat behind Twilio's Media Streams, its pipelines in one process. */
export async function startPipecat(
  world: World,
  core: number | undefined,
  cache: string,
  say: (sentence: string) => void,
): Promise<SystemUnderTest> {
  const { carrier, vendors } = world;
  const folder = await install(
    {
      name: 'pipecat',
      lockFile: join(HERE, 'requirements.txt'),
      files: [join(HERE, 'requirements.txt')],
      steps: [
        ['python3', '-m', 'venv', 'venv'],
        [join('venv', 'bin', 'pip'), 'install', '--quiet', '-r', 'requirements.txt'],
      ],
    },
    cache,
    say,
  );
  const account = carrier.addAccount();
  const python = join(folder, 'venv', 'bin', 'python');
  const child = startChild([python, join(HERE, 'host.py')], {
    core,
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      BENCH_SETUP: JSON.stringify({
        vendors,
        prompt: SYSTEM_PROMPT,
        voiceId: AGENT_VOICE.cartesiaId,
        publicUrl: PUBLIC_URL,
        accountSid: account.accountSid,
        authToken: account.authToken,
        twilioUrl: carrier.origin,
      }),
    },
  });
  try {
    const { port, version } = z
      .object({ port: z.number(), version: z.string() })
      .parse(JSON.parse(await firstLine(child, START_WITHIN_MS)));
    if (process.env['PEERS_LOG']) child.stderr.pipe(process.stderr);
    carrier.route(PUBLIC_URL, `http://127.0.0.1:${port}`);
    carrier.addNumber({
      accountSid: account.accountSid,
      phoneNumber: AGENT_NUMBER,
      voiceUrl: `${PUBLIC_URL}/twiml`,
    });
    return {
      name: 'pipecat',
      version,
      pid: child.pid ?? 0,
      settings: {
        process: 'one for all calls, uvloop',
        'speech-to-text': 'DeepgramFluxSTTService, enable_eager_end_of_turn',
        'language-model': 'OpenAILLMService, Chat Completions API',
        'text-to-speech': 'CartesiaTTSService',
        'voice-activity': 'SileroVADAnalyzer',
        'turn strategies': 'EagerUserTurnStrategies, which the service recommends by itself',
        audio_in_sample_rate: 8_000,
        audio_out_sample_rate: 8_000,
        enable_metrics: true,
        enable_usage_metrics: true,
        serializer: 'TwilioFrameSerializer',
      },
      dial: (caller) => void carrier.dial({ from: CALLER_NUMBER, to: AGENT_NUMBER, caller }),
      close: () => endChild(child, END_WITHIN_MS),
    };
  } catch (error) {
    await endChild(child, END_WITHIN_MS);
    throw error;
  }
}
