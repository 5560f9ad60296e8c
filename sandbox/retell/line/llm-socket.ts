import { isRecord } from '#lib/record.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Network, Socket } from '#sandbox/carrier/network.ts';
import { renderCall } from '../retell-call.ts';
import type { RetellCall } from '../account.ts';
import { utterancesOf } from '../transcript.ts';
import { filledIn } from '../webhooks.ts';
import type { AgentSide, LineSide } from './agent-side.ts';
import { frameSchemas } from './llm-frames.ts';

/** One frame on the custom LLM socket, or one event of its connection. */
export type FrameRecord = {
  readonly direction: 'sent' | 'received' | 'connection';
  readonly atMs: number;
  /** 1 for the first connection of the call. */
  readonly connection: number;
  /** The frame's JSON; its text where it is none. For an event: `open`, `refused 404`, `closed 1006`. */
  readonly frame: unknown;
  /** Why it counted for nothing; the server was not told. */
  readonly dropped: string | undefined;
};

const CONNECT_MS = 7_000;
const CONNECT_ATTEMPTS = 3;
const BETWEEN_ATTEMPTS_MS = 3_000;
const PING_MS = 2_000;
const ECHO_LIMIT_MS = 5_000;
const LOST_LIMIT = 2;
const BROKEN_LIMIT = 4;

/**
 * Retell's end of the custom LLM socket of one call, by its documentation. Guessed: a socket that
 * breaks is opened again only with `auto_reconnect`, at once and then 3 s apart; the limits count over
 * the whole call, attempts that fail included; `config` counts only as the first frame of a
 * connection; text that is not JSON is dropped like any other faulty frame.
 */
