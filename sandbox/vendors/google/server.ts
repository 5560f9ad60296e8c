import type { Clock } from '#lib/clock.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { OpenEar, VoiceBank } from '../../speech/speech.ts';
import type { Brain } from '../brain.ts';
import type { Mutable, RequestRecord } from '../records.ts';
import { serveVendor } from '../serve.ts';
import { createGemini } from './gemini.ts';
import type { GeminiTiming, GenerationRecord } from './gemini.ts';
import { serveGrpc } from './grpc.ts';
import type { GrpcCall, GrpcListener } from './grpc.ts';
import { recognize, streamingRecognize } from './speech-service.ts';
import type { StreamAnswer } from './speech-service.ts';
import { INTERNAL, NO_KEY, OK, WRONG_KEY, errorBody, refusalOf } from './status.ts';
import type { Status } from './status.ts';
import { listVoices, streamingSynthesize } from './synthesis.ts';
import type { SynthesisTiming } from './synthesis.ts';

/** Read anew all the time, so they may be changed. */
export type GoogleTiming = Mutable<
  GeminiTiming &
    SynthesisTiming & {
      /** Silence of this much audio closes a segment. */
      readonly finalMs: number;
    }
>;

export type GoogleOptions = {
  readonly bank: VoiceBank;
  readonly openEar: OpenEar;
  readonly brain: Brain;
  readonly clock: Clock;
  /** The keys that are accepted, by all three services. */
  readonly keys: readonly string[];
  readonly faults: Faults;
  /** Undefined: any free one. */
  readonly port?: number;
  readonly timing?: Partial<GoogleTiming>;
};

/** One gRPC connection that was opened. */
export type GrpcConnectionRecord = {
  readonly id: number;
  readonly openedAtMs: number;
  /** Undefined while open. */
  readonly closedAtMs: number | undefined;
};

/** One gRPC stream that was opened. */
export type StreamRecord = {
  readonly service: 'speech' | 'text-to-speech';
  readonly connectionId: number;
  readonly openedAtMs: number;
  /** Undefined while open. */
  readonly closedAtMs: number | undefined;
  /** Messages of the client so far, the configuration included. */
  readonly messages: number;
};

export type GoogleSimulator = {
  /** Origin of all three services, `http://127.0.0.1:…`: gRPC without TLS, and HTTP, on one port. */
  readonly url: string;
  readonly timing: GoogleTiming;
  /** Of gRPC; HTTP leaves `requests` only. */
  connections(): readonly GrpcConnectionRecord[];
  streams(): readonly StreamRecord[];
  requests(): readonly RequestRecord[];
  generations(): readonly GenerationRecord[];
  close(): Promise<void>;
};

const SPEECH = 'speech.googleapis.com';
const TEXT_TO_SPEECH = 'texttospeech.googleapis.com';
const SERVICES: Readonly<Record<string, string>> = {
  'google.cloud.speech.v1.Speech': SPEECH,
  'google.cloud.texttospeech.v1.TextToSpeech': TEXT_TO_SPEECH,
};

