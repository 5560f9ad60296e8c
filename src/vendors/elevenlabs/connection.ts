import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { openSocket } from '#lib/web-socket.ts';
import type { SocketEvent } from '#lib/web-socket.ts';
import { failureOfAnswer, failureOfClose, failureOfError } from './failure.ts';
import { closeRequest, keepAliveRequest, openRequest, readServerMessage } from './messages.ts';
import type { ContextMessage } from './messages.ts';

/** One socket, bound to a voice and a model, shared by the contexts of a few calls. */
export type Connection = {
  /** No context more may be opened on it. */
  readonly isFull: boolean;
  /** It was open before now, so its silence or its end may be old news. */
  readonly isKept: boolean;
  /** Opens a context, whose messages go to the listener. */
  open(contextId: string, listener: ContextListener): void;
  /** Sends a request of an open context at once, or as soon as the socket is open. */
  send(contextId: string, request: string): void;
  /** Closes a context that nobody listens to any more. It counts until the service says that it is final. */
  abandon(contextId: string): void;
  /** Gives the connection up if nothing at all has come since `sinceMs`. */
  suspect(sinceMs: number): void;
  close(): void;
};

export type ContextListener = {
  message(message: ContextMessage): void;
  /** The connection is gone, with all its contexts. */
  lost(failure: VendorFailure): void;
};

/** How long the service is asked to bear with a context, and a socket, that says nothing; the most it takes. */
export const INACTIVITY_TIMEOUT_S = 180;

/** A sixth context closes the socket with all the others; one less than the five leaves room for a miscount. */
const MAX_CONTEXTS = 4;
const OPEN_WITHIN_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;
/** An idle socket ends by us before it does by the service, so that no text meets its end. */
const IDLE_MS = 150_000;
/** From one message of an abandoned context to its next; after that the service has lost count, or we have. */
const FINAL_WITHIN_MS = 5_000;
/** A socket that was silent for this long may be half-open: it is pinged before it is relied upon. */
const SILENT_MS = 10_000;
const PONG_WITHIN_MS = 1_500;
const MAX_MESSAGE_BYTES = 4_000_000;

export function openConnection(parts: {
  readonly url: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly failures: FailureMaker;
  /** Called once, when it is of no more use. */
  readonly onEnd: () => void;
}): Connection {
  const { clock, failures } = parts;
  const listeners = new Map<string, ContextListener>();
  /** Contexts that were abandoned and are not final, each with how to stop waiting for it. */
  const abandoned = new Map<string, Cancel>();
  let state: 'connecting' | 'open' | 'retired' | 'over' = 'connecting';
  let early: { readonly contextId: string; readonly request: string }[] = [];
  let heardAtMs = -Infinity;
  let cancelIdle: Cancel = () => undefined;
  let cancelPong: Cancel | undefined;
  let cancelKeepAlive: Cancel = () => undefined;

  const over = (): void => {
    state = 'over';
    cancelIdle();
    cancelPong?.();
    cancelKeepAlive();
    for (const cancel of abandoned.values()) cancel();
    abandoned.clear();
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
    if (listeners.size > 0) return;
    if (state === 'retired') return close();
    if (state === 'open') cancelIdle = clock.after(IDLE_MS, close);
  };
  const keepAlive = (): void => {
    cancelKeepAlive();
    cancelKeepAlive = clock.after(KEEP_ALIVE_MS, () => {
      for (const contextId of listeners.keys()) socket.send(keepAliveRequest(contextId));
      keepAlive();
    });
  };
  const expectPong = (): void => {
    if (state !== 'open' || cancelPong || clock.now() - heardAtMs < SILENT_MS) return;
    socket.ping();
    cancelPong = clock.after(PONG_WITHIN_MS, () =>
      fail(failures.of('timeout', `elevenlabs gave no sign of life for ${PONG_WITHIN_MS} ms`)),
    );
  };
  const awaitFinal = (contextId: string): void => {
    abandoned.get(contextId)?.();
    abandoned.set(
      contextId,
      clock.after(FINAL_WITHIN_MS, () => {
        abandoned.delete(contextId);
        // The calls that speak on it finish; nobody opens a context on it any more.
        if (state === 'open') state = 'retired';
        watchIdle();
      }),
    );
  };

  const onContext = (contextId: string, message: ContextMessage): void => {
    const waiting = abandoned.get(contextId);
    if (waiting && !message.isFinal) return awaitFinal(contextId);
    waiting?.();
    abandoned.delete(contextId);
    const listener = listeners.get(contextId);
    if (message.isFinal && listeners.delete(contextId)) watchIdle();
    listener?.message(message);
  };
  const onText = (text: string): void => {
    const read = readServerMessage(text);
    switch (read?.type) {
      case undefined:
        return;
      case 'context':
        return onContext(read.contextId, read.message);
      // Nobody can tell whose these are, so nobody may wait for them.
      case 'error':
        return fail(failureOfError(failures, read.reason, read.detail));
      case 'garbled':
        return fail(failures.of('garbled', `elevenlabs sent ${read.detail}`));
    }
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
        keepAlive();
        return watchIdle();
      }
      case 'text':
        return onText(event.text);
      case 'binary':
        return fail(failures.of('garbled', 'elevenlabs sent a binary message'));
      case 'pong':
        return;
      case 'refused':
        return fail(failureOfAnswer(failures, event.status, event.body));
      case 'failed':
        return fail(failures.of(event.reason, `elevenlabs: ${event.detail}`));
      case 'closed':
        return fail(failureOfClose(failures, event.code, event.reason));
    }
  };

  const socket = openSocket(
    {
      url: parts.url,
      headers: { 'xi-api-key': parts.apiKey },
      clock,
      openWithinMs: OPEN_WITHIN_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    },
    onSocket,
  );
  const send = (contextId: string, request: string): void => {
    if (state === 'connecting') early.push({ contextId, request });
    else if (state !== 'over') socket.send(request);
  };

  return {
    get isFull() {
      return (
        state === 'retired' || state === 'over' || listeners.size + abandoned.size >= MAX_CONTEXTS
      );
    },
    get isKept() {
      return state === 'open';
    },
    open(contextId, listener) {
      listeners.set(contextId, listener);
      cancelIdle();
      expectPong();
      send(contextId, openRequest(contextId));
    },
    send,
    abandon(contextId) {
      if (!listeners.delete(contextId)) return;
      if (state === 'connecting')
        early = early.filter((request) => request.contextId !== contextId);
      else if (state !== 'over') {
        socket.send(closeRequest(contextId));
        awaitFinal(contextId);
      }
      watchIdle();
    },
    suspect(sinceMs) {
      if (heardAtMs < sinceMs)
        fail(failures.of('timeout', 'elevenlabs keeps a connection open and says nothing on it'));
    },
    close,
  };
}
