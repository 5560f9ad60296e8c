import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { textOf } from '#lib/record.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';

/** A frame that our server sent. */
export type Frame = Readonly<Record<string, unknown>> & { readonly response_type: string };

type Entry =
  | { role: 'agent' | 'user'; content: string }
  | { role: 'tool_call_invocation'; tool_call_id: string; name: string; arguments: string }
  | { role: 'tool_call_result'; tool_call_id: string; content: string }
  | { role: 'dtmf'; digit: string };

/** What Retell does after a speech. */
type Action = { readonly end?: true; readonly transfer?: string; readonly keys?: string };

export const WORD_MS = 200;

/** Our end of a socket that is no more than this: what `ws` tells, and nothing of the network. */
class NearSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  /** 1006 is `terminate`. */
  closedWith: number | undefined;
  private readonly onFrame: (text: string) => void;
  constructor(onFrame: (text: string) => void) {
    super();
    this.onFrame = onFrame;
  }
  send(text: string): void {
    if (this.readyState === this.OPEN) this.onFrame(text);
  }
  receive(text: string): void {
    if (this.readyState === this.OPEN) this.emit('message', Buffer.from(text), false);
  }
  close(code = 1005): void {
    this.end(code);
  }
  terminate(): void {
    this.end(1006);
  }
  end(code: number): void {
    if (this.readyState !== this.OPEN) return;
    this.readyState = this.CLOSED;
    this.closedWith = code;
    this.emit('close', code, Buffer.alloc(0));
  }
}

/**
 * Retell's side of one call, by its documentation: it takes the newest request's response only, and
 * only until that is complete; says what it got at five words a second, and shows it in the transcript
 * without its punctuation; an interruption drops what was not said, and what was to be done after it.
 */
