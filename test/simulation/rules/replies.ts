import type { Rule } from './rule.ts';
import { contentOf } from './timeline.ts';

/**
 * Never two replies at once: no voice makes one utterance beside another, and at the ear no word of a
 * reply comes after a word of a later one.
 */
export const oneReply: Rule = {
  name: 'two-replies-at-once',
  check({ mostUtterances, simulatedMs, events, heard }) {
    if (mostUtterances > 1)
      return [{ atMs: simulatedMs, what: `${mostUtterances} utterances were made at once` }];
    const replyOf = new Map<string, number>();
    for (const { what } of events)
      if (what.type === 'turn' && what.turn.role === 'agent')
        for (const token of contentOf(what.turn.text)) replyOf.set(token, what.turn.index);
    let latest = -1;
    return heard.flatMap(({ word, startMs }) => {
      const [token = ''] = contentOf(word?.text ?? '');
      const reply = replyOf.get(token) ?? latest;
      const isOlder = reply < latest;
      latest = Math.max(latest, reply);
      return isOlder ? { atMs: startMs, what: `"${word?.text}" is heard in a later reply` } : [];
    });
  },
};
