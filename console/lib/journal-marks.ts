import type { Journal } from '#protocol/calls.ts';
import { isObject } from './merge-patch.ts';

/** Something in a call that the line of its turns does not show. */
export type JournalMark = {
  readonly atMs: number;
  readonly kind: 'failover' | 'failure' | 'tool' | 'key' | 'note';
  readonly title: string;
  readonly detail: string;
};

type Entry = Journal['entries'][number];

/** Failovers, failures, tools, keys and notes of a journal, in their order. */
export function journalMarks(entries: readonly Entry[]): readonly JournalMark[] {
  return entries.flatMap((entry) => {
    const mark = markOf(entry);
    return mark ? [mark] : [];
  });
}

function markOf(entry: Entry): JournalMark | undefined {
  const { atMs } = entry;
  const text = (field: string): string => {
    const value = entry[field];
    return typeof value === 'string' ? value : '';
  };
  switch (entry['type']) {
    case 'vendor-switched':
      return {
        atMs,
        kind: 'failover',
        title: `${text('vendor')} → ${text('to')}`,
        detail: text('message'),
      };
    case 'vendor-failed':
      return { atMs, kind: 'failure', title: `${text('vendor')} failed`, detail: text('message') };
    case 'reply-tool-call':
      return { atMs, kind: 'tool', title: text('name'), detail: text('arguments') };
    case 'tool-result':
      return { atMs, kind: 'tool', title: 'Result', detail: text('result') };
    case 'key':
      return { atMs, kind: 'key', title: `Key ${text('digit')}`, detail: '' };
    case 'note':
      return { atMs, kind: 'note', title: 'Note', detail: text('text') };
    default:
      return undefined;
  }
}

/** Who heard, thought and spoke when the call began, by the head of its journal: role and name. */
export function vendorsUsed(
  entries: readonly Entry[],
): readonly { readonly role: string; readonly name: string }[] {
  const abilities = entries.find((entry) => entry['type'] === 'journal')?.['abilities'];
  if (!isObject(abilities)) return [];
  return Object.entries(abilities).flatMap(([role, ability]) => {
    if (!isObject(ability) || typeof ability['vendor'] !== 'string') return [];
    const model = typeof ability['model'] === 'string' ? ` (${ability['model']})` : '';
    return [{ role, name: `${ability['vendor']}${model}` }];
  });
}
