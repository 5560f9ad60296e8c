import { messageOf } from '#lib/errors.ts';
import { differencesOf, replay } from '#replay/replay.ts';
import { readJournal } from '#replay/read-journal.ts';
import type { Rule } from './rule.ts';

/**
 * The stored journal is whole: run again through the conversation it does, step by step, what it says was
 * done. Not where the database took a write and said that it had not, or the node was killed: lines may
 * then be there twice, or not at all.
 */
export const journalReplays: Rule = {
  name: 'journal-replays',
  check({ plan, journal, sessionMs, faults }) {
    const isTorn =
      plan.node?.kind === 'kill' || faults.some(({ what }) => what.includes('lost-answer'));
    if (isTorn || sessionMs === undefined || journal.length === 0) return [];
    try {
      const replayed = replay(readJournal(journal));
      const [different] = differencesOf(replayed);
      if (replayed.fault !== undefined) return [{ atMs: sessionMs, what: replayed.fault }];
      if (!different) return [];
      return [
        {
          atMs: sessionMs + different.atMs,
          what: `replayed it does ${different.wouldBe.join(', ')} for ${different.was.join(', ')}`,
        },
      ];
    } catch (error) {
      return [{ atMs: sessionMs, what: messageOf(error) }];
    }
  },
};
