import { phoneMs } from '#audio/g711.ts';
import type { LanguageModel } from '#contracts/language-model.ts';
import type { SpeechToText } from '#contracts/speech-to-text.ts';
import type { TextToSpeech } from '#contracts/text-to-speech.ts';
import type { Transport } from '#contracts/transport.ts';
import type { VoiceActivity } from '#contracts/voice-activity.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { policyOf } from '#conversation/policy.ts';
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
import { createLiveEvents } from './live-events.ts';
import { createMouth } from './mouth.ts';
import type { Recorder } from './recorder.ts';
import { systemPromptOf } from './brain.ts';
import { createThinker } from './thinker.ts';
import { namedTimers } from './timers.ts';
import { createTones } from './tones.ts';
import { endCall } from './tools/built-in-tools.ts';
import { lineToolsOnly } from './tools/toolbox.ts';
import type { OpenTools } from './tools/toolbox.ts';

export type SessionParts = {
  readonly callId: string;
  readonly callerPhone: string;
  readonly agent: AgentConfig;
  readonly transport: Transport;
  readonly hearing: SpeechToText;
  readonly model: LanguageModel;
  readonly speech: TextToSpeech;
  readonly voice: string;
  readonly voiceActivity: VoiceActivity;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the carrier to hang up; the transport is closed after it. */
  readonly hangUpAtCarrier: () => Promise<boolean>;
  readonly publish: (event: LiveEvent) => void;
  /** What the agent can do besides speaking and hanging up; absent: press keys. */
  readonly openTools?: OpenTools;
};

/** The live half of a call. */
export type Session = {
  readonly state: CallState;
  readonly turnCount: number;
  /** Ends the call with a goodbye. */
  hangUp(reason: EndReason): void;
  /** Resolves when the call has ended and everything of it is stored and released. */
  readonly ended: Promise<void>;
};

/**
 * Leads one call: turns what happens into inputs of the conversation, carries out its effects, and
 * writes both down. It decides nothing itself. Audio goes past the conversation, straight from the
 * transport to the recogniser and from the vendor of speech to the transport.
 */
