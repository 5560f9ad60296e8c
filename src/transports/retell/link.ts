import type { RawData, WebSocket } from 'ws';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { readLlmRequest } from './llm-frames.ts';
import type { LlmReply, LlmRequest } from './llm-frames.ts';

export type LinkListener = {
  request(request: LlmRequest): void;
  /** A socket is there, the first one or another. What is sent now goes before what has waited. */
  attached(): void;
  /** A frame that is not in the protocol, or a socket that died. */
  note(text: string): void;
  closed(by: 'caller' | 'broken'): void;
};

/** One call's connection to Retell, which may be carried by several sockets, one after the other. */
export type RetellLink = {
  /** False: the call is over here. A socket that is still there gives way. */
  attach(socket: WebSocket): boolean;
  /** Without a socket it waits for the next one. */
  send(reply: LlmReply): void;
  readonly isAttached: boolean;
  /** Ends the call at Retell. */
  close(): void;
  /** Cuts the socket as a crash would: Retell connects again, perhaps to another node. */
  abort(): void;
};

/** Retell pings every two seconds. */
const QUIET_LIMIT_MS = 10_000;
/** A frame may be waiting while this process stalled: it is read before the socket is given up. */
const STALL_GRACE_MS = 100;
/** How long Retell may take to come back; it tries for about 20 s. */
const RETURN_LIMIT_MS = 30_000;
/** A speech that nobody is there to take is longer than this only by mistake. */
const MAX_WAITING = 1_000;
/** As Retell's own client ends a call: with the normal code, or without any. */
const END_CODES: ReadonlySet<number> = new Set([1000, 1005]);
/** A stranger's garbage must not fill the journal. */
const MAX_NOTES = 20;

export function createRetellLink(
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    /** Whether something that has waited is still worth sending. */
    readonly isWanted: (reply: LlmReply) => boolean;
  },
  listener: LinkListener,
): RetellLink {
  const { clock, log } = parts;
  let socket: WebSocket | undefined;
  let detach = (): void => undefined;
  let cancelReturn: Cancel = () => undefined;
  let waiting: LlmReply[] = [];
  let isOver = false;
  let notes = 0;

  const noteOddity = (text: string): void => {
    if (notes++ < MAX_NOTES) listener.note(text);
  };

  const over = (by: 'caller' | 'broken' | undefined): void => {
    if (isOver) return;
    isOver = true;
    waiting = [];
    cancelReturn();
    detach();
    if (by) listener.closed(by);
  };

  const send = (reply: LlmReply): void => {
    if (isOver) return;
    if (socket && socket.readyState === socket.OPEN)
      return socket.send(JSON.stringify(reply), ignoreSendError);
    // A ping is answered to whoever asked, or not at all.
    if (reply.response_type === 'ping_pong') return;
    if (waiting.length < MAX_WAITING) waiting.push(reply);
  };

  const lost = (code: number): void => {
    detach();
    socket = undefined;
    if (END_CODES.has(code)) return over('caller');
    listener.note(`the socket was lost with ${code}: waiting for Retell to connect again`);
    cancelReturn = clock.after(RETURN_LIMIT_MS, () => over('broken'));
  };

  const serve = (next: WebSocket): void => {
    let lastFrameMs = clock.now();
    const onMessage = (data: RawData, isBinary: boolean): void => {
      lastFrameMs = clock.now();
      const request =
        isBinary || !Buffer.isBuffer(data) ? undefined : readLlmRequest(data.toString('utf8'));
      if (!request) return noteOddity('a frame was passed over: not in the protocol');
      if (request.type === 'ping_pong')
        return send({ response_type: 'ping_pong', timestamp: request.timestamp });
      listener.request(request);
    };
    let cancelWatch: Cancel = () => undefined;
    const watch = (): void => {
      const leftMs = lastFrameMs + QUIET_LIMIT_MS - clock.now();
      cancelWatch = leftMs > 0 ? clock.after(leftMs, watch) : clock.after(STALL_GRACE_MS, giveUp);
    };
    const giveUp = (): void => {
      if (lastFrameMs + QUIET_LIMIT_MS > clock.now()) return watch();
      log.warn({ quietMs: QUIET_LIMIT_MS }, 'nothing from Retell, the socket is given up');
      // Without a close frame: of all codes only 1006 has Retell connect again.
      next.terminate();
    };
    next.on('message', onMessage);
    next.on('close', lost);
    next.on('error', noteError);
    detach = () => {
      cancelWatch();
      next.off('message', onMessage);
      next.off('close', lost);
    };
    watch();
    if (next.readyState === next.CLOSED) lost(1006);
  };
  // `close` follows every error and is where we act; without a listener an error ends the process.
  const noteError = (error: Error): void =>
    log.warn({ error: error.message }, 'socket of Retell failed');

  return {
    attach(next) {
      if (isOver) return false;
      cancelReturn();
      detach();
      socket?.terminate();
      socket = next;
      const kept = waiting;
      waiting = [];
      serve(next);
      listener.attached();
      for (const reply of kept) if (parts.isWanted(reply)) send(reply);
      return true;
    },
    send,
    get isAttached() {
      return socket !== undefined && socket.readyState === socket.OPEN;
    },
    close() {
      over(undefined);
      socket?.close(1000);
    },
    abort: () => socket?.terminate(),
  };
}

/** A failed send is followed by the socket's `close`, which is where we act. */
const ignoreSendError = (): void => undefined;