/** Google's speech recognition, speech synthesis and Gemini, as a server. Words come from the ear, speech from the bank. */
export async function startGoogle(options: GoogleOptions): Promise<GoogleSimulator> {
  const { clock, faults, keys } = options;
  const timing: GoogleTiming = {
    finalMs: 500,
    firstTokenMs: 400,
    tokensPerSecond: 60,
    firstSpeechMs: 250,
    realTimeFactor: 5,
    chunkMs: 100,
    ...options.timing,
  };
  const connections: Mutable<GrpcConnectionRecord>[] = [];
  const streams: Mutable<StreamRecord>[] = [];
  /** Ends what a stream has under way. */
  const live = new Set<() => void>();
  const gemini = createGemini({ brain: options.brain, clock, keys, faults, timing });

  const stream = (
    call: GrpcCall,
    connectionId: number,
    isSpeech: boolean,
  ): GrpcListener | Status => {
    const fault = faults.take();
    if (fault?.kind === 'reset') {
      call.connection.reset();
      return deaf;
    }
    const refusal = refusalOf(fault, isSpeech ? SPEECH : TEXT_TO_SPEECH);
    if (refusal) return refusal;
    const record: Mutable<StreamRecord> = {
      service: isSpeech ? 'speech' : 'text-to-speech',
      connectionId,
      openedAtMs: clock.now(),
      closedAtMs: undefined,
      messages: 0,
    };
    streams.push(record);
    const answer = answerOf(call, fault, clock);
    const listener = isSpeech
      ? streamingRecognize(answer, { ...options, timing })
      : streamingSynthesize(answer, {
          bank: options.bank,
          clock,
          timing,
          crashed: () => INTERNAL,
        });
    const gone = (): void => {
      if (!live.delete(gone)) return;
      record.closedAtMs = clock.now();
      listener.gone();
    };
    live.add(gone);
    return {
      message(bytes) {
        record.messages += 1;
        listener.message(bytes);
      },
      halfClosed: () => listener.halfClosed(),
      gone,
    };
  };

  const accept = (call: GrpcCall, connectionId: number): GrpcListener | Status => {
    const [, serviceName = '', method = ''] = call.path.split('/');
    const service = SERVICES[serviceName];
    if (service === undefined)
      return { code: 'UNIMPLEMENTED', message: `The sandbox does not play ${serviceName}.` };
    const key = call.header('x-goog-api-key');
    if (key === undefined) return NO_KEY;
    if (!keys.includes(key)) return WRONG_KEY;
    if (method === 'StreamingRecognize' || method === 'StreamingSynthesize')
      return stream(call, connectionId, service === SPEECH);
    // Planned faults are for streams; standing ones are for everybody.
    const { standing } = faults;
    const refusal = standing?.kind === 'down' ? undefined : refusalOf(standing, service);
    if (refusal) return refusal;
    if (method === 'Recognize') return recognize(call, { ...options, timing });
    if (method === 'ListVoices') return listVoices(call);
    return { code: 'UNIMPLEMENTED', message: `The sandbox does not play ${method}.` };
  };

  const server = await serveVendor({
    clock,
    faults,
    port: options.port,
    http: gemini.http,
    http2(socket) {
      const record: Mutable<GrpcConnectionRecord> = {
        id: connections.length + 1,
        openedAtMs: clock.now(),
        closedAtMs: undefined,
      };
      connections.push(record);
      socket.on('close', () => void (record.closedAtMs = clock.now()));
      const { standing } = faults;
      if (standing?.kind === 'reset') socket.resetAndDestroy();
      if (standing?.kind === 'reset' || standing?.kind === 'half-open')
        return { silence: () => undefined };
      return serveGrpc(socket, SPEECH, (call) => accept(call, record.id));
    },
    crashed: (message) => ({
      status: 500,
      body: errorBody({ code: 'INTERNAL', message }, 'generativelanguage.googleapis.com'),
    }),
  });
  return {
    url: `http://${server.host}`,
    timing,
    connections: () => connections.map((one) => ({ ...one })),
    streams: () => streams.map((one) => ({ ...one })),
    requests: () => server.requests(),
    generations: gemini.generations,
    async close() {
      await server.close();
      // The streams' own ends may come after those of their connections.
      for (const gone of live) gone();
    },
  };
}

const deaf: GrpcListener = {
  message: () => undefined,
  halfClosed: () => undefined,
  gone: () => undefined,
};

/** Messages are bytes, and faults cut text: in between each byte is one character, and no text is the end. */
function answerOf(call: GrpcCall, fault: Fault | undefined, clock: Clock): StreamAnswer {
  const send = faultySender(
    fault,
    {
      deliver: (text) => (text === '' ? call.end(OK) : call.send(Buffer.from(text, 'latin1'))),
      kill: () => call.cut(),
      silence: () => call.connection.silence(),
      fail: () => call.end(INTERNAL),
    },
    clock,
  );
  if (fault?.kind === 'half-open') call.connection.silence();
  return {
    send: (message) => send(message.toString('latin1')),
    end: (status) => (status.code === 'OK' ? send('') : call.end(status)),
  };
}
