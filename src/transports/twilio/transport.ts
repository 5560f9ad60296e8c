import type { RawData, WebSocket } from 'ws';
import type { Transport, TransportListener } from '#contracts/transport.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import {
  cutMediaPayload,
  readTwilioMessage,
  writeClear,
  writeMark,
  writeMedia,
} from './media-streams.ts';

export type TwilioTransport = Transport & {
  /** Cuts the connection as if it had died: the listener is told `broken`. */
  abort(): void;
};

export type TwilioTransportOptions = {
  /** From the stream's `start` message; Twilio passes over what names another stream. */
  readonly streamSid: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** What has not reached the kernel. Over this the other side has stopped reading: about 98 s of sound. */
const MAX_UNSENT_BYTES = 1_048_576;

/** Sound in one message. Twilio takes any length; small ones keep a `clear` from waiting behind a large one. */
const MAX_MEDIA_BYTES = 8_000;

/** Twilio sends 50 frames a second, silence too; a line this quiet is a socket that died without a word. */
const QUIET_LIMIT_MS = 5_000;

/** After a stall of this very process the timers run first: what has come in meanwhile is read before it is missed. */
const STALL_GRACE_MS = 100;

/** What arrives before anybody listens is kept up to this: 5 s of sound. */
const MAX_WAITING = 250;

/**
 * Where every call's sound is decoded: listeners are done with it when they return. The messages
 * are under 64 KiB, and so is the sound in them.
 */
const decoded = Buffer.allocUnsafe(65_536);
/** The same bytes as a plain array: a Buffer's `slice` shares its memory, and a listener may count on a copy. */
const decodedBytes = new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);

/**
 * One phone call's sound over Twilio Media Streams, on a WebSocket whose `start` has been read.
 * - `closed` is said once: `caller` after Twilio's `stop`, `broken` when the connection ended
 *   without one, stayed silent for 5 s, or took no more of our sound.
 * - After `close()` nothing more arrives, not even `closed`; what is sent is dropped.
 */
export function createTwilioTransport(
  socket: WebSocket,
  options: TwilioTransportOptions,
): TwilioTransport {
  const { streamSid, clock, log } = options;
  let waiting: Arrival[] = [];
  let listener: TransportListener | undefined;
  let state: 'open' | 'stopped' | 'closed' = 'open';
  let lastFrameMs = clock.now();

  const arrive = (arrival: Arrival): void => {
    if (listener && waiting.length === 0) return tell(listener, arrival);
    if (waiting.length >= MAX_WAITING) {
      const oldest = waiting.findIndex((one) => one.type === 'audio');
      waiting.splice(Math.max(0, oldest), 1);
    }
    waiting.push(
      arrival.type === 'audio' ? { ...arrival, mulaw: Uint8Array.from(arrival.mulaw) } : arrival,
    );
  };

  const onMessage = (data: RawData, isBinary: boolean): void => {
    if (state !== 'open' || isBinary || !Buffer.isBuffer(data)) return;
    lastFrameMs = clock.now();
    const bytes = cutMediaPayload(data, decoded);
    if (bytes > 0) {
      if (listener && waiting.length === 0) listener.audio(decodedBytes.subarray(0, bytes));
      else arrive({ type: 'audio', mulaw: decodedBytes.subarray(0, bytes) });
      return;
    }
    if (bytes === 0) return;
    const message = readTwilioMessage(data.toString('utf8'));
    switch (message?.event) {
      case 'media':
        if (message.mulaw.length > 0) arrive({ type: 'audio', mulaw: message.mulaw });
        return;
      case 'dtmf':
        return arrive({ type: 'key', digit: message.digit });
      case 'mark':
        return arrive({ type: 'mark', name: message.name });
      case 'stop':
        state = 'stopped';
        release();
        arrive({ type: 'closed', reason: 'caller' });
        socket.close(1000);
        return;
      case 'connected':
      case 'start':
      case undefined:
        return;
    }
  };

  const onClose = (): void => {
    release();
    if (state !== 'open') return;
    state = 'stopped';
    arrive({ type: 'closed', reason: 'broken' });
  };

  // `close` follows in a task of its own, so nobody is told in the middle of a `sendAudio`.
  const abort = (): void => socket.terminate();

  let cancelWatch = (): void => undefined;
  const watch = (): void => {
    const leftMs = lastFrameMs + QUIET_LIMIT_MS - clock.now();
    cancelWatch = leftMs > 0 ? clock.after(leftMs, watch) : clock.after(STALL_GRACE_MS, giveUp);
  };
  const giveUp = (): void => {
    if (lastFrameMs + QUIET_LIMIT_MS > clock.now()) return watch();
    log.warn({ quietMs: QUIET_LIMIT_MS }, 'no sound from the carrier, the connection is given up');
    abort();
  };

  const release = (): void => {
    cancelWatch();
    socket.off('message', onMessage);
    socket.off('close', onClose);
  };

  const send = (text: string): void => {
    if (state !== 'open' || socket.readyState !== socket.OPEN) return;
    socket.send(text, ignoreSendError);
    if (socket.bufferedAmount <= MAX_UNSENT_BYTES) return;
    log.warn({ unsentBytes: socket.bufferedAmount }, 'the carrier takes no more sound');
    abort();
  };

  socket.on('message', onMessage);
  socket.on('close', onClose);
  // `close` follows every error and is where we act; without a listener an error ends the process.
  socket.on('error', (error) => log.warn({ error: error.message }, 'media socket failed'));
  watch();
  // The socket may have died before we came.
  if (socket.readyState === socket.CLOSED) onClose();

  return {
    name: 'twilio',
    leadMs: Infinity,
    listen(next) {
      if (listener) throw new Error('A transport is listened to once.');
      listener = next;
      // Later, so that nobody is called before `listen` has returned; in order, because the
      // socket's own messages come in a task of their own and queue up behind.
      queueMicrotask(() => {
        const kept = waiting;
        waiting = [];
        for (const arrival of kept) if (state !== 'closed') tell(next, arrival);
      });
    },
    sendAudio(mulaw) {
      for (let at = 0; at < mulaw.length; at += MAX_MEDIA_BYTES)
        send(writeMedia(streamSid, mulaw.subarray(at, at + MAX_MEDIA_BYTES)));
    },
    sendMark: (name) => send(writeMark(streamSid, name)),
    clear: () => send(writeClear(streamSid)),
    close() {
      if (state === 'closed') return;
      state = 'closed';
      waiting = [];
      release();
      socket.close(1000);
    },
    abort,
  };
}

type Arrival =
  | { readonly type: 'audio'; readonly mulaw: Uint8Array }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'key'; readonly digit: string }
  | { readonly type: 'closed'; readonly reason: 'caller' | 'broken' };

function tell(listener: TransportListener, arrival: Arrival): void {
  switch (arrival.type) {
    case 'audio':
      return listener.audio(arrival.mulaw);
    case 'mark':
      return listener.mark(arrival.name);
    case 'key':
      return listener.key(arrival.digit);
    case 'closed':
      return listener.closed(arrival.reason);
  }
}

/** A failed send is followed by the socket's `close`, which is where we act. */
const ignoreSendError = (): void => undefined;
