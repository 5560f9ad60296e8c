/**
 * LiveKit Agents for Node without a room: one `AgentSession` for each WebSocket, on custom audio input and
 * output, as its documentation sets them up. It is copied to the folder where LiveKit is installed, and
 * started there. Prints `{"port":…,"version":…}` when it takes calls.
 *
 * The wire is the measurement's own (`pcm-line.ts`): 16-bit PCM at 8 kHz both ways in binary messages, and
 * as text `end`, `clear`, `pause` and `resume` from here, `played` from the caller's end.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as agents from '@livekit/agents';
import * as cartesia from '@livekit/agents-plugin-cartesia';
import * as deepgram from '@livekit/agents-plugin-deepgram';
import * as openai from '@livekit/agents-plugin-openai';
import { AudioFrame } from '@livekit/rtc-node';
import { WebSocketServer } from 'ws';

const SAMPLE_RATE_HZ = 8_000;
const { vendors, prompt, voiceId } = JSON.parse(process.env.BENCH_SETUP);

agents.initializeLogger({ pretty: false, level: 'warn' });

// What a room's output wraps around every audio output; the package keeps it to itself.
const dist = dirname(createRequire(import.meta.url).resolve('@livekit/agents'));
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { TranscriptionSynchronizer } = await load('voice/transcription/synchronizer.js');
const { AudioInput, AudioOutput, TextOutput } = await load('voice/io.js');

class PcmInput extends AudioInput {
  constructor() {
    super();
    const stream = new ReadableStream({
      start: (controller) => void (this.controller = controller),
    });
    this.multiStream.addInputStream(stream);
  }

  push(data) {
    // A copy of its own: frames that share a buffer are sent whole by some plugins.
    const samples = new Int16Array(data.length >> 1);
    Buffer.from(samples.buffer).set(data);
    this.controller.enqueue(new AudioFrame(samples, SAMPLE_RATE_HZ, 1, samples.length));
  }

  finish() {
    this.controller.close();
  }
}

/**
 * The buffer is at the caller's end, which tells when a segment was played. How much of one was played when
 * it is cleared is known here at once, by the clock, as LiveKit's own output over TCP does it: waiting for an
 * answer would let the next turn overtake the end of this one.
 */
class PcmOutput extends AudioOutput {
  constructor(send) {
    super(SAMPLE_RATE_HZ, undefined, { pause: true });
    this.send = send;
    this.segment = undefined;
    this.nextId = 1;
  }

  async captureFrame(frame) {
    await super.captureFrame(frame);
    if (!this.segment) {
      const startedAtMs = Date.now();
      this.segment = { id: this.nextId++, startedAtMs, samples: 0, pausedMs: 0, isFlushed: false };
      this.onPlaybackStarted(startedAtMs);
    }
    if (this.segment.outcome) return;
    this.segment.samples += frame.samplesPerChannel;
    const { buffer, byteOffset, byteLength } = frame.data;
    this.send(Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)));
  }

  flush() {
    super.flush();
    const { segment } = this;
    if (!segment || segment.isFlushed) return;
    segment.isFlushed = true;
    if (!segment.outcome) this.command('end');
    this.settle();
  }

  clearBuffer() {
    const { segment } = this;
    if (!segment || segment.outcome) return;
    const untilMs = segment.pausedAtMs ?? Date.now();
    const elapsedMs = untilMs - segment.startedAtMs - segment.pausedMs;
    segment.outcome = { playedMs: Math.min(elapsedMs, lengthMs(segment)), interrupted: true };
    this.command('clear');
    this.settle();
  }

  pause() {
    super.pause();
    if (this.segment) this.segment.pausedAtMs ??= Date.now();
    this.command('pause');
  }

  resume() {
    super.resume();
    const { segment } = this;
    if (segment?.pausedAtMs !== undefined) {
      segment.pausedMs += Date.now() - segment.pausedAtMs;
      segment.pausedAtMs = undefined;
    }
    this.command('resume');
  }

  command(event) {
    this.send(JSON.stringify({ event, id: this.segment?.id ?? 0 }));
  }

  played(id) {
    if (this.segment?.id !== id) return;
    this.segment.outcome ??= { playedMs: lengthMs(this.segment), interrupted: false };
    this.settle();
  }

  /** A segment is over when it was flushed and its sound has ended. */
  settle() {
    const { segment } = this;
    if (!segment?.isFlushed || !segment.outcome) return;
    this.segment = undefined;
    const { playedMs, interrupted } = segment.outcome;
    this.onPlaybackFinished({ playbackPosition: playedMs / 1_000, interrupted });
  }
}

const lengthMs = ({ samples }) => (samples * 1_000) / SAMPLE_RATE_HZ;

class NoText extends TextOutput {
  async captureText() {}
  flush() {}
}

async function serve(socket) {
  const send = (data) => {
    if (socket.readyState === socket.OPEN) socket.send(data);
  };
  const input = new PcmInput();
  const output = new PcmOutput(send);
  const synchronizer = new TranscriptionSynchronizer(output, new NoText());
  const session = new agents.AgentSession({
    stt: new deepgram.STTv2({
      apiKey: vendors.keys.deepgram,
      endpointUrl: `${vendors.urls.deepgram.replace(/^http/, 'ws')}/v2/listen`,
      model: 'flux-general-en',
      sampleRate: SAMPLE_RATE_HZ,
      eagerEotThreshold: 0.5,
    }),
    llm: new openai.LLM({
      apiKey: vendors.keys.openai,
      baseURL: vendors.urls.openaiChat,
      model: 'gpt-4.1',
    }),
    tts: new cartesia.TTS({
      apiKey: vendors.keys.cartesia,
      baseUrl: vendors.urls.cartesia,
      voice: voiceId,
      sampleRate: SAMPLE_RATE_HZ,
    }),
    turnHandling: {
      turnDetection: 'stt',
      endpointing: { minDelay: 0 },
      preemptiveGeneration: { enabled: true, preemptiveTts: true },
    },
    aecWarmupDuration: null,
  });
  session.on('error', ({ error }) => process.stderr.write(`session: ${String(error)}\n`));
  session.input.audio = input;
  session.output.audio = synchronizer.audioOutput;
  session.output.transcription = synchronizer.textOutput;
  socket.on('message', (data, isBinary) => {
    if (isBinary) input.push(data);
    else output.played(JSON.parse(data.toString('utf8')).id);
  });
  socket.on('close', () => {
    input.finish();
    void session.close().then(() => synchronizer.close());
  });
  await session.start({ agent: new agents.Agent({ instructions: prompt }), record: false });
}

// A session's own loose ends must not end the other calls of this process.
process.on('unhandledRejection', (error) => process.stderr.write(`unhandled: ${String(error)}\n`));

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
  serve(socket).catch((error) => {
    process.stderr.write(`call: ${error.stack ?? error}\n`);
    socket.close();
  });
});
server.on('listening', () => {
  const { port } = server.address();
  process.stdout.write(`${JSON.stringify({ port, version: agents.version })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