export function startSession(parts: SessionParts): Session {
  const { transport, recorder, clock, log, callId, agent } = parts;
  const answeredMs = clock.now();
  const ended = Promise.withResolvers<void>();
  const timers = namedTimers<TimerName>(clock);
  const policy = policyOf(agent, parts.hearing.can.endOfTurn, {
    'language-model': parts.model.vendor,
    'text-to-speech': parts.speech.vendor,
  });
  let conversation = newConversation(policy);
  const liveEvents = createLiveEvents(callId);
  let storedState: CallState = 'ringing';
  const waiting: Input[] = [];
  let stepping = false;
  let over = false;
  const sinceAnswerMs = (): number => journalMs(clock.now() - answeredMs);

  type Untimed = Input extends infer One ? (One extends Input ? Omit<One, 'atMs'> : never) : never;

  /** Inputs that arise while effects are carried out wait their turn. */
  const take = (input: Untimed): void => {
    if (over) return;
    waiting.push({ ...input, atMs: sinceAnswerMs() });
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
  };

  const mouth = createMouth({
    speech: parts.speech,
    options: { voice: parts.voice, language: agent.language },
    transport,
    on: take,
  });
  const note = (text: string): void =>
    recorder.journal({ atMs: sinceAnswerMs(), type: 'note', text });
  const tones = createTones(transport);
  const openTools = parts.openTools ?? lineToolsOnly(clock, log);
  const tools = openTools({ play: tones.play, note, on: take });
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

  let writtenMs = 0;
  /** A moment in the caller's audio, on the call's clock: what was written last has just been said. */
  const audioTime = (audioMs: number): number =>
    journalMs(clock.now() - answeredMs - Math.max(0, writtenMs - audioMs));

  const voiceActivity = parts.voiceActivity.open((event) =>
    take(
      event.type === 'started'
        ? { type: 'voice-started', sinceMs: audioTime(event.audioMs) }
        : { type: 'voice-stopped', sinceMs: audioTime(event.audioMs) },
    ),
  );
  const hearing = parts.hearing.listen(
    { language: agent.language, keyterms: agent.voice.keyterms },
    (heard) => {
      if (heard.type === 'failed')
        return take({
          type: 'vendor-failed',
          role: heard.failure.role,
          vendor: heard.failure.vendor,
          message: heard.failure.message,
        });
      if (heard.type === 'switched') {
        const { failure, to, endOfTurn } = heard;
        const { role, vendor, message } = failure;
        take({ type: 'vendor-switched', role, vendor, message, to });
        return take({ type: 'hearing-changed', vendorDecides: endOfTurn });
      }
      if (heard.type === 'resumed') return take({ type: 'heard-resumed' });
      take({ type: `heard-${heard.type}`, text: heard.text });
    },
  );

  const carryOut = (effect: Effect): void => {
    switch (effect.type) {
      case 'think':
        return thinker.think(effect.replyId, effect.context);
      case 'stop-thinking':
        return thinker.stop(effect.replyId);
      case 'speak':
        return mouth.speak(effect.replyId, effect.text);
      case 'finish-speaking':
        return mouth.finish(effect.replyId);
      case 'speak-prepared':
        return mouth.speakPrepared(effect.replyId, effect.speech);
      case 'stop-speaking':
        return mouth.stop(effect.replyId);
      case 'hold-audio':
        return mouth.hold(effect.replyId);
      case 'release-audio':
        return mouth.release(effect.replyId, effect.fromMs);
      case 'finalize-hearing':
        return hearing.finalize();
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
    }
  };

  /** Stores the end first: the carrier asks for it as soon as its side is closed. */
  const end = async (reason: EndReason, detail: string | null): Promise<void> => {
    if (over) return;
    over = true;
    timers.cancelAll();
    thinker.close();
    tools.close();
    mouth.close();
    hearing.close();
    voiceActivity.close();
    try {
      await recorder.end(reason, detail);
      // A call that was handed over is somebody else's.
      if (reason !== 'transferred') await parts.hangUpAtCarrier();
    } catch (error) {
      log.error({ callId, error: messageOf(error) }, 'a call did not end cleanly');
    } finally {
      transport.close();
      ended.resolve();
    }
  };

  parts.publish({
    type: 'call-started',
    call_id: callId,
    at_ms: 0,
    caller_phone: parts.callerPhone,
  });
  transport.listen({
    audio(mulaw) {
      if (over) return;
      writtenMs += phoneMs(mulaw.length);
      hearing.write(mulaw);
      voiceActivity.write(mulaw);
    },
    mark: (name) => void (tones.mark(name) || mouth.mark(name, writtenMs)),
    key: (digit) => take({ type: 'key', digit }),
    closed(by) {
      // The line of a call that is handed over ends, too: whether it was, the carrier says in a moment.
      const closed = (): void => take({ type: 'closed', by });
      const settled = tools.transferSettled();
      if (settled) void settled.then(closed);
      else closed();
    },
  });
  recorder.journal(
    journalHead({ policy, abilities: abilitiesOf(parts), language: agent.language }),
  );
  take({ type: 'answered' });

  return {
    get state() {
      return callState(conversation);
    },
    get turnCount() {
      return conversation.turnCount;
    },
    hangUp: (reason) => take({ type: 'hang-up', reason }),
    ended: ended.promise,
  };
}

const abilitiesOf = ({ hearing, model, speech, transport }: SessionParts): Abilities => ({
  'speech-to-text': {
    vendor: hearing.vendor,
    model: hearing.model,
    endOfTurn: hearing.can.endOfTurn,
  },
  'language-model': { vendor: model.vendor, model: model.model },
  'text-to-speech': {
    vendor: speech.vendor,
    model: speech.model,
    wordTimes: speech.can.wordTimes,
  },
  transport: transport.name,
});
