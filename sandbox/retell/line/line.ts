import type { Cancel, Clock } from '#lib/clock.ts';
import type { Span } from '#sandbox/caller/record.ts';
import type { WordSpan } from '#sandbox/speech/speech.ts';
import type { RetellCall } from '../account.ts';
import { addWord, isUtterance } from '../transcript.ts';
import type { AgentSide, LineSide } from './agent-side.ts';
import { addTo, newReply } from './reply.ts';
import type { Reply, Words } from './reply.ts';
import { createMouth, soundsFinished, splitSentences } from './speech.ts';

/** What the caller's end of the line does. */
export type CallerSide = {
  /** Begins to speak; `isAssent`: a short sound that asks for no answer. */
  starts(isAssent: boolean): void;
  /** Said a word to its end. */
  says(word: string, startedAtMs: number): void;
  /** Fell silent, for now or for good. */
  stops(): void;
  presses(digit: string): void;
  hangsUp(): void;
};

/** What could be heard on the line; milliseconds since the call's start. */
export type LineSound = {
  readonly agentWords: WordSpan[];
  readonly agentSound: Span[];
  /** Keys that the agent pressed. */
  keys: string;
};

export type Line = {
  readonly caller: CallerSide;
  readonly sound: LineSound;
  readonly isAgentSpeaking: boolean;
  /** The call was answered; the agent's side is asked for its greeting. */
  start(): void;
  /** Falls silent and lets go of everything; whoever calls it knows the reason. */
  stop(): void;
};

const VOICE_START_MS = 150;
/** Silence after which the caller's turn is over, where it sounds finished and where it does not. */
const TURN_END_MS = { finished: 500, open: 1_700 } as const;
const HEARING_MS = 120;

/**
 * Who speaks on a Retell call. The rules are those of the custom LLM socket's documentation: the
 * newest request is answered until its answer is complete, and no other; speech starts with the first
 * whole sentence; the caller's voice ends what the agent says, and the transcript keeps the words that
 * were said by then; actions follow once everything was said. Guessed: the silences that end a turn,
 * how long it takes to notice an interruption, that sounds of assent interrupt nothing.
 */
