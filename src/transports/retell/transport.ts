import type { WebSocket } from 'ws';
import type { AgentManners, WordsListener, WordsTransport } from '#contracts/words-transport.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { JsonRecord } from '#lib/record.ts';
import { createRetellLink } from './link.ts';
import { speechOf } from './llm-frames.ts';
import type { LlmReply, LlmRequest } from './llm-frames.ts';

export type RetellTransport = WordsTransport & {
  /** The call goes on, or begins, on this socket. False: it is over here. */
  attach(socket: WebSocket): boolean;
  /** What Retell says of the call when it connects; undefined: nothing within `limitMs`. */
  details(limitMs: number): Promise<JsonRecord | undefined>;
  /** Cuts the socket as a crash would. */
  abort(): void;
};

/** What Retell waits for. The first is what the agent begins the call with. */
type Request = {
  readonly id: number;
  /** Until a `content_complete`: there is exactly one. */
  isOpen: boolean;
  /** Something was said to it: another speech would be joined to that. */
  isTouched: boolean;
  /** The socket, counted from 1, on which it was last asked for, or its answer completed. */
  socket: number;
};

/** Where a speech goes: to a request, or in between. */
type Channel = {
  readonly speechId: number;
  readonly answers: Request | undefined;
  readonly interruptId: number;
};

/**
 * One call on Retell's custom LLM socket, over all the sockets that it takes. Every request that is not
 * superseded is closed exactly once; what is said to one that is, is not sent.
 */
