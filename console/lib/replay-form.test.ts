import { describe, expect, test } from 'vitest';
import type { ReplaySetting } from '#protocol/replay.ts';
import { hintOf, policyPatchOf, soonerOrLater, textOf } from './replay-form.ts';

const setting = (path: string, part: Partial<ReplaySetting>): ReplaySetting => ({
  path,
  about: 'what it is about',
  kind: 'text',
  was: null,
  ...part,
});
const SETTINGS = [
  setting('endpointing.silenceMs', { kind: 'ms', min: 100, max: 5_000, was: 500 }),
  setting('endpointing.vendorDecides', { kind: 'flag', was: false }),
  setting('speculation', { kind: 'flag', was: true }),
  setting('idle.prompts', { kind: 'texts', was: ['Hello?', 'Still there?'] }),
];

describe('the form of a replay', () => {
  test('asks for a policy in the policy’s own shape', () => {
    const changes = [
      { path: 'endpointing.silenceMs', text: ' 300 ' },
      { path: 'endpointing.vendorDecides', text: 'true' },
      { path: 'speculation', text: 'false' },
      { path: 'idle.prompts', text: 'Hello?\n\n  Bye? ' },
    ];
    expect(policyPatchOf(changes, SETTINGS)).toEqual({
      endpointing: { silenceMs: 300, vendorDecides: true },
      speculation: false,
      idle: { prompts: ['Hello?', 'Bye?'] },
    });
  });

  test.each(['', '3e2', '-1', 'soon'])('leaves it to the server that “%s” is no number', (text) => {
    expect(policyPatchOf([{ path: 'endpointing.silenceMs', text }], SETTINGS)).toEqual({
      endpointing: { silenceMs: text },
    });
  });

  test('begins with what the call ran with', () => {
    expect(SETTINGS.map(textOf)).toEqual(['500', 'false', 'true', 'Hello?\nStill there?']);
  });

  test('says what a setting is, can be and was', () => {
    expect(SETTINGS.slice(0, 2).map(hintOf)).toEqual([
      'What it is about (100 to 5000 ms; it was 500 ms).',
      'What it is about (it was false).',
    ]);
  });
});

test.each([
  [-200, '200 ms sooner'],
  [1_070.4, '1,070 ms later'],
  [0.3, 'no sooner, no later'],
])('%f ms is %s', (changeMs, words) => {
  expect(soonerOrLater(changeMs)).toBe(words);
});