export function retellPeer(clock: VirtualClock, attach: (socket: WebSocket) => boolean) {
  const frames: Frame[] = [];
  const transcript: Entry[] = [];
  const done: string[] = [];
  let socket: NearSocket | undefined;
  let newest = 0;
  let isComplete = false;
  let interruptId = 0;
  let queue: string[] = [];
  let action: Action | undefined;
  let isProtected = false;
  let isSpeaking = false;
  let isOver = false;
  let tellsWords = true;
  let isMute = false;

  const tell = (frame: object): void => socket?.receive(JSON.stringify(frame));
  const copy = (): Entry[] => transcript.map((entry) => ({ ...entry }));
  const update = (turntaking?: 'agent_turn' | 'user_turn'): void =>
    tell({
      interaction_type: 'update_only',
      transcript: copy().filter(({ role }) => role === 'agent' || role === 'user'),
      transcript_with_tool_calls: copy(),
      ...(turntaking && { turntaking }),
    });
  const ask = (type: 'response_required' | 'reminder_required', id: number): void =>
    tell({
      interaction_type: type,
      response_id: id,
      transcript: copy().filter(({ role }) => role === 'agent' || role === 'user'),
      transcript_with_tool_calls: copy(),
    });

  const append = (role: 'agent' | 'user', word: string): void => {
    const last = transcript.at(-1);
    if (last?.role === role) last.content = `${last.content} ${word}`;
    else transcript.push({ role, content: word });
  };

  const speak = (): void => {
    if (isOver || isSpeaking) return;
    const word = queue.shift();
    if (word === undefined) return act();
    isSpeaking = true;
    const spoken = queue;
    clock.after(WORD_MS, () => {
      isSpeaking = false;
      // Cut off in the middle of the word.
      if (queue !== spoken) return speak();
      append('agent', word.replaceAll(/[.,!?]/g, ''));
      if (tellsWords) update();
      speak();
    });
  };

  const act = (): void => {
    if (!action) return;
    const { end, transfer, keys } = action;
    action = undefined;
    if (keys !== undefined) return void done.push(`pressed ${keys}`);
    if (transfer !== undefined) done.push(`transferred to ${transfer}`);
    if (end || transfer !== undefined) finish();
  };

  const finish = (): void => {
    isOver = true;
    socket?.end(1000);
  };

  const cut = (): void => {
    queue = [];
    action = undefined;
    isProtected = false;
  };

  /** From the configuration on. */
  const keepAlive = (over: NearSocket): void => {
    clock.after(2_000, () => {
      if (over !== socket || over.readyState !== over.OPEN || isMute) return;
      tell({ interaction_type: 'ping_pong', timestamp: clock.now() });
      keepAlive(over);
    });
  };

  const take = (frame: Frame): void => {
    const words = textOf(frame['content'])
      .split(/\s+/)
      .filter((word) => word !== '');
    isProtected ||= frame['no_interruption_allowed'] === true;
    queue.push(...words);
    if (frame['content_complete'] === true) {
      const digits = frame['digit_to_press'];
      const number = frame['transfer_number'];
      if (frame['end_call'] === true) action = { end: true };
      else if (typeof number === 'string') action = { transfer: number };
      else if (typeof digits === 'string') action = { keys: digits };
    }
    speak();
  };

  const receive = (text: string): void => {
    // Not for the eyes of a `JSON.parse` without types.
    const frame: Frame = JSON.parse(text);
    frames.push(frame);
    switch (frame.response_type) {
      case 'config':
        return socket && keepAlive(socket);
      case 'response':
        if (frame['response_id'] !== newest || isComplete) return;
        isComplete = frame['content_complete'] === true;
        return take(frame);
      case 'agent_interrupt':
        if (Number(frame['interrupt_id']) < interruptId) return;
        if (Number(frame['interrupt_id']) > interruptId) cut();
        interruptId = Number(frame['interrupt_id']);
        return take(frame);
      case 'tool_call_invocation':
        return void transcript.push({
          role: 'tool_call_invocation',
          tool_call_id: String(frame['tool_call_id']),
          name: String(frame['name']),
          arguments: String(frame['arguments']),
        });
      case 'tool_call_result':
        return void transcript.push({
          role: 'tool_call_result',
          tool_call_id: String(frame['tool_call_id']),
          content: String(frame['content']),
        });
    }
  };

  return {
    frames,
    transcript,
    /** What Retell did besides speaking. */
    done,
    /** A socket for the call; false: it was turned away. */
    connect(): boolean {
      socket?.terminate();
      socket = new NearSocket(receive);
      // Only what our side of a socket uses is there.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return attach(socket as unknown as WebSocket);
    },
    /** Any text frame at all. */
    raw: (text: string) => socket?.receive(text),
    tell,
    ping: (timestamp: number) => tell({ interaction_type: 'ping_pong', timestamp }),
    update,
    /** The caller speaks, and stops the agent where that is allowed. */
    hear(words: string): void {
      if (!isProtected) cut();
      for (const word of words.split(' ')) append('user', word);
      update('user_turn');
    },
    press: (digit: string) => void transcript.push({ role: 'dtmf', digit }),
    /** The caller's turn is over: the agent must answer. Answers the request's id. */
    require(): number {
      newest += 1;
      isComplete = false;
      ask('response_required', newest);
      return newest;
    },
    remind(): number {
      newest += 1;
      isComplete = false;
      ask('reminder_required', newest);
      return newest;
    },
    /** The same request again, after a new connection. */
    requireAgain: () => ask('response_required', newest),
    say(words: string): number {
      this.hear(words);
      return this.require();
    },
    hangUp: finish,
    /** The connection dies. */
    lose: (code = 1006) => socket?.end(code),
    /** The transcript is shown with requests only. */
    tellWords(tells: boolean) {
      tellsWords = tells;
    },
    /** The connection is there and nothing comes over it. */
    fallSilent: () => void (isMute = true),
    get closedWith() {
      return socket?.closedWith;
    },
    /** What the agent has said by its sound. */
    get spoken(): string {
      return transcript.flatMap((one) => (one.role === 'agent' ? [one.content] : [])).join(' / ');
    },
    /** The pieces of a response, and whether and how it was closed. */
    response(id: number) {
      const of = frames.filter(
        (one) => one.response_type === 'response' && one['response_id'] === id,
      );
      return {
        text: of.map((one) => String(one['content'])).join(''),
        completions: of.filter((one) => one['content_complete'] === true).length,
        last: of.at(-1),
      };
    },
  };
}
