import type { LineSide } from './agent-side.ts';

/** What the agent says, or is asked to say. */
export type Reply = {
  readonly kind: 'response' | 'interrupt';
  readonly id: number;
  readonly askedAtMs: number;
  /** When the word was said of which it is the answer; undefined once it sounds. */
  saidAtMs: number | undefined;
  waiting: string;
  isComplete: boolean;
  hasText: boolean;
  noInterruption: boolean;
  endCall: boolean;
  transferNumber: string | undefined;
  digits: string | undefined;
};

/** A part of it, as the agent's side sends it. */
export type Words = Parameters<LineSide['respond']>[0] | Parameters<LineSide['interrupt']>[0];

export const newReply = (
  kind: Reply['kind'],
  id: number,
  askedAtMs: number,
  saidAtMs: number | undefined,
): Reply => ({
  kind,
  id,
  askedAtMs,
  saidAtMs,
  waiting: '',
  isComplete: false,
  hasText: false,
  noInterruption: false,
  endCall: false,
  transferNumber: undefined,
  digits: undefined,
});

/** What a part asked for once stays asked for. */
export function addTo(reply: Reply, words: Words): void {
  reply.waiting += words.content;
  reply.isComplete = words.content_complete;
  reply.noInterruption ||= words.no_interruption_allowed ?? false;
  reply.endCall ||= words.end_call ?? false;
  reply.transferNumber ??= words.transfer_number || undefined;
  reply.digits ??= words.digit_to_press || undefined;
}
