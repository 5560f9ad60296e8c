import type { WebSocket } from 'ws';
import { bytesOfSamples, samplesOf, WIDE_LINE } from '#audio/format.ts';
import type { OpenResampler } from '#audio/resample.ts';
import type { Transport, TransportListener } from '#contracts/transport.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { agreeOnVersion } from '#protocol/rtvi.ts';
import type { ClientMessage } from '#protocol/rtvi.ts';
import { createClientTools } from './client-tools.ts';
import { messagesOf } from './event-messages.ts';
import { createRtviLink } from './link.ts';
import { createPacer } from './pacer.ts';
import { createUplink } from './uplink.ts';

export type RtviTransport = Transport & {
  /**
   * Resolves once the client has said that it is ready, and was told that the agent is. False: it has
   * gone, or has not said so in time; the socket is closed then.
   */
  readonly ready: Promise<boolean>;
  /** Cuts the connection as if it had died: the listener is told `broken`. */
  abort(): void;
};

export type RtviTransportOptions = {
  readonly callId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly openResampler: OpenResampler;
  /** What the server is called, and its version, for the client to see. */
  readonly about: { readonly library: string; readonly library_version: string };
};

/** From the open socket to `client-ready`: people are asked for their microphone in between. */
const READY_WITHIN_MS = 30_000;
/** A stock client records at 16 kHz, and plays at 24 whatever the frame says. */
const AUDIO = WIDE_LINE;
/** What the client has in hand: it hides late packets, and is heard after an interruption. */
const LEAD_MS = 100;
/** How long the socket stays open after the last sound, so that the client plays it to its end. */
const TAIL_MS = 300;
/** Sound that arrives before anybody listens is kept up to this: 5 s. */
const MAX_WAITING = 250;

/**
 * A call from a browser, or from any other program that speaks RTVI over a WebSocket. Towards the
 * session it is as a phone line: the caller's sound comes steadily, and sound may be sent ahead and
 * thrown away again, since what the client cannot be told to forget waits here.
 */
