import { expect, test } from 'vitest';
import { journalMarks, vendorsUsed } from './journal-marks.ts';

const entries = [
  {
    atMs: 0,
    type: 'journal',
    version: 1,
    abilities: {
      'speech-to-text': { vendor: 'deepgram', model: 'flux-general-en' },
      'language-model': { vendor: 'openai' },
      transport: 'twilio',
    },
  },
  { atMs: 5, type: 'heard-final', text: 'Hi' },
  { atMs: 5, did: ['think #1'] },
  { atMs: 9, type: 'vendor-switched', vendor: 'openai', to: 'google', message: 'It answered 503.' },
  { atMs: 12, type: 'reply-tool-call', name: 'find_table', arguments: '{"for":4}' },
  { atMs: 30, type: 'tool-result', result: '"none"' },
  { atMs: 31, type: 'key', digit: '5' },
  { atMs: 40, type: 'vendor-failed', vendor: 'google', message: 'It answered 500.' },
  { atMs: 41, type: 'note', text: 'Nobody is left to think.' },
];

test('failovers, failures, tools, keys and notes are read out of a journal, and nothing else', () => {
  expect(journalMarks(entries).map(({ kind, title, detail }) => [kind, title, detail])).toEqual([
    ['failover', 'openai → google', 'It answered 503.'],
    ['tool', 'find_table', '{"for":4}'],
    ['tool', 'Result', '"none"'],
    ['key', 'Key 5', ''],
    ['failure', 'google failed', 'It answered 500.'],
    ['note', 'Note', 'Nobody is left to think.'],
  ]);
});

test('the head of a journal says who heard and thought', () => {
  expect(vendorsUsed(entries)).toEqual([
    { role: 'speech-to-text', name: 'deepgram (flux-general-en)' },
    { role: 'language-model', name: 'openai' },
  ]);
  expect(vendorsUsed(entries.slice(1))).toEqual([]);
});
