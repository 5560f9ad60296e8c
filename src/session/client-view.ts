import type { ClientEvent } from '#contracts/client-event.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { heardText } from '#conversation/policies/heard.ts';
import { turnText } from '#conversation/state.ts';
import type { Conversation } from '#conversation/state.ts';
import type { Step } from './line.ts';
import { createSegments } from './segments.ts';
import type { Segments } from './segments.ts';

/** Tells a caller's program what each step of its conversation changed, in order. */
export type ClientView = {
  of(step: Step): readonly ClientEvent[];
};

/** What has been told of one reply, and what waits until it may be known of. */
type Shown = {
  readonly replyId: number;
  readonly segments: Segments;
  /** While it is on trial nobody is told; then all of it at once. */
  waiting: ClientEvent[] | undefined;
  isThinking: boolean;
  isMaking: boolean;
  isSpeaking: boolean;
  hasSpoken: boolean;
};

export function createClientView(): ClientView {
  let isCallerSpeaking = false;
  let words = '';
  let shown: Shown | undefined;
  let segmentCount = 0;
  let events: ClientEvent[] = [];

  const tell = (event: ClientEvent): void => void events.push(event);

  const shownOf = (replyId: number): Shown => {
    if (shown?.replyId === replyId) return shown;
    if (shown) close(shown);
    shown = {
      replyId,
      segments: createSegments(() => ++segmentCount),
      waiting: [],
      isThinking: false,
      isMaking: false,
      isSpeaking: false,
      hasSpoken: false,
    };
    return shown;
  };
  const tellOf = (of: Shown, event: ClientEvent): void =>
    of.waiting ? void of.waiting.push(event) : tell(event);

  const think = (of: Shown, thinking: boolean): void => {
    if (of.isThinking === thinking) return;
    of.isThinking = thinking;
    tellOf(of, { type: 'thinking', thinking });
  };
  const make = (of: Shown, making: boolean): void => {
    if (of.isMaking === making) return;
    of.isMaking = making;
    tellOf(of, { type: 'making-speech', making });
  };
  const speak = (of: Shown, speaking: boolean): void => {
    if (of.isSpeaking === speaking) return;
    of.isSpeaking = speaking;
    of.hasSpoken = true;
    tell({ type: 'agent-speaking', speaking });
  };
  const release = (of: Shown): void => {
    events.push(...(of.waiting ?? []));
    of.waiting = undefined;
  };
  /** A trial that nobody was told of ends without a word. */
  const close = (of: Shown): void => {
    if (shown === of) shown = undefined;
    if (of.waiting) return;
    think(of, false);
    make(of, false);
    speak(of, false);
  };

  const ofInput = (input: Input, after: Conversation): void => {
    const { caller } = after;
    if ((caller.voice === 'speaking') !== isCallerSpeaking) {
      isCallerSpeaking = !isCallerSpeaking;
      tell({ type: 'caller-speaking', speaking: isCallerSpeaking });
    }
    if ('replyId' in input && input.replyId === shown?.replyId) ofReply(input, shown);
    const spoken = caller.turn ? turnText(caller.turn) : '';
    if (spoken !== '' && spoken !== words)
      tell({ type: 'caller-words', text: spoken, final: false });
    words = spoken;
  };

  const ofReply = (input: Input, of: Shown): void => {
    switch (input.type) {
      case 'reply-delta':
        if (input.text !== '' && of.isThinking) tellOf(of, { type: 'thought', text: input.text });
        return;
      case 'reply-done':
        return think(of, false);
      case 'speech-audio':
        return make(of, true);
      case 'speech-done':
        return make(of, false);
      case 'tool-result':
      case 'transferred':
      case 'handed-over':
        return tell({ type: 'tool', callId: input.callId, state: 'done' });
      default:
        return undefined;
    }
  };

  const ofEffect = (effect: Effect, after: Conversation): void => {
    switch (effect.type) {
      case 'release-audio':
        return release(shownOf(effect.replyId));
      case 'think':
        return think(shownOf(effect.replyId), true);
      case 'stop-thinking':
        return shown?.replyId === effect.replyId ? think(shown, false) : undefined;
      case 'speak':
        return shownOf(effect.replyId).segments.add(effect.text);
      case 'speak-prepared':
        return shownOf(effect.replyId).segments.add(after.reply?.text ?? '');
      case 'stop-speaking':
        return shown?.replyId === effect.replyId ? make(shown, false) : undefined;
      case 'hold-audio':
        return shown?.replyId === effect.replyId ? speak(shown, false) : undefined;
      case 'run-tool':
        return tell({ type: 'tool', callId: effect.callId, state: 'running' });
      case 'stop-tools':
        for (const callId of effect.callIds) tell({ type: 'tool', callId, state: 'cancelled' });
        return undefined;
      case 'interrupted':
        return tell({ type: 'interrupted' });
      case 'record-turn':
        return ofTurn(effect.turn, after);
      default:
        return undefined;
    }
  };

  const ofTurn = (
    turn: Extract<Effect, { type: 'record-turn' }>['turn'],
    after: Conversation,
  ): void => {
    if (turn.role === 'caller') {
      words = '';
      tell({ type: 'caller-words', text: turn.text, final: true });
      if (after.reply) tell({ type: 'model-asked', text: turn.text });
      return;
    }
    if (shown && !shown.waiting) {
      // All of it may have been heard in this very step.
      if (!shown.hasSpoken) speak(shown, true);
      for (const event of shown.segments.heard(turn.heard)) tell(event);
      close(shown);
    }
    const { end_decided, first_token, first_clause, first_audio, played } = turn.waterfall_ms;
    if (end_decided === undefined) return;
    tell({
      type: 'latency',
      hearingMs: end_decided,
      // A reply that was prepared on trial may have been there before it was asked for.
      firstTokenMs: first_token && Math.max(0, first_token - end_decided),
      firstAudioMs: first_audio && first_clause && Math.max(0, first_audio - first_clause),
      playedMs: played,
    });
  };

  /** What of the reply that is said now was heard by now. */
  const ofHeard = ({ reply }: Conversation): void => {
    if (!reply || reply.heardSinceMs === null) return;
    const of = shownOf(reply.id);
    if (of.waiting) return;
    if (reply.audio.is === 'flowing') speak(of, true);
    for (const event of of.segments.heard(heardText(reply))) tell(event);
  };

  return {
    of({ input, after, effects }) {
      events = [];
      ofInput(input, after);
      for (const effect of effects) ofEffect(effect, after);
      if (shown && after.reply?.id !== shown.replyId) close(shown);
      ofHeard(after);
      if (input.type === 'vendor-failed' && after.phase.name !== 'talking')
        tell({ type: 'failure', text: `The call cannot go on: ${input.role} has failed.` });
      return events;
    },
  };
}