export function llmSocket(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly call: RetellCall;
  /** Of the agent's engine, as it was set. */
  readonly baseUrl: string;
  readonly line: LineSide;
  readonly record: (frame: FrameRecord) => void;
}): AgentSide {
  const { clock, network, call, line } = options;
  const url = `${filledIn(options.baseUrl, call.dynamicVariables).replace(/\/+$/, '')}/${call.callId}`;
  const timers = new Set<Cancel>();
  let config = { auto_reconnect: false, call_details: false, transcript_with_tool_calls: false };
  let socket: Socket | undefined;
  let connection = 0;
  /** Undefined between two connections: what comes of an older one is nobody's. */
  let active: number | undefined;
  let isOver = false;
  let wasOpen = false;
  let lost = 0;
  let broken = 0;
  let framesReceived = 0;
  let isPinging = false;
  const unanswered = new Map<number, Cancel>();

  const note = (direction: FrameRecord['direction'], frame: unknown, dropped?: string): void =>
    options.record({ direction, atMs: clock.now(), connection, frame, dropped });
  const after = (delayMs: number, fire: () => void): Cancel => {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      fire();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  };
  const send = (frame: object): void => {
    if (!socket) return;
    note('sent', structuredClone(frame));
    socket.send(JSON.stringify(frame));
  };
  const stopPinging = (): void => {
    isPinging = false;
    for (const cancel of unanswered.values()) cancel();
    unanswered.clear();
  };
  const drop = (): void => {
    stopPinging();
    socket = undefined;
    active = undefined;
  };
  const finish = (reason: string): void => {
    if (isOver) return;
    drop();
    isOver = true;
    for (const cancel of timers) cancel();
    line.end(reason);
  };

  const connect = (failed: () => void): void => {
    connection += 1;
    const mine = connection;
    active = mine;
    framesReceived = 0;
    let isOpen = false;
    const isMine = (): boolean => !isOver && active === mine;
    const giveUp = (what: string): void => {
      if (!isMine() || isOpen) return;
      cancel();
      active = undefined;
      note('connection', what);
      failed();
    };
    const cancel = after(CONNECT_MS, () => {
      opening.kill();
      giveUp(`no answer in ${CONNECT_MS} ms`);
    });
    const opening: Socket = network.connect(
      new URL(url),
      {},
      {
        open() {
          if (!isMine()) return opening.kill();
          cancel();
          isOpen = true;
          socket = opening;
          note('connection', 'open');
          if (wasOpen) {
            startPinging();
            line.reconnected();
          }
          wasOpen = true;
        },
        message: (data, binary) => {
          if (!isMine()) return;
          if (!binary) return received(data.toString('utf8'));
          note('received', data.toString('base64'), 'binary');
          opening.close(1_007);
          finish('error_llm_websocket_corrupt_payload');
        },
        refused: (status) => giveUp(`refused ${status}`),
        failed: (fault) => giveUp(fault.message),
        closed(code) {
          if (!isMine()) return;
          note('connection', `closed ${code}`);
          closedMidCall(code);
        },
      },
    );
  };
  const attempt = (left: number): void =>
    connect(() => {
      if (left <= 1) return finish('error_llm_websocket_open');
      after(BETWEEN_ATTEMPTS_MS, () => attempt(left - 1));
    });
  const reconnect = (why: 'lost' | 'broken', delayMs: number): void => {
    drop();
    if (why === 'lost') lost += 1;
    else broken += 1;
    const mayTry = config.auto_reconnect && lost <= LOST_LIMIT && broken <= BROKEN_LIMIT;
    if (!mayTry)
      return finish(
        why === 'lost' ? 'error_llm_websocket_lost_connection' : 'error_llm_websocket_runtime',
      );
    after(delayMs, () => connect(() => reconnect(why, BETWEEN_ATTEMPTS_MS)));
  };
  const closedMidCall = (code: number): void => {
    if (code === 1_000) finish('agent_hangup');
    else if (code === 1_005) finish('error_llm_websocket_open');
    else if (code === 1_006) reconnect('broken', 0);
    else finish('error_llm_websocket_runtime');
  };

  const startPinging = (): void => {
    if (isPinging || !config.auto_reconnect) return;
    isPinging = true;
    const mine = connection;
    const ping = (): void => {
      if (isOver || !isPinging || mine !== active) return;
      const timestamp = Math.floor(clock.now());
      unanswered.set(
        timestamp,
        after(ECHO_LIMIT_MS, () => {
          note('connection', `no echo in ${ECHO_LIMIT_MS} ms`);
          socket?.kill();
          reconnect('lost', 0);
        }),
      );
      send({ interaction_type: 'ping_pong', timestamp });
      after(PING_MS, ping);
    };
    ping();
  };

  const received = (frameText: string): void => {
    let frame: unknown = frameText;
    try {
      frame = JSON.parse(frameText);
    } catch {
      return note('received', frame, 'not JSON');
    }
    framesReceived += 1;
    const dropped = taken(frame);
    note('received', frame, dropped);
  };
  /** Why the frame counts for nothing. */
  const taken = (frame: unknown): string | undefined => {
    if (!isRecord(frame)) return 'not an object';
    const { response_type: type = 'response' } = frame;
    switch (type) {
      case 'config': {
        if (framesReceived > 1) return 'config is not the first frame';
        const read = frameSchemas.config.safeParse(frame);
        if (!read.success) return faultOf(read.error);
        const {
          auto_reconnect = false,
          call_details = false,
          transcript_with_tool_calls = false,
        } = read.data.config;
        config = { auto_reconnect, call_details, transcript_with_tool_calls };
        if (call_details) send({ interaction_type: 'call_details', call: renderCall(call, 'get') });
        startPinging();
        return undefined;
      }
      case 'ping_pong': {
        const read = frameSchemas.ping_pong.safeParse(frame);
        if (!read.success) return faultOf(read.error);
        const { timestamp } = read.data;
        const cancel = unanswered.get(timestamp);
        if (!cancel) return 'no such ping';
        cancel();
        unanswered.delete(timestamp);
        call.latency.llm_websocket_network_rtt.push(clock.now() - timestamp);
        return undefined;
      }
      case 'response': {
        const read = frameSchemas.response.safeParse(frame);
        return read.success ? line.respond(read.data) : faultOf(read.error);
      }
      case 'agent_interrupt': {
        const read = frameSchemas.agent_interrupt.safeParse(frame);
        return read.success ? line.interrupt(read.data) : faultOf(read.error);
      }
      case 'tool_call_invocation': {
        const read = frameSchemas.tool_call_invocation.safeParse(frame);
        return read.success ? line.invokeTool(read.data) : faultOf(read.error);
      }
      case 'tool_call_result': {
        const read = frameSchemas.tool_call_result.safeParse(frame);
        return read.success ? line.toolResult(read.data) : faultOf(read.error);
      }
      case 'update_agent': {
        const read = frameSchemas.update_agent.safeParse(frame);
        return read.success ? line.updateAgent(read.data) : faultOf(read.error);
      }
      case 'metadata': {
        const read = frameSchemas.metadata.safeParse(frame);
        if (!read.success) return faultOf(read.error);
        return call.type === 'web_call' ? undefined : 'metadata reaches web calls alone';
      }
      default:
        return `unknown response_type ${JSON.stringify(type)}`;
    }
  };
  const transcript = (): object => ({
    transcript: utterancesOf(call.transcript),
    ...(config.transcript_with_tool_calls && { transcript_with_tool_calls: call.transcript }),
  });

  return {
    open: () => attempt(CONNECT_ATTEMPTS),
    ask: (kind, responseId) =>
      send({ interaction_type: kind, response_id: responseId, ...transcript() }),
    update: (turntaking) =>
      send({
        interaction_type: 'update_only',
        ...transcript(),
        ...(turntaking !== undefined && { turntaking }),
      }),
    close() {
      if (isOver) return;
      isOver = true;
      for (const cancel of timers) cancel();
      socket?.close();
      drop();
    },
  };
}

const faultOf = (error: {
  readonly issues: readonly { path: PropertyKey[]; message: string }[];
}): string => {
  const [issue] = error.issues;
  return `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not valid'}`;
};
