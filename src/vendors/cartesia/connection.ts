import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { parseRecord, textOf } from '#lib/record.ts';
import { openSocket } from '#lib/web-socket.ts';
import type { SocketEvent } from '#lib/web-socket.ts';
import { CARTESIA_VERSION, readServerMessage } from './messages.ts';
import type { ContextMessage } from './messages.ts';

/** One socket, shared by the contexts of many calls. */
export type Connection = {
  readonly contextCount: number;
  /** False once it has ended or was given up; it is then of no more use. */
  readonly isUsable: boolean;
  /** It was open before now, so its silence or its end may be old news. */
  readonly isKept: boolean;
  /** Sends a context's request at once, or as soon as the socket is open. */
  send(contextId: string, request: string): void;
  /** Messages of a context go to its listener, all others are dropped. */
  attach(contextId: string, listener: ContextListener): void;
  /** Its requests that have not been sent yet never will be. */
  detach(contextId: string): void;
  /** Gives it up if nothing at all has come since `sinceMs`. */
  suspect(sinceMs: number): void;
  close(): void;
};

export type ContextListener = {
  message(message: ContextMessage): void;
  /** The connection is gone, with all its contexts. */
  lost(failure: VendorFailure): void;
};

const OPEN_WITHIN_MS = 5_000;
/** The service ends an idle socket after 5 minutes; before that we do, so that no text meets its end. */
const IDLE_MS = 240_000;
/** A socket that was silent for this long may be half-open: it is pinged before it is relied upon. */
const SILENT_MS = 10_000;
const PONG_WITHIN_MS = 1_500;
const MAX_MESSAGE_BYTES = 4_000_000;

export function openConnection(parts: {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly failures: FailureMaker;
  /** Called once, when it is of no more use. */
  readonly onEnd: () => void;
}): Connection {
  const { clock, failures } = parts;
  const listeners = new Map<string, ContextListener>();
  let state: 'connecting' | 'open' | 'over' = 'connecting';
  let early: { readonly contextId: string; readonly request: string }[] = [];
  let heardAtMs = -Infinity;
  let cancelIdle: Cancel = () => undefined;
  let cancelPong: Cancel | undefined;

  const over = (): void => {
    state = 'over';
    cancelIdle();
    cancelPong?.();
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (state === 'over') return;
    over();
    socket.terminate();
    const left = [...listeners.values()];
    listeners.clear();
    for (const listener of left) listener.lost(failure);
  };
  const close = (): void => {
    if (state === 'over') return;
    over();
    listeners.clear();
    socket.close();
  };
  const watchIdle = (): void => {
    cancelIdle();
    if (state === 'open' && listeners.size === 0) cancelIdle = clock.after(IDLE_MS, close);
  };
  const expectPong = (): void => {
    if (state !== 'open' || cancelPong || clock.now() - heardAtMs < SILENT_MS) return;
    socket.ping();
    cancelPong = clock.after(PONG_WITHIN_MS, () =>
      fail(failures.of('timeout', `cartesia gave no sign of life for ${PONG_WITHIN_MS} ms`)),
    );
  };

  const onText = (text: string): void => {
    const read = readServerMessage(text);
    if (!read) return;
    const { contextId, message } = read;
    if (contextId !== undefined) return listeners.get(contextId)?.message(message);
    // Nobody can tell whose it is, so nobody may wait for it.
    if (message.type === 'error') fail(failures.ofStatus(message.status, message.detail));
    if (message.type === 'garbled') fail(failures.of('garbled', `cartesia sent ${message.detail}`));
  };

  const onSocket = (event: SocketEvent): void => {
    heardAtMs = clock.now();
    cancelPong?.();
    cancelPong = undefined;
    switch (event.type) {
      case 'open': {
        state = 'open';
        const waiting = early;
        early = [];
        for (const { request } of waiting) socket.send(request);
        return watchIdle();
      }
      case 'text':
        return onText(event.text);
      case 'binary':
        return fail(failures.of('garbled', 'cartesia sent a binary message'));
      case 'pong':
        return;
      case 'refused':
        return fail(refusal(failures, event));
      case 'failed':
        return fail(failures.of(event.reason, `cartesia: ${event.detail}`));
      case 'closed': {
        const why = event.reason === '' ? event.code : `${event.code} ${event.reason}`;
        return fail(failures.of('closed', `cartesia closed the connection (${why})`));
      }
    }
  };

  const socket = openSocket(
    {
      url: `${parts.baseUrl}/tts/websocket`,
      headers: {
        authorization: `Bearer ${parts.apiKey}`,
        'cartesia-version': CARTESIA_VERSION,
      },
      clock,
      openWithinMs: OPEN_WITHIN_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    },
    onSocket,
  );

  return {
    get contextCount() {
      return listeners.size;
    },
    get isUsable() {
      return state !== 'over';
    },
    get isKept() {
      return state === 'open';
    },
    send(contextId, request) {
      if (state === 'connecting') early.push({ contextId, request });
      else if (state === 'open') socket.send(request);
    },
    attach(contextId, listener) {
      listeners.set(contextId, listener);
      cancelIdle();
      expectPong();
    },
    detach(contextId) {
      early = early.filter((request) => request.contextId !== contextId);
      if (listeners.delete(contextId)) watchIdle();
    },
    suspect(sinceMs) {
      if (heardAtMs < sinceMs)
        fail(failures.of('timeout', 'cartesia keeps a connection open and says nothing on it'));
    },
    close,
  };
}

/** A handshake answered by HTTP; the body is the service's JSON error, or plain text. */
function refusal(
  failures: FailureMaker,
  event: Extract<SocketEvent, { type: 'refused' }>,
): VendorFailure {
  const body = parseRecord(event.body);
  const detail = body ? textOf(body['message']) || textOf(body['title']) : event.body;
  return failures.ofStatus(event.status, detail);
}
