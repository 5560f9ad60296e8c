import { emit, patch, patchCaller, wholeMs } from './draft.ts';
import type { Draft } from './draft.ts';
import { endTurn, newTurn, takeFloor } from './hearing.ts';
import { mayAnswer } from './policies/dues.ts';
import { hasWords } from './policies/words.ts';

/**
 * The caller has written: whole at once, and meant. It takes the floor whatever it says, unless the
 * agent is not to be interrupted; then it is answered next. Unanswered words only join the context.
 */
export function typed(draft: Draft, text: string, isAnswered: boolean): void {
  const written = text.trim();
  if (!hasWords(written)) return;
  if (!isAnswered) return joinContext(draft, written);
  const { turn } = draft.state.caller;
  patchCaller(draft, {
    turn: {
      ...(turn ?? newTurn(draft)),
      // Before what the recogniser still works on, which it says once more.
      final: [turn?.final ?? '', written].filter(Boolean).join(' '),
      changedMs: draft.nowMs,
      speechEndMs: draft.nowMs,
      unvoiced: false,
      ended: true,
      isTyped: true,
    },
  });
  takeFloor(draft);
  if (mayAnswer(draft.state)) endTurn(draft);
}

function joinContext(draft: Draft, text: string): void {
  const { turnCount, context } = draft.state;
  const atMs = wholeMs(draft.nowMs);
  emit(draft, {
    type: 'record-turn',
    turn: {
      index: turnCount,
      role: 'caller',
      text,
      heard: text,
      interrupted: false,
      start_ms: atMs,
      end_ms: atMs,
      waterfall_ms: {},
    },
  });
  patch(draft, { turnCount: turnCount + 1, context: [...context, { role: 'caller', text }] });
}