export function createRetellTransport(parts: {
  readonly clock: Clock;
  readonly log: Log;
  /** The call is over here, by either side. */
  readonly onOver: () => void;
}): RetellTransport {
  const { clock } = parts;
  let listener: WordsListener | undefined;
  /** What arrived before anybody listened; of transcripts and requests the newest says it all. */
  let early: { readonly request?: LlmRequest; readonly notes: readonly string[] } = { notes: [] };
  let endedEarly: 'caller' | 'broken' | undefined;
  let sockets = 0;
  let request: Request = { id: 0, isOpen: true, isTouched: false, socket: 1 };
  let channel: Channel | undefined;
  /** Speeches up to this one, whose ids grow. */
  let dropped = 0;
  let interrupts = 0;
  let manners: AgentManners | undefined;
  const details = Promise.withResolvers<JsonRecord>();

  const onRequest = (received: LlmRequest): void => {
    switch (received.type) {
      case 'call_details':
        return details.resolve(received.call);
      case 'ping_pong':
        return;
      case 'update_only':
        if (listener) return tell(listener, received);
        // A request says more than what was said since.
        if (early.request?.type === 'update_only' || !early.request)
          early = { ...early, request: received };
        return;
      case 'response_required':
      case 'reminder_required':
        if (listener) return ask(listener, received);
        // Kept until it can be told: until then nobody knows of it who could answer.
        if (received.responseId >= responseIdOf(early.request))
          early = { ...early, request: received };
    }
  };

  const ask = (of: WordsListener, received: RequestFrame): void => {
    const { responseId } = received;
    // After a new connection the newest one may be asked for again: its answer may be lost.
    const isAgain = responseId === request.id && request.socket < sockets;
    if (isAgain && request.isOpen) {
      request.socket = sockets;
      return;
    }
    if (responseId <= request.id && !isAgain)
      return note(`request ${responseId} was passed over: it is not the newest`);
    request = { id: responseId, isOpen: true, isTouched: false, socket: sockets };
    if (channel?.answers) dropSpeech(channel.speechId);
    tell(of, received);
  };

  const note = (text: string): void => {
    if (listener) listener.note(text);
    else early = { ...early, notes: [...early.notes, text] };
  };

  const link = createRetellLink(
    {
      clock,
      log: parts.log,
      isWanted: (reply) => reply.response_type !== 'response' || reply.response_id === request.id,
    },
    {
      request: onRequest,
      attached() {
        sockets += 1;
        link.send(CONFIG);
        if (manners) link.send(updateOf(manners));
      },
      note,
      closed(by) {
        parts.onOver();
        if (listener) listener.closed(by);
        else endedEarly = by;
      },
    },
  );

  const close = (of: Request): void => {
    of.isOpen = false;
    // What waits for a socket goes over the next one.
    of.socket = link.isAttached ? sockets : sockets + 1;
  };

  const send = (of: Channel | undefined, speech: ReturnType<typeof speechOf>): void => {
    if (!of) return;
    const { answers } = of;
    if (answers) {
      if (answers !== request || !answers.isOpen) return;
      answers.isTouched = true;
      if (speech.content_complete) close(answers);
      return link.send({ response_type: 'response', response_id: answers.id, ...speech });
    }
    link.send({ response_type: 'agent_interrupt', interrupt_id: of.interruptId, ...speech });
  };

  const closeRequest = (): void => {
    if (!request.isOpen) return;
    close(request);
    link.send({ response_type: 'response', response_id: request.id, ...speechOf('', true, true) });
  };

  const dropSpeech = (speechId: number): void => {
    dropped = Math.max(dropped, speechId);
    if (channel && channel.speechId <= dropped) channel = undefined;
  };

  /** Undefined: of this speech nothing more is taken. */
  const channelOf = (speechId: number): Channel | undefined => {
    if (speechId <= dropped) return undefined;
    if (channel?.speechId === speechId) return channel;
    if (request.isOpen && !request.isTouched)
      return (channel = { speechId, answers: request, interruptId: 0 });
    closeRequest();
    return (channel = { speechId, answers: undefined, interruptId: ++interrupts });
  };

  return {
    name: 'retell',
    attach: (socket) => link.attach(socket),
    async details(limitMs) {
      const limit = new AbortController();
      const late = clock.sleep(limitMs, limit.signal).catch(() => undefined);
      const first = await Promise.race([details.promise, late]);
      limit.abort();
      return first ?? undefined;
    },
    listen(next) {
      if (listener) throw new Error('A transport is listened to once.');
      // Later, so that nobody is called before `listen` has returned.
      queueMicrotask(() => {
        listener = next;
        for (const text of early.notes) next.note(text);
        if (early.request && 'responseId' in early.request) ask(next, early.request);
        else if (early.request) tell(next, early.request);
        if (endedEarly) next.closed(endedEarly);
      });
    },
    describe(next) {
      manners = next;
      link.send(updateOf(next));
    },
    say(speechId, text, { interruptible }) {
      if (text !== '') send(channelOf(speechId), speechOf(text, false, interruptible));
    },
    finish(speechId, { interruptible, afterwards }) {
      send(channelOf(speechId), speechOf('', true, interruptible, afterwards));
    },
    drop: dropSpeech,
    yieldTurn: closeRequest,
    toolCalled({ callId, name, arguments: json }) {
      link.send({
        response_type: 'tool_call_invocation',
        tool_call_id: callId,
        name,
        arguments: json,
      });
    },
    toolAnswered(callId, result, isSuccess) {
      link.send({
        response_type: 'tool_call_result',
        tool_call_id: callId,
        content: result,
        successful: isSuccess,
      });
    },
    close() {
      link.close();
      parts.onOver();
    },
    abort: () => link.abort(),
  };
}

type RequestFrame = Extract<LlmRequest, { readonly responseId: number }>;

const responseIdOf = (request: LlmRequest | undefined): number =>
  request && 'responseId' in request ? request.responseId : 0;

const CONFIG: LlmReply = {
  response_type: 'config',
  config: { auto_reconnect: true, call_details: true, transcript_with_tool_calls: true },
};

const updateOf = ({ promptAfterMs, promptCount, interruptible }: AgentManners): LlmReply => ({
  response_type: 'update_agent',
  agent_config: {
    reminder_trigger_ms: promptAfterMs,
    reminder_max_count: promptCount,
    ...(!interruptible && { interruption_sensitivity: 0 }),
  },
});

function tell(listener: WordsListener, request: LlmRequest): void {
  switch (request.type) {
    case 'update_only': {
      if (request.turn) listener.turn(request.turn);
      return listener.said(request.transcript);
    }
    case 'response_required':
      return listener.due('answer', request.transcript);
    case 'reminder_required':
      return listener.due('prompt', request.transcript);
    case 'call_details':
    case 'ping_pong':
      return undefined;
  }
}
