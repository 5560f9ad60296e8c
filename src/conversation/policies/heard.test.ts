import { expect, test } from 'vitest';
import type { Reply } from '../state.ts';
import { heardText, isAllHeard, resumeFromMs, unheardText } from './heard.ts';

const words = ['We', 'are', 'open', 'today.'].map((text, index) => ({
  text,
  startMs: index * 300,
  endMs: (index + 1) * 300,
}));

const reply = (change: Partial<Reply>): Reply => ({
  id: 1,
  kind: 'answer',
  answers: null,
  thinking: false,
  runningTools: [],
  waitingTools: [],
  lineTools: [],
  toolsSinceMs: 0,
  toolFillerSaid: false,
  toolContext: [],
  toolsShown: 0,
  unspoken: '',
  text: 'We are open today.',
  textDone: true,
  speechDone: true,
  audioMs: 1_200,
  words,
  playedMs: 0,
  audio: { is: 'flowing' },
  interruptible: true,
  dueSinceMs: 0,
  speechEndMs: 0,
  moments: {},
  heardSinceMs: 0,
  notedSilenceMs: null,
  progressMs: 0,
  soundDueSinceMs: null,
  stalls: 0,
  afterwards: 'listen',
  ...change,
});

test('a word is heard when it was played to its end, but for an edge that nobody misses', () => {
  expect(heardText(reply({ playedMs: 596 }))).toBe('We');
  expect(heardText(reply({ playedMs: 597 }))).toBe('We are');
  expect(heardText(reply({ playedMs: 899 }))).toBe('We are open');
});

test('all of it is heard with the last sample, whatever the words say', () => {
  const all = reply({ playedMs: 1_199.5, words: words.slice(0, 2) });
  expect([isAllHeard(all), heardText(all)]).toEqual([true, 'We are open today.']);
  expect(isAllHeard(reply({ playedMs: 1_198 }))).toBe(false);
  expect(isAllHeard(reply({ playedMs: 1_200, speechDone: false }))).toBe(false);
});

test('what was never played was not heard', () => {
  expect(heardText(reply({ heardSinceMs: null, audioMs: 0.5, words: [] }))).toBe('');
});

test('without times of words the share of the audio tells, rounded down', () => {
  const half = reply({ words: [], playedMs: 600 });
  // 600 of 1,200 ms are 9.5 of 19 letters: "We are " is 7, "open " would be 12.
  expect(heardText(half)).toBe('We are');
  expect(heardText(reply({ words: [], playedMs: 0 }))).toBe('');
});

test('text that has no sound yet is not heard because the sound so far was', () => {
  const text = 'Yes. We are open today and tomorrow and on any other day of the year.';
  expect(
    heardText(reply({ text, words: [], speechDone: false, audioMs: 400, playedMs: 400 })),
  ).toBe('Yes.');
});

test('what was left unsaid includes what was not even sent to be spoken', () => {
  const left = reply({ unspoken: ' And tomorrow.' });
  expect(unheardText(left, 'We are')).toBe('open today. And tomorrow.');
  expect(unheardText(left, '')).toBe('We are open today. And tomorrow.');
});

test('a reply goes on at the first word that was not heard to its end', () => {
  expect(resumeFromMs(reply({ playedMs: 700 }))).toBe(600);
  expect(resumeFromMs(reply({ playedMs: 599 }))).toBe(599);
  expect(resumeFromMs(reply({ playedMs: 700, words: [] }))).toBe(700);
});