export function createLine(options: {
  readonly clock: Clock;
  readonly call: RetellCall;
  readonly agentSide: (line: LineSide) => AgentSide;
  readonly onEnd: (reason: string) => void;
  readonly onTransfer: (number: string) => void;
  /** Somebody else's turn began. */
  readonly onTurn: () => void;
}): Line {
  const { clock, call } = options;
  const startedAtMs = clock.now();
  const timers = new Map<string, Cancel>();
  const sound: LineSound = { agentWords: [], agentSound: [], keys: '' };
  let isOver = false;
  let newestId = 0;
  let lastCallerWordMs: number | undefined;
  let reply: Reply | undefined = newReply('response', 0, clock.now(), undefined);
  let isCallerSpeaking = false;
  let isOwed = false;
  let callerWords = '';
  let reminders = 0;
  let turn: 'agent' | 'user' | undefined;

  const replyTo = (kind: Reply['kind'], id: number): Reply =>
    newReply(kind, id, clock.now(), lastCallerWordMs);
  const sinceStart = (atMs: number): number => atMs - startedAtMs;
  const timed = (word: string, fromMs: number) => ({
    word,
    start: sinceStart(fromMs) / 1_000,
    end: sinceStart(clock.now()) / 1_000,
  });
  const setTimer = (name: string, delayMs: number, fire: () => void): void => {
    timers.get(name)?.();
    timers.set(
      name,
      clock.after(delayMs, () => {
        timers.delete(name);
        fire();
      }),
    );
  };
  const cancelTimer = (name: string): void => {
    timers.get(name)?.();
    timers.delete(name);
  };
  const takeTurn = (whose: 'agent' | 'user'): void => {
    const isNew = turn !== whose;
    turn = whose;
    side.update(isNew ? `${whose}_turn` : undefined);
    if (isNew) options.onTurn();
  };

  const mouth = createMouth({
    clock,
    speed: () => call.settings.voice_speed ?? 1,
    startDelayMs: () =>
      VOICE_START_MS + (reply?.id === 0 ? (call.settings.begin_message_delay_ms ?? 0) : 0),
    onStart() {
      call.latency.tts.push(VOICE_START_MS);
      if (reply?.saidAtMs === undefined) return;
      call.latency.e2e.push(clock.now() - reply.saidAtMs);
      reply.saidAtMs = undefined;
    },
    onWord(word, fromMs) {
      addWord(call.transcript, 'agent', timed(word, fromMs));
      sound.agentWords.push({
        text: word,
        startMs: sinceStart(fromMs),
        endMs: sinceStart(clock.now()),
      });
      takeTurn('agent');
    },
    onSound: (fromMs) =>
      void sound.agentSound.push({
        startMs: sinceStart(fromMs),
        endMs: sinceStart(clock.now()),
      }),
    onSilent: () => settle(),
  });

  /** Says what can be said of the reply; carries out what follows it once it was said. */
  const settle = (): void => {
    if (!reply || isOver) return;
    const [ready, waiting] = reply.isComplete ? [reply.waiting, ''] : splitSentences(reply.waiting);
    reply.waiting = waiting;
    mouth.say(ready);
    if (mouth.isSpeaking || !reply.isComplete) return;
    const done = reply;
    reply = undefined;
    if (done.endCall) return options.onEnd('agent_hangup');
    if (done.transferNumber !== undefined) options.onTransfer(done.transferNumber);
    else if (done.digits !== undefined) sound.keys += done.digits;
    if (isOwed && !isCallerSpeaking) return ask('response_required');
    turn = 'user';
    side.update('user_turn');
    awaitCaller();
  };
  const ask = (kind: 'response_required' | 'reminder_required'): void => {
    isOwed = false;
    newestId += 1;
    reply = replyTo('response', newestId);
    cancelTimer('reminder');
    side.ask(kind, newestId);
  };
  const awaitCaller = (): void => {
    const { settings } = call;
    if (reminders < (settings.reminder_max_count ?? 1))
      setTimer('reminder', settings.reminder_trigger_ms ?? 10_000, () => {
        reminders += 1;
        ask('reminder_required');
      });
    if (!timers.has('silence'))
      setTimer('silence', settings.end_call_after_silence_ms ?? 600_000, () =>
        options.onEnd('inactivity'),
      );
  };
  const take = (to: Reply, words: Words): void => {
    if (!to.hasText && words.content !== '') {
      to.hasText = true;
      if (to.id > 0 && to.kind === 'response') call.latency.llm.push(clock.now() - to.askedAtMs);
    }
    addTo(to, words);
    settle();
  };
  const lineSide: LineSide = {
    respond(response) {
      if (response.response_id !== newestId) return `the newest response_id is ${newestId}`;
      if (reply?.kind === 'interrupt') return 'an agent_interrupt took its place';
      if (!reply) return 'the response is complete, or was interrupted';
      if (reply.isComplete) return 'the response is complete';
      take(reply, response);
      return undefined;
    },
    interrupt(words) {
      const isMore = reply?.kind === 'interrupt' && reply.id === words.interrupt_id;
      if (isMore && reply?.isComplete) return 'the agent_interrupt is complete';
      if (!isMore) {
        mouth.cut();
        cancelTimer('reminder');
        reply = replyTo('interrupt', words.interrupt_id);
      }
      if (reply) take(reply, words);
      return undefined;
    },
    invokeTool({ tool_call_id, name, arguments: args }) {
      call.transcript.push({ role: 'tool_call_invocation', tool_call_id, name, arguments: args });
      return undefined;
    },
    toolResult({ tool_call_id, content, successful }) {
      call.transcript.push({
        role: 'tool_call_result',
        tool_call_id,
        content,
        ...(successful !== undefined && { successful }),
      });
      return undefined;
    },
    updateAgent({ agent_config: changes }) {
      call.settings = { ...call.settings, ...changes };
      return undefined;
    },
    reconnected() {
      if (reply && reply.kind === 'response' && !reply.isComplete && newestId > 0)
        ask('response_required');
    },
    end: (reason) => options.onEnd(reason),
  };
  const side = options.agentSide(lineSide);

  const interrupt = (): void => {
    mouth.cut();
    reply = undefined;
  };
  const turnEnded = (): void => {
    call.latency.asr.push(HEARING_MS);
    if (mouth.isSpeaking) isOwed = true;
    else ask('response_required');
  };

  return {
    sound,
    get isAgentSpeaking() {
      return mouth.isSpeaking;
    },
    start() {
      setTimer('duration', call.settings.max_call_duration_ms ?? 3_600_000, () =>
        options.onEnd('max_duration_reached'),
      );
      side.open();
    },
    stop() {
      if (isOver) return;
      isOver = true;
      mouth.cut();
      for (const cancel of timers.values()) cancel();
      timers.clear();
      side.close();
    },
    caller: {
      starts(isAssent) {
        if (isAssent) return;
        isCallerSpeaking = true;
        reminders = 0;
        for (const name of ['reminder', 'silence', 'turn-end']) cancelTimer(name);
        if (!mouth.isSpeaking) {
          // What was asked for is an answer to less than what is being said.
          if (!reply?.noInterruption && reply?.kind !== 'interrupt') reply = undefined;
          return;
        }
        const sensitivity = call.settings.interruption_sensitivity ?? 1;
        if (sensitivity > 0)
          setTimer('interruption', 180 + 400 * (1 - sensitivity), () => {
            if (mouth.isSpeaking && !reply?.noInterruption) interrupt();
          });
      },
      says(word, fromMs) {
        lastCallerWordMs = clock.now();
        callerWords = `${callerWords} ${word}`;
        addWord(call.transcript, 'user', timed(word, fromMs));
        takeTurn('user');
      },
      stops() {
        if (!isCallerSpeaking) return;
        isCallerSpeaking = false;
        const { responsiveness = 1 } = call.settings;
        const silenceMs = TURN_END_MS[soundsFinished(callerWords) ? 'finished' : 'open'];
        setTimer('turn-end', silenceMs * (2 - responsiveness), () => {
          callerWords = '';
          turnEnded();
        });
      },
      presses(digit) {
        if (call.settings.allow_user_dtmf === false) return;
        call.transcript.push({ role: 'dtmf', digit });
        if (call.settings.allow_dtmf_interruption && mouth.isSpeaking) interrupt();
        const {
          timeout_ms: waitMs = 2_500,
          digit_limit,
          termination_key,
        } = call.settings.user_dtmf_options ?? {};
        const keys = call.transcript.length - 1 - call.transcript.findLastIndex(isUtterance);
        const isWhole = digit === termination_key || keys === digit_limit;
        cancelTimer('reminder');
        setTimer('turn-end', isWhole ? 0 : waitMs, turnEnded);
      },
      hangsUp: () => options.onEnd('user_hangup'),
    },
  };
}
