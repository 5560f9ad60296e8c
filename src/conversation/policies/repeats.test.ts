import { expect, test } from 'vitest';
import { policyWith } from '#test/support/conversation.ts';
import { newConversation } from '../state.ts';
import type { Caller, Conversation } from '../state.ts';
import { newWords } from './repeats.ts';

/** A turn was answered at 10,000 ms, after a voice that ended at 9,500 ms. */
const answered = (
  text: string,
  change: Partial<Caller> = {},
  vendorDecides = false,
): Conversation => {
  const fresh = newConversation(policyWith({ endpointing: { vendorDecides } }));
  const answer = { text, atMs: 10_000 };
  return {
    ...fresh,
    caller: { ...fresh.caller, voiceSinceMs: 9_500, answered: answer, ...change },
  };
};

test('words are new where nothing was answered', () => {
  const fresh = newConversation(policyWith());
  expect(newWords(fresh, ' I want ', 500)).toBe('I want');
});

test('the end of an answered turn said once more is not new', () => {
  const state = answered('I want a table.');
  expect(newWords(state, 'A table', 10_400)).toBe('');
  expect(newWords(state, 'a chair', 10_400)).toBe('a chair');
  expect(newWords(state, 'able', 10_400)).toBe('able');
});

test('unless it comes late, or with a voice', () => {
  expect(newWords(answered('yes'), 'yes', 12_001)).toBe('yes');
  expect(newWords(answered('yes', { voice: 'speaking' }), 'yes', 10_400)).toBe('yes');
  expect(newWords(answered('yes', { voiceSinceMs: 10_200 }), 'yes', 10_400)).toBe('yes');
});

test('of an open segment only what follows the recorded words is new', () => {
  const state = answered('Hello. I want a table', { recorded: 'I want a table' });
  expect(newWords(state, 'I want a table.', 10_400)).toBe('');
  expect(newWords(state, 'I want a table for two', 10_400)).toBe('for two');
  expect(newWords(state, 'I want a table –', 10_400)).toBe('');
});

test('an interim that falls back behind the recorded words is not new, even with a voice', () => {
  const state = answered('I want a table', { recorded: 'I want a table', voice: 'speaking' });
  expect(newWords(state, 'I want', 10_400)).toBe('');
});

test('a correction without more words comes too late; one with more is heard', () => {
  const state = answered('I want table', { recorded: 'I want table' });
  expect(newWords(state, 'I want cable', 10_400)).toBe('');
  expect(newWords(state, 'I want a table', 10_400)).toBe('I want a table');
  expect(newWords({ ...state, caller: { ...state.caller, voice: 'speaking' } }, 'no', 10_400)).toBe(
    'no',
  );
});

test('a segment does not stay open for ever; a whole turn stays longer', () => {
  const caller = { recorded: 'yes', voice: 'speaking' } as const;
  expect(newWords(answered('yes', caller), 'yes', 15_001)).toBe('yes');
  expect(newWords(answered('yes', caller, true), 'yes and no', 40_000)).toBe('and no');
  expect(newWords(answered('yes', caller, true), 'yes', 70_001)).toBe('yes');
});
