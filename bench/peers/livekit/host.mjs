/**
 * LiveKit Agents for Node without a room: one `AgentSession` for each WebSocket, on custom audio input and
 * output, as its documentation sets them up. It is copied to the folder where LiveKit is installed, and
 * started there. Prints `{"port":…,"version":…}` when it takes calls.
 *
 * The wire is the measurement's own (`pcm-line.ts`): 16-bit PCM at 8 kHz both ways in binary messages, and
 * as text `end`, `clear`, `pause` and `resume` from here, `played` and `cleared` from the caller's end.
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

/** The buffer is at the caller's end, which tells what was played: better than a clock. */
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
      this.segment = { id: this.nextId++, samples: 0, isFlushed: false, isClearing: false };
      this.onPlaybackStarted(Date.now());
    }
    if (this.segment.isClearing) return;
    this.segment.samples += frame.samplesPerChannel;
    const { buffer, byteOffset, byteLength } = frame.data;
    this.send(Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)));
  }

  flush() {
    super.flush();
    if (!this.segment || this.segment.isFlushed) return;
    this.segment.isFlushed = true;
    if (!this.segment.isClearing) this.command('end');
    this.settle();
  }

  clearBuffer() {
    if (!this.segment || this.segment.isClearing) return;
    this.segment.isClearing = true;
    this.command('clear');
  }

  pause() {
    super.pause();
    this.command('pause');
  }

  resume() {
    super.resume();
    this.command('resume');
  }

  command(event) {
    this.send(JSON.stringify({ event, id: this.segment?.id ?? 0 }));
  }

  told({ event, id, playedMs }) {
    if (!this.segment || this.segment.id !== id) return;
    const wholeMs = (this.segment.samples * 1_000) / SAMPLE_RATE_HZ;
    // Both may be on their way at once; what is cleared after its last sample was played in full.
    if (event === 'played') this.segment.outcome ??= { playedMs: wholeMs, interrupted: false };
    if (event === 'cleared') this.segment.outcome ??= { playedMs, interrupted: true };
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
    else output.told(JSON.parse(data.toString('utf8')));
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
