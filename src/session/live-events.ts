import type { Effect } from '#conversation/effect.ts';
import type { Input } from '#conversation/input.ts';
import { callState } from '#conversation/state.ts';
import type { Conversation } from '#conversation/state.ts';
import { END_CALL_TOOL } from '#conversation/tools.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { CallState } from '#protocol/voice-channel.ts';

/** Tells the owner what each step of a conversation changed, in order. */
export type LiveEvents = {
  of(input: Input, after: Conversation, effects: readonly Effect[]): readonly LiveEvent[];
};

/** Words prepared on trial are not shown: nobody may ever hear them. */
export function createLiveEvents(callId: string): LiveEvents {
  let state: CallState = 'ringing';
  let shownReply = 0;
  let shownText = '';
  /** When each tool that runs began, by the id of its call. */
  const tools = new Map<string, { readonly name: string; readonly sinceMs: number }>();

  const toolEnded = (
    callId: string,
    outcome: 'done' | 'cancelled',
    result: string,
    at: At,
  ): LiveEvent[] => {
    const tool = tools.get(callId);
    if (!tool) return [];
    tools.delete(callId);
    const { name, sinceMs } = tool;
    const duration_ms = at.at_ms - sinceMs;
    return [
      { type: 'tool-result', ...at, name, outcome, duration_ms, result_chars: result.length },
    ];
  };

  return {
    of(input, after, effects) {
      const at = { call_id: callId, at_ms: Math.round(input.atMs) };
      const events: LiveEvent[] = ofInput(input, at);
      if (input.type === 'tool-result')
        events.push(...toolEnded(input.callId, 'done', input.result, at));
      if (input.type === 'transferred' || input.type === 'handed-over')
        events.push(...toolEnded(input.callId, 'done', '', at));
      for (const effect of effects) {
        if (effect.type === 'run-tool')
          tools.set(effect.callId, { name: effect.name, sinceMs: at.at_ms });
        if (effect.type === 'stop-tools')
          for (const callId of effect.callIds)
            events.push(...toolEnded(callId, 'cancelled', '', at));
        events.push(...ofEffect(effect, at));
      }

      const { reply } = after;
      if (reply && reply.audio.is !== 'held') {
        if (reply.id !== shownReply) {
          shownReply = reply.id;
          shownText = '';
        }
        const text = reply.text.slice(shownText.length);
        shownText = reply.text;
        if (text !== '') events.push({ type: 'agent-text', ...at, text });
      }
      const next = callState(after);
      if (next !== state) {
        state = next;
        events.push({ type: 'state', ...at, state });
      }
      return events;
    },
  };
}

type At = { readonly call_id: string; readonly at_ms: number };

function ofInput(input: Input, at: At): LiveEvent[] {
  switch (input.type) {
    case 'voice-started':
    case 'voice-stopped':
      return [{ type: 'caller-speaking', ...at, speaking: input.type === 'voice-started' }];
    case 'heard-interim':
    case 'heard-final':
    case 'heard-eager-end':
      return input.text === '' ? [] : [{ type: 'caller-interim', ...at, text: input.text }];
    case 'reply-tool-call':
      // The one tool that nobody runs.
      if (input.name !== END_CALL_TOOL) return [];
      return [{ type: 'tool', ...at, name: input.name, arguments: input.arguments }];
    case 'vendor-failed':
      return [{ type: 'vendor-failed', ...at, vendor: input.vendor, message: input.message }];
    case 'vendor-switched':
      return [
        {
          type: 'vendor-failed',
          ...at,
          vendor: input.vendor,
          message: input.message,
          switched_to: input.to,
        },
      ];
    default:
      return [];
  }
}

function ofEffect(effect: Effect, at: At): LiveEvent[] {
  switch (effect.type) {
    case 'run-tool':
      return [{ type: 'tool', ...at, name: effect.name, arguments: effect.arguments }];
    case 'interrupted':
      return [{ type: 'interrupted', ...at, heard: effect.heard, unheard: effect.unheard }];
    case 'resumed':
      return [{ type: 'resumed', ...at }];
    case 'record-turn':
      return [{ type: 'turn', ...at, turn: effect.turn }];
    case 'end-call':
      return [{ type: 'call-ended', ...at, reason: effect.reason, detail: effect.detail }];
    default:
      return [];
  }
}
