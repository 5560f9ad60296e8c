import type { EndReason } from '#protocol/calls.ts';
import type { Role } from '#contracts/vendor.ts';
import { emit, patch, patchCaller, wholeMs } from './draft.ts';
import type { Draft } from './draft.ts';
import { closeReply, say, sayPrepared } from './reply.ts';
import { hasWords } from './policies/words.ts';
import { turnText } from './state.ts';

/** Words of the speech that is shipped with the server. */
export const PREPARED_TEXTS = {
  apology: 'I am sorry, I am having technical difficulties. Please call again later. Goodbye.',
  goodbye: 'Goodbye.',
} as const;

/** Ends the call at once. What both sides have said so far is recorded first. */
export function endNow(draft: Draft, reason: EndReason, detail: string | null): void {
  closeReply(draft, 'interrupted');
  recordCallerTurn(draft);
  patch(draft, { phase: { name: 'ended', reason, detail } });
}

/** Says goodbye, then ends the call. Nobody says goodbye before the answer, or without words for it. */
export function endPolitely(draft: Draft, reason: EndReason, words: string): void {
  const { phase } = draft.state;
  if (phase.name === 'ending') return;
  if (phase.name === 'waiting' || !hasWords(words)) return endNow(draft, reason, null);
  enterEnding(draft, reason, null);
  say(draft, words, { kind: 'farewell', interruptible: false, afterwards: 'end' });
}

/**
 * A vendor did not do its work and there is none behind it: the caller hears so in a voice that
 * needs no vendor, and the call ends. Where even that voice stays silent it ends at once.
 */
export function apologise(draft: Draft, role: Role, vendor: string, message: string): void {
  const { phase, reply } = draft.state;
  const detail = [role, vendor, message].filter((part) => part !== '').join(': ');
  emit(draft, { type: 'note', text: `vendor failure, ${detail}` });
  if (phase.name === 'ending')
    return reply?.kind === 'prepared'
      ? endNow(draft, phase.reason, phase.detail)
      : sayPrepared(draft, 'goodbye', PREPARED_TEXTS.goodbye);
  enterEnding(draft, 'vendor_failure', detail);
  sayPrepared(draft, 'apology', PREPARED_TEXTS.apology);
}

function enterEnding(draft: Draft, reason: EndReason, detail: string | null): void {
  closeReply(draft, 'interrupted');
  recordCallerTurn(draft);
  patch(draft, { phase: { name: 'ending', reason, detail, sinceMs: draft.nowMs } });
}

/** Stores what the caller has said as a turn and forgets it as a pending one. Answers its text, '' if there was none. */
export function recordCallerTurn(draft: Draft): string {
  const { caller } = draft.state;
  const { turn } = caller;
  if (!turn) return '';
  const text = turnText(turn);
  patchCaller(draft, {
    turn: null,
    answered: { text, atMs: draft.nowMs },
    recorded: [caller.recorded, turn.interim].filter((part) => part !== '').join(' '),
  });
  emit(draft, {
    type: 'record-turn',
    turn: {
      index: draft.state.turnCount,
      role: 'caller',
      text,
      heard: text,
      interrupted: false,
      start_ms: wholeMs(turn.startMs),
      end_ms: wholeMs(Math.max(turn.startMs, turn.speechEndMs)),
      waterfall_ms: {},
    },
  });
  patch(draft, {
    turnCount: draft.state.turnCount + 1,
    context: [...draft.state.context, { role: 'caller', text }],
  });
  return text;
}
