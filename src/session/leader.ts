import type { LanguageModel } from '#contracts/language-model.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import type { Policy } from '#conversation/policy.ts';
import { callState, newConversation } from '#conversation/state.ts';
import { step } from '#conversation/step.ts';
import type { TimerName } from '#conversation/timer-name.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { CallState } from '#protocol/voice-channel.ts';
import { journalEffects, journalHead, journalMs } from '#replay/journal.ts';
import type { Abilities } from '#replay/journal.ts';
import { systemPromptOf } from './brain.ts';
import type { OpenLine, Untimed } from './line.ts';
import { createLiveEvents } from './live-events.ts';
import type { Recorder } from './recorder.ts';
import { createThinker } from './thinker.ts';
import { namedTimers } from './timers.ts';
import { endCall } from './tools/built-in-tools.ts';
import { lineToolsOnly } from './tools/toolbox.ts';
import type { OpenTools } from './tools/toolbox.ts';

/** What any call needs to be led, whatever its line. */
export type LeaderParts = {
  readonly callId: string;
  readonly callerPhone: string;
  readonly agent: AgentConfig;
  readonly policy: Policy;
  readonly model: LanguageModel;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the carrier to hang up; the line is closed after it. */
  readonly hangUpAtCarrier: () => Promise<boolean>;
  readonly publish: (event: LiveEvent) => void;
  /** What the agent can do besides speaking and hanging up; absent: press keys. */
  readonly openTools?: OpenTools;
  /** When the call was answered, by the clock; absent: now. */
  readonly answeredMs?: number;
  readonly abilities: Abilities;
  /**
   * Stores what is left of a call that goes on without us, where one that ends here with this reason
   * does; else answers undefined, and the end is stored.
   */
  readonly leave?: (reason: EndReason) => Promise<void> | undefined;
  readonly openLine: OpenLine;
};

/** The live half of a call. */
export type Session = {
  readonly state: CallState;
  readonly turnCount: number;
  /** Ends the call with a goodbye. */
  hangUp(reason: EndReason): void;
  /** Has the agent say something of the owner's as soon as neither side speaks. */
  say(text: string): void;
  /** Resolves when the call has ended and everything of it is stored and released. */
  readonly ended: Promise<void>;
};

/**
 * Leads one call: turns what happens into inputs of the conversation, carries out its effects, and
 * writes both down. It decides nothing itself, and leaves all that is about sound, or about words
 * in its place, to the line.
 */
export function leadCall(parts: LeaderParts): Session {
  const { recorder, clock, log, callId, agent } = parts;
  const answeredMs = parts.answeredMs ?? clock.now();
  const ended = Promise.withResolvers<void>();
  const timers = namedTimers<TimerName>(clock);
  let conversation = newConversation(parts.policy);
  const liveEvents = createLiveEvents(callId);
  let storedState: CallState = 'ringing';
  const waiting: Input[] = [];
  let stepping = false;
  let over = false;

  const nowMs = (): number => journalMs(clock.now() - answeredMs);

  /** Inputs that arise while effects are carried out wait their turn. */
  const take = (input: Untimed): void => {
    if (over) return;
    waiting.push({ ...input, atMs: nowMs() });
    if (stepping) return;
    stepping = true;
    try {
      for (let next = waiting.shift(); next; next = waiting.shift()) stepOnce(next);
    } catch (error) {
      // A fault of ours in one call must not touch the others of this process.
      log.error({ callId, error: messageOf(error) }, 'a call failed');
      void end('internal_error', messageOf(error));
    } finally {
      stepping = false;
    }
  };

  const stepOnce = (input: Input): void => {
    recorder.journal(input);
    const [next, effects] = step(conversation, input);
    conversation = next;
    const done = journalEffects(input.atMs, effects);
    if (done) recorder.journal(done);
    const state = callState(conversation);
    if (state !== storedState) {
      storedState = state;
      recorder.state(state);
    }
    for (const event of liveEvents.of(input, conversation, effects)) parts.publish(event);
    for (const effect of effects) carryOut(effect);
    if (!over) line.settled?.({ input, after: next, effects });
  };

  const note = (text: string): void => recorder.journal({ atMs: nowMs(), type: 'note', text });
  const line = parts.openLine({
    take,
    note,
    nowMs,
    closed(by) {
      // The line of a call that is handed over ends, too: whether it was, the carrier says in a moment.
      const closed = (): void => take({ type: 'closed', by });
      const settled = tools.transferSettled();
      if (settled) void settled.then(closed);
      else closed();
    },
  });
  const openTools = parts.openTools ?? lineToolsOnly(clock, log);
  const tools = openTools({ play: line.play, note, on: take });
  const thinker = createThinker({
    model: parts.model,
    systemPrompt: systemPromptOf(agent),
    tools: () => [endCall, ...tools.definitions],
    maxOutputTokens: agent.voice.max_output_tokens,
    on: (answer) =>
      take(
        answer.type === 'reply-tool-call' && tools.isLasting(answer.name)
          ? { ...answer, lasting: true }
          : answer,
      ),
  });

  const carryOut = (effect: Effect): void => {
    switch (effect.type) {
      case 'think':
        return thinker.think(effect.replyId, effect.context);
      case 'stop-thinking':
        return thinker.stop(effect.replyId);
      case 'set-timer':
        return timers.set(effect.name, effect.afterMs, () =>
          take({ type: 'timer', name: effect.name }),
        );
      case 'cancel-timer':
        return timers.cancel(effect.name);
      case 'run-tool':
        return tools.run(effect);
      case 'stop-tools':
        return tools.stop(effect.replyId, effect.callIds);
      case 'interrupted':
      case 'resumed':
        return undefined;
      case 'record-turn':
        return recorder.turn(effect.turn);
      case 'note':
        return note(effect.text);
      case 'end-call':
        return void end(effect.reason, effect.detail);
      default:
        return line.carryOut(effect, conversation);
    }
  };

  /** Stores the end first: the carrier asks for it as soon as its side is closed. */
  const end = async (reason: EndReason, detail: string | null): Promise<void> => {
    if (over) return;
    over = true;
    timers.cancelAll();
    thinker.close();
    tools.close();
    line.silence();
    try {
      const leaving = parts.leave?.(reason);
      if (leaving) await leaving;
      else {
        await recorder.end(reason, detail);
        // A call that was handed over is somebody else's.
        if (reason !== 'transferred') await parts.hangUpAtCarrier();
      }
    } catch (error) {
      log.error({ callId, error: messageOf(error) }, 'a call did not end cleanly');
    } finally {
      line.close();
      ended.resolve();
    }
  };

  parts.publish({
    type: 'call-started',
    call_id: callId,
    at_ms: 0,
    caller_phone: parts.callerPhone,
  });
  recorder.journal(
    journalHead({ policy: parts.policy, abilities: parts.abilities, language: agent.language }),
  );
  line.open();

  return {
    get state() {
      return callState(conversation);
    },
    get turnCount() {
      return conversation.turnCount;
    },
    hangUp: (reason) => take({ type: 'hang-up', reason }),
    say: (text) => take({ type: 'say', text }),
    ended: ended.promise,
  };
}
