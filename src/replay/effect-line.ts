import { createHash } from 'node:crypto';
import type { Effect } from '#conversation/effect.ts';
import type { Turn } from '#protocol/calls.ts';

/**
 * An effect as one line: what a journal keeps of it, what two runs are compared by, and what a person
 * reads. What stands in the journal already, or must not (what the model was shown), is a hash here.
 */
export function effectLine(effect: Effect): string {
  switch (effect.type) {
    case 'think':
      return `think #${effect.replyId} on ${effect.context.length} items ${hashOf(effect.context)}`;
    case 'speak':
      return `speak #${effect.replyId} ${JSON.stringify(effect.text)}`;
    case 'stop-thinking':
    case 'finish-speaking':
    case 'stop-speaking':
    case 'hold-audio':
      return `${effect.type} #${effect.replyId}`;
    case 'speak-prepared':
      return `speak-prepared #${effect.replyId} ${effect.speech}`;
    case 'release-audio':
      return `release-audio #${effect.replyId} from ${rounded(effect.fromMs)}`;
    case 'finalize-hearing':
    case 'resumed':
      return effect.type;
    case 'set-timer':
      return `set-timer ${effect.name} +${rounded(effect.afterMs)}`;
    case 'cancel-timer':
      return `cancel-timer ${effect.name}`;
    case 'run-tool':
      return `run-tool #${effect.replyId} ${effect.name} ${effect.callId} ${hashOf(effect.arguments)}`;
    case 'stop-tools':
      return `stop-tools #${effect.replyId} ${effect.callIds.join(' ')}`;
    case 'record-turn':
      return turnLine(effect.turn);
    case 'interrupted':
      return `interrupted ${JSON.stringify(effect.heard)} | ${JSON.stringify(effect.unheard)}`;
    case 'note':
      return `note ${JSON.stringify(effect.text)}`;
    case 'end-call':
      return `end-call ${effect.reason}${effect.detail === null ? '' : ` ${JSON.stringify(effect.detail)}`}`;
  }
}

/** What of the effects of one step a line is kept of: all, in their order. */
export const effectLines = (effects: readonly Effect[]): readonly string[] =>
  effects.map(effectLine);

/** A turn as the journal keeps it. */
export function turnLine(turn: Turn): string {
  const { index, role, text, heard, interrupted, start_ms: startMs, end_ms: endMs } = turn;
  const stages = Object.entries(turn.waterfall_ms)
    .map(([stage, ms]) => ` ${stage} ${ms}`)
    .join('');
  return [
    `record-turn ${index} ${role} ${startMs}–${endMs}${interrupted ? ' interrupted' : ''}`,
    JSON.stringify(text),
    ...(heard === text ? [] : [`heard ${JSON.stringify(heard)}`]),
  ]
    .join(' ')
    .concat(stages);
}

/** Hundredths of a millisecond, as the times of a journal. */
const rounded = (ms: number): number => Math.round(ms * 100) / 100;

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);
