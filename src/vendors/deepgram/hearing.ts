import { bytesOf, isLoud, msOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { Heard, HearingStream } from '#contracts/speech-to-text.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { parseRecord, textOf } from '#lib/record.ts';
import type { Log } from '#lib/log.ts';
import { openSocket } from '#lib/web-socket.ts';
import type { SocketEvent } from '#lib/web-socket.ts';
import type { ListenProtocol } from './listen-protocol.ts';

export type HearingParts = {
  readonly protocol: ListenProtocol;
  readonly format: AudioFormat;
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (heard: Heard) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

const OPEN_WITHIN_MS = 5_000;
/** What is kept of audio that came before the socket was open; the oldest goes first. */
const MAX_EARLY_MS = 10_000;
/** Audio that piles up here instead of leaving means that the network does not keep up. */
const MAX_UNSENT_MS = 10_000;
/** A stream that gets nothing for 10 s is closed; with this period it gets something every 6 s at least. */
const KEEP_ALIVE_MS = 3_000;
/** Each ping must have been followed by any sign of life when the next one is due. */
const PING_MS = 5_000;
const MAX_MESSAGE_BYTES = 1_000_000;

type State =
  | { readonly name: 'connecting'; early: (Uint8Array | string)[]; earlyBytes: number }
  | { readonly name: 'open' }
  | { readonly name: 'over' };

/** One call's stream, from the first byte to the first failure: it never reconnects. */
export function openHearing(parts: HearingParts): HearingStream {
  const { protocol, format, clock, failures } = parts;
  const maxEarlyBytes = bytesOf(MAX_EARLY_MS, format);
  const maxUnsentBytes = bytesOf(MAX_UNSENT_MS, format);
  let state: State = { name: 'connecting', early: [], earlyBytes: 0 };
  let audioBytes = 0;
  /** Written and never sent, less what was sent without having been written. */
  let skippedBytes = 0;
  let unansweredMs = 0;
  let unansweredSinceMs = clock.now();
  let sentSinceCheck = false;
  /** Audio that is less than a piece yet. One buffer for the whole call: what is sent of it is copied by then. */
  const piece = new Uint8Array(protocol.chunkBytes);
  let pieceBytes = 0;
  let stopTimers = (): void => undefined;

  const over = (): void => {
    state = { name: 'over' };
    stopTimers();
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (state.name === 'over') return;
    over();
    socket.terminate();
    parts.log.warn({ vendor: 'deepgram', code: failure.code }, 'hearing failed');
    parts.on({ type: 'failed', failure });
  };

  const send = (data: Uint8Array | string): void => {
    if (state.name === 'over') return;
    if (state.name === 'connecting') {
      state.early.push(typeof data === 'string' ? data : Uint8Array.from(data));
      if (typeof data !== 'string') state.earlyBytes += data.length;
      while (state.earlyBytes > maxEarlyBytes) {
        const oldest = state.early.shift();
        if (!oldest || typeof oldest === 'string') continue;
        state.earlyBytes -= oldest.length;
        skippedBytes += oldest.length;
      }
      return;
    }
    socket.send(data);
    sentSinceCheck = true;
    if (socket.unsentBytes > maxUnsentBytes)
      fail(failures.of('timeout', 'deepgram does not take audio as fast as it is spoken'));
  };

  const sendAudio = (audio: Uint8Array): void => {
    audioBytes += audio.length;
    send(audio);
  };
  /** Up to the end of the server's own step, counted from the start of the stream: it waits for that anyway. */
  const missingBytes = (): number => protocol.chunkBytes - (audioBytes % protocol.chunkBytes);

  const sendKeepAlive = (): void => {
    const { keepAlive } = protocol;
    if (typeof keepAlive === 'string') send(keepAlive);
    else {
      skippedBytes -= keepAlive.length;
      sendAudio(keepAlive);
    }
  };

  const flush = (): void => {
    // An empty binary message would end the stream.
    if (pieceBytes === 0) return;
    const full = piece.subarray(0, pieceBytes);
    pieceBytes = 0;
    sendAudio(full);
  };

  const countUnanswered = (audio: Uint8Array): void => {
    const { audioMs, of } = protocol.answerWithin;
    if (of === 'loud' && !isLoud(audio, format)) return;
    if (unansweredMs === 0) unansweredSinceMs = clock.now();
    unansweredMs += msOf(audio.length, format);
    // By the clock as well: kept audio may be written much faster than it was spoken.
    if (unansweredMs < audioMs || clock.now() - unansweredSinceMs < audioMs) return;
    fail(failures.of('timeout', `deepgram has not answered to ${audioMs} ms of audio`));
  };

  const onMessage = (text: string): void => {
    unansweredMs = 0;
    const message = parseRecord(text);
    if (!message) return fail(failures.of('garbled', 'deepgram sent something that is no JSON'));
    const reading = protocol.read(message);
    if (reading.type === 'failed')
      return fail(failures.of(reading.code, `deepgram: ${reading.detail}`));
    for (const heard of reading.heard) {
      // The listener may close the stream while it is being told something.
      if (state.name === 'over') return;
      parts.on(inWritten(heard));
    }
  };
  /** The service counts what it got; who listens counts what was written. */
  const inWritten = (heard: Heard): Heard =>
    'untilMs' in heard && heard.untilMs !== undefined
      ? { ...heard, untilMs: Math.max(0, heard.untilMs + msOf(skippedBytes, format)) }
      : heard;

  const onOpen = (): void => {
    const early = state.name === 'connecting' ? state.early : [];
    state = { name: 'open' };
    for (const data of early) send(data);
    stopTimers = startTimers();
  };

  let signOfLife = true;
  const startTimers = (): (() => void) => {
    const stops = [
      every(clock, PING_MS, () => {
        if (!signOfLife)
          return fail(failures.of('timeout', `deepgram gave no sign of life for ${PING_MS} ms`));
        signOfLife = false;
        socket.ping();
      }),
      every(clock, KEEP_ALIVE_MS, () => {
        if (!sentSinceCheck) sendKeepAlive();
        sentSinceCheck = false;
      }),
    ];
    return () => stops.forEach((stop) => stop());
  };

  const onSocket = (event: SocketEvent): void => {
    signOfLife = true;
    switch (event.type) {
      case 'open':
        return onOpen();
      case 'text':
        return onMessage(event.text);
      case 'binary':
        return fail(failures.of('garbled', 'deepgram sent a binary message'));
      case 'pong':
        return;
      case 'refused':
        return fail(refusal(failures, event));
      case 'failed':
        return fail(failures.of(event.reason, `deepgram: ${event.detail}`));
      case 'closed':
        return fail(ending(failures, event));
    }
  };

  const socket = openSocket(
    {
      url: `${parts.baseUrl}${protocol.path}`,
      headers: parts.headers,
      clock,
      openWithinMs: OPEN_WITHIN_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    },
    onSocket,
  );

  return {
    write(audio) {
      if (state.name === 'over' || audio.length === 0) return;
      if (state.name === 'open') countUnanswered(audio);
      for (let from = 0; from < audio.length;) {
        const takenBytes = Math.min(missingBytes() - pieceBytes, audio.length - from);
        piece.set(audio.subarray(from, from + takenBytes), pieceBytes);
        pieceBytes += takenBytes;
        from += takenBytes;
        if (pieceBytes === missingBytes()) flush();
      }
    },
    finalize() {
      if (state.name === 'over') return;
      // Where nothing can be finalised, the end of speech at least need not wait for a full piece.
      flush();
      if (protocol.finalize) send(protocol.finalize);
    },
    close() {
      if (state.name === 'over') return;
      if (state.name === 'open') socket.send('{"type":"CloseStream"}');
      over();
      socket.close();
    },
  };
}

/** A handshake answered by HTTP: the reason stands in a header, or in the JSON body. */
function refusal(
  failures: FailureMaker,
  event: Extract<SocketEvent, { type: 'refused' }>,
): VendorFailure {
  const body = parseRecord(event.body);
  const reason = textOf(event.headers['dg-error']) || textOf(body?.['err_msg']);
  const requestId = textOf(event.headers['dg-request-id']);
  return failures.ofStatus(event.status, requestId ? `${reason} (request ${requestId})` : reason);
}

/** 1011 `NET-0001`: no audio for 10 s; 1008 `DATA-0000`: audio that cannot be decoded. */
function ending(
  failures: FailureMaker,
  event: Extract<SocketEvent, { type: 'closed' }>,
): VendorFailure {
  const why = event.reason === '' ? `${event.code}` : `${event.code} ${event.reason}`;
  const code = event.reason.startsWith('DATA-') ? 'invalid' : 'closed';
  return failures.of(code, `deepgram closed the connection (${why})`);
}

/** Calls `fire` every `periodMs` until stopped. */
function every(clock: Clock, periodMs: number, fire: () => void): () => void {
  let stopped = false;
  let cancel = (): void => undefined;
  const next = (): void => {
    cancel = clock.after(periodMs, () => {
      fire();
      if (!stopped) next();
    });
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
