import { effectLines } from '#replay/effect-line.ts';
import { journalHead } from '#replay/journal.ts';
import type { Talk } from './conversation.ts';

/** The journal that a session would have kept of a talk, as it comes back from a store. */
export function journalOf(talk: Pick<Talk, 'taken' | 'policy'>): readonly unknown[] {
  const head = journalHead({
    policy: talk.policy,
    language: 'en',
    abilities: {
      'speech-to-text': { vendor: 'acme', model: 'ears', endOfTurn: false },
      'language-model': { vendor: 'acme', model: 'mind' },
      'text-to-speech': { vendor: 'acme', model: 'voice', wordTimes: true },
      transport: 'test',
    },
  });
  const entries: unknown[] = [head];
  for (const { input, effects } of talk.taken) {
    entries.push(input);
    if (effects.length > 0) entries.push({ atMs: input.atMs, did: effectLines(effects) });
  }
  const parsed: unknown = JSON.parse(JSON.stringify(entries));
  return Array.isArray(parsed) ? parsed : [];
}
