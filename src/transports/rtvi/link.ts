import type { RawData, WebSocket } from 'ws';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { readRtviFrame, writeAudioFrame, writeMessageFrame } from '#protocol/rtvi-frames.ts';
import { readClientMessage, writeServerMessage } from '#protocol/rtvi.ts';
import type { ClientMessage, ServerMessage } from '#protocol/rtvi.ts';

export type LinkListener = {
  message(message: ClientMessage): void;
  /** 16-bit linear PCM, little-endian; valid only until the listener returns. */
  audio(pcm: Uint8Array, sampleRateHz: number, channels: number): void;
  closed(by: 'caller' | 'broken'): void;
};

/** One client's connection, in either form of the protocol: it is answered in the form it speaks itself. */
export type RtviLink = {
  send(message: ServerMessage): void;
  /** Mono PCM, 16 bits, little-endian. Clients of the plain form get none. */
  sendAudio(pcm: Uint8Array, sampleRateHz: number): void;
  /** Something of the client's was not right: it is told, and one that does nothing else is cut off. */
  fault(error: string, id?: string): void;
  /** Nothing more is told. The socket is closed after `afterMs`. */
  close(afterMs: number, code?: number, reason?: string): void;
  /** Cuts the connection as if it had died. */
  abort(): void;
};

/** What has not reached the kernel: about 10 s of sound. Over this the client has stopped reading. */
const MAX_UNSENT_BYTES = 524_288;
/** Browsers answer pings by themselves; two of them without an answer are a machine that has gone. */
const PING_EVERY_MS = 10_000;
const MAX_FAULTS = 100;
/** Messages, not sound: as many at once, and as many a second after that. */
const BURST = 200;
const MESSAGES_PER_SECOND = 20;
/** As a client hangs up: in order, by leaving the page, or without a code. */
const HUNG_UP: ReadonlySet<number> = new Set([1000, 1001, 1005]);

export function createRtviLink(
  socket: WebSocket,
  parts: { readonly clock: Clock; readonly log: Log },
  listener: LinkListener,
): RtviLink {
  const { clock, log } = parts;
  let form: 'binary' | 'plain' | undefined;
  let isOpen = true;
  let faults = 0;
  let credit = BURST;
  let creditMs = clock.now();
  let isHeard = true;

  const transmit = (data: string | Uint8Array): void => {
    if (!isOpen || socket.readyState !== socket.OPEN) return;
    socket.send(data, ignoreSendError);
    if (socket.bufferedAmount <= MAX_UNSENT_BYTES) return;
    log.warn({ unsentBytes: socket.bufferedAmount }, 'a client takes no more sound');
    socket.terminate();
  };

  const send = (message: ServerMessage): void => {
    const json = writeServerMessage(message);
    transmit(form === 'binary' ? writeMessageFrame(json) : json);
  };

  const over = (by: 'caller' | 'broken'): void => {
    if (!isOpen) return;
    release();
    listener.closed(by);
  };

  const cutOff = (reason: string): void => {
    log.warn({ reason }, 'a client is cut off');
    socket.close(1008, reason);
    over('broken');
  };

  const fault = (error: string, id?: string): void => {
    if (!isOpen) return;
    faults += 1;
    if (faults > MAX_FAULTS) return cutOff('too many malformed messages');
    if (id === undefined)
      return send({ type: 'error', data: { error, message: error, fatal: false } });
    send({ type: 'error-response', id, data: { error } });
  };

  const isTooMany = (): boolean => {
    const nowMs = clock.now();
    credit = Math.min(BURST, credit + ((nowMs - creditMs) / 1_000) * MESSAGES_PER_SECOND);
    creditMs = nowMs;
    credit -= 1;
    return credit < 0;
  };

  const read = (json: string): void => {
    if (isTooMany()) return cutOff('too many messages');
    const result = readClientMessage(json);
    switch (result.is) {
      case 'message':
        return listener.message(result.message);
      case 'refused':
        return fault(result.error, result.id);
      case 'malformed':
        return fault(result.error);
      case 'foreign':
        return undefined;
    }
  };

  const onMessage = (data: RawData, isBinary: boolean): void => {
    isHeard = true;
    if (!Buffer.isBuffer(data)) return;
    form ??= isBinary ? 'binary' : 'plain';
    if (!isBinary) return read(data.toString('utf8'));
    const frame = readRtviFrame(data);
    switch (frame?.kind) {
      case undefined:
        return isTooMany()
          ? cutOff('too many messages')
          : fault('The frame is not one of Pipecat.');
      case 'audio':
        return listener.audio(frame.audio, frame.sampleRateHz, frame.channels);
      case 'message':
        return read(frame.json);
      case 'other':
        return undefined;
    }
  };

  const onClose = (code: number): void => over(HUNG_UP.has(code) ? 'caller' : 'broken');
  const onPong = (): void => void (isHeard = true);
  // `close` follows every error and is where we act; without a listener an error ends the process.
  socket.on('error', (error) => log.warn({ error: error.message }, 'socket of a client failed'));

  let cancelWatch: Cancel = () => undefined;
  const watch = (): void => {
    isHeard = false;
    if (socket.readyState === socket.OPEN) socket.ping();
    cancelWatch = clock.after(PING_EVERY_MS, () => {
      if (isHeard) return watch();
      // A stall of this very process lets the timer run before what has come in is read.
      cancelWatch = clock.after(PING_EVERY_MS, () => (isHeard ? watch() : socket.terminate()));
    });
  };

  const release = (): void => {
    isOpen = false;
    cancelWatch();
    socket.off('message', onMessage);
    socket.off('close', onClose);
    socket.off('pong', onPong);
  };

  socket.on('message', onMessage);
  socket.on('close', onClose);
  socket.on('pong', onPong);
  watch();
  // The socket may have died before we came.
  if (socket.readyState === socket.CLOSED) queueMicrotask(() => over('broken'));

  return {
    send,
    sendAudio(pcm, sampleRateHz) {
      if (form === 'binary') transmit(writeAudioFrame(pcm, sampleRateHz));
    },
    fault,
    close(afterMs, code = 1000, reason = '') {
      if (!isOpen) return;
      release();
      if (afterMs === 0) return socket.close(code, reason);
      const cancel = clock.after(afterMs, () => socket.close(code, reason));
      socket.once('close', cancel);
    },
    abort: () => socket.terminate(),
  };
}

/** A failed send is followed by the socket's `close`, which is where we act. */
const ignoreSendError = (): void => undefined;