export function createRtviTransport(
  socket: WebSocket,
  options: RtviTransportOptions,
): RtviTransport {
  const { callId, clock, log, openResampler, about } = options;
  const ready = Promise.withResolvers<boolean>();
  let state: 'new' | 'ready' | 'closed' = 'new';
  let isOld = false;
  let listener: TransportListener | undefined;
  let waiting: Arrival[] = [];

  const arrive = (arrival: Arrival): void => {
    if (listener && waiting.length === 0) arrival(listener);
    else waiting.push(arrival);
  };

  const uplink = createUplink({
    clock,
    format: AUDIO.heard,
    openResampler,
    on(audio) {
      if (state !== 'ready') return;
      if (listener && waiting.length === 0) return listener.audio(audio);
      const copy = Uint8Array.from(audio);
      if (waiting.length < MAX_WAITING) arrive((to) => to.audio(copy));
    },
  });
  const sendPcm = (pcm: Uint8Array): void => link.sendAudio(pcm, AUDIO.spoken.sampleRateHz);
  const pacer = createPacer({
    clock,
    format: AUDIO.spoken,
    leadMs: LEAD_MS,
    send: sendPcm,
    onMark: (name) => arrive((to) => to.mark(name)),
    onCut: (next) => sendPcm(bytesOfSamples(fadedOut(samplesOf(next)))),
  });

  const tools = createClientTools((message) => link.send(message));

  const release = (): void => {
    state = 'closed';
    cancelDeadline();
    uplink.close();
    pacer.close();
    tools.close();
    ready.resolve(false);
  };

  const hungUp = (by: 'caller' | 'broken'): void => {
    if (state === 'closed') return;
    release();
    arrive((to) => to.closed(by));
  };

  const begin = (id: string, version: string): void => {
    const agreed = agreeOnVersion(version);
    if (!agreed)
      return link.fault('This version of RTVI is not spoken here: versions 1 and 2 are.', id);
    isOld = agreed.isOld;
    cancelDeadline();
    link.send({
      type: 'bot-ready',
      id,
      data: { version: agreed.version, about: { ...about, call_id: callId } },
    });
    if (state === 'new') state = 'ready';
    ready.resolve(true);
  };

  const writeAudio = (pcm: Uint8Array, sampleRateHz: number, channels: number): void => {
    if (state !== 'ready') return;
    const problem = uplink.write(pcm, sampleRateHz, channels);
    if (problem) link.fault(problem);
  };

  const onMessage = (message: ClientMessage): void => {
    if (message.type === 'client-ready') return begin(message.id, message.data.version);
    if (state !== 'ready') return link.fault('Say client-ready first.', message.id);
    switch (message.type) {
      case 'disconnect-bot':
        hungUp('caller');
        return link.close(0);
      case 'send-text': {
        const { content, options: given } = message.data;
        if (!given.audio_response)
          return link.fault(
            'The agent answers in speech: audio_response must be true.',
            message.id,
          );
        return arrive((to) => to.typed?.(content, given.run_immediately));
      }
      case 'append-to-context': {
        const { role, content, run_immediately: isAnswered } = message.data;
        if (role !== 'user' || typeof content !== 'string')
          return link.fault("Only text of the role 'user' can be added.", message.id);
        return arrive((to) => to.typed?.(content, isAnswered));
      }
      case 'dtmf':
        for (const key of message.data.buttons) arrive((to) => to.key(key));
        return;
      case 'client-message': {
        const { t } = message.data;
        if (t !== 'call')
          return link.fault("Nothing here answers this message; 'call' is answered.", message.id);
        return link.send({
          type: 'server-response',
          id: message.id,
          data: { t, d: { call_id: callId } },
        });
      }
      case 'llm-function-call-result': {
        const { tool_call_id: toolCallId, result } = message.data;
        const text = typeof result === 'string' ? result : JSON.stringify(result);
        if (tools.answer(toolCallId, text)) return;
        return link.fault('No function waits for this result.', message.id);
      }
      case 'raw-audio': {
        const { base64Audio, sampleRate, numChannels } = message.data;
        return writeAudio(Buffer.from(base64Audio, 'base64'), sampleRate, numChannels);
      }
      case 'raw-audio-batch': {
        const { base64AudioBatch, sampleRate, numChannels } = message.data;
        for (const piece of base64AudioBatch)
          writeAudio(Buffer.from(piece, 'base64'), sampleRate, numChannels);
        return;
      }
    }
  };

  const cancelDeadline = clock.after(READY_WITHIN_MS, () => {
    release();
    link.close(0, 1008, 'no client-ready in time');
  });
  const link = createRtviLink(
    socket,
    { clock, log },
    { message: onMessage, audio: writeAudio, closed: hungUp },
  );

  return {
    name: 'rtvi',
    leadMs: Infinity,
    audio: AUDIO,
    ready: ready.promise,
    listen(next) {
      if (listener) throw new Error('A transport is listened to once.');
      listener = next;
      // Later, so that nobody is called before `listen` has returned.
      queueMicrotask(() => {
        for (let kept = waiting.shift(); kept; kept = waiting.shift()) kept(next);
      });
    },
    sendAudio: (audio) => pacer.push(audio),
    sendMark: (name) => pacer.mark(name),
    clear: () => pacer.clear(),
    show(event) {
      if (state !== 'ready') return;
      const timestamp = new Date(clock.now()).toISOString();
      for (const message of messagesOf(event, { isOld, userId: callId, timestamp }))
        link.send(message);
    },
    callTool: (call, signal) => tools.call(call, signal),
    close() {
      waiting = [];
      if (state !== 'closed') release();
      link.close(TAIL_MS);
    },
    abort: () => link.abort(),
  };
}

/** A sound that breaks off clicks. */
const fadedOut = (pcm: Int16Array): Int16Array =>
  pcm.map((sample, index) => Math.round(sample * (1 - (index + 1) / pcm.length)));

/** Something to tell whoever listens. */
type Arrival = (to: TransportListener) => void;
