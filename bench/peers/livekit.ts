import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AGENT_VOICE, SYSTEM_PROMPT } from '../script.ts';
import { endChild, firstLine, startChild } from './child-process.ts';
import { install } from './install.ts';
import { dialPcm } from './pcm-line.ts';
import type { SystemUnderTest } from './system.ts';
import type { World } from './world.ts';

const HERE = join(import.meta.dirname, 'livekit');
const START_WITHIN_MS = 60_000;
const END_WITHIN_MS = 5_000;

/** LiveKit Agents for Node, its sessions in one process, without a room. */
export async function startLiveKit(
  world: World,
  core: number | undefined,
  cache: string,
  say: (sentence: string) => void,
): Promise<SystemUnderTest> {
  const folder = await install(
    {
      name: 'livekit',
      lockFile: join(HERE, 'package-lock.json'),
      files: [join(HERE, 'package.json'), join(HERE, 'package-lock.json')],
      steps: [['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error']],
    },
    cache,
    say,
  );
  copyFileSync(join(HERE, 'host.mjs'), join(folder, 'host.mjs'));
  const child = startChild([process.execPath, 'host.mjs'], {
    core,
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      BENCH_SETUP: JSON.stringify({
        vendors: world.vendors,
        prompt: SYSTEM_PROMPT,
        voiceId: AGENT_VOICE.cartesiaId,
      }),
    },
  });
  try {
    const { port, version } = z
      .object({ port: z.number(), version: z.string() })
      .parse(JSON.parse(await firstLine(child, START_WITHIN_MS)));
    if (process.env['PEERS_LOG']) child.stderr.pipe(process.stderr);
    return {
      name: 'livekit-agents (Node)',
      version,
      pid: child.pid ?? 0,
      settings: {
        process: 'one for all calls',
        'speech-to-text': 'deepgram.STTv2 flux-general-en, eagerEotThreshold 0.5, sampleRate 8000',
        'language-model': 'openai.LLM, Chat Completions API',
        'text-to-speech': 'cartesia.TTS, sampleRate 8000',
        'voice-activity': 'silero, the default of AgentSession',
        'turnHandling.turnDetection': 'stt',
        'turnHandling.endpointing.minDelay': 0,
        'turnHandling.preemptiveGeneration.preemptiveTts': true,
        aecWarmupDuration: 'null',
        transcript: 'TranscriptionSynchronizer of its room output',
        'line to the caller': 'PCM at 8 kHz, no mu-law and no JSON for audio',
      },
      dial(caller) {
        dialPcm(`ws://127.0.0.1:${port}`, world.clock, caller);
      },
      close: () => endChild(child, END_WITHIN_MS),
    };
  } catch (error) {
    await endChild(child, END_WITHIN_MS);
    throw error;
  }
}
