import { describe, expect, test } from 'vitest';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import {
  changeableFields,
  defaultPolicy,
  policyValue,
  readPolicyChange,
  withChanges,
} from './policy-fields.ts';

describe('a setting of the policy', () => {
  test.each([
    ['endpointing.silenceMs=300', 300],
    [' deadAirMs = 2000', 2_000],
    ['speculation=false', false],
    ['idle.goodbye=See you = later.', 'See you = later.'],
    ['idle.prompts=["Hello?","Still there?"]', ['Hello?', 'Still there?']],
    ['vendorNames.text-to-speech=acme', 'acme'],
  ])('is read and changed: %s', (given, value) => {
    const change = readPolicyChange(given);
    expect(change.value).toEqual(value);
    const changed = withChanges(defaultPolicy(), [change]);
    expect(policyValue(changed, change.path)).toEqual(value);
    const back = { path: change.path, value: policyValue(defaultPolicy(), change.path) ?? '' };
    expect(changed).not.toEqual(defaultPolicy());
    expect(Object.keys(changed)).toEqual(Object.keys(defaultPolicy()));
    expect(back.value).not.toEqual(value);
  });

  test.each([
    ['endpointing.silence=300', /There is no setting "endpointing.silence"; there are endpointing/],
    ['sound=theirs', /There is no setting "sound"/],
    ['endpointing.silenceMs', /takes endpointing.silenceMs=value/],
    ['endpointing.silenceMs=0.5', /whole number of ms from 100 to 5000, not "0.5"/],
    ['endpointing.silenceMs=99999', /from 100 to 5000/],
    ['speculation=yes', /true or false/],
    ['idle.prompts=Hello', /a JSON list of texts/],
    ['__proto__.x=1', /There is no setting/],
  ])('is refused with what could stand there: %s', (given, why) => {
    expect(() => readPolicyChange(given)).toThrow(why);
  });

  test('has the bounds of agent_config', () => {
    const ofAgent = {
      'endpointing.silenceMs': (ms: number) => ({ endpointing: { silence_ms: ms } }),
      'endpointing.unfinishedSilenceMs': (ms: number) => ({
        endpointing: { unfinished_silence_ms: ms },
      }),
      'endpointing.eagerSilenceMs': (ms: number) => ({ endpointing: { eager_silence_ms: ms } }),
      'bargeIn.minSpeechMs': (ms: number) => ({ barge_in: { min_speech_ms: ms } }),
      'bargeIn.resumeAfterMs': (ms: number) => ({ barge_in: { resume_after_ms: ms } }),
      'idle.promptAfterMs': (ms: number) => ({ idle: { prompt_after_ms: ms } }),
      deadAirMs: (ms: number) => ({ dead_air_ms: ms }),
    };
    for (const field of changeableFields) {
      const voiceOf = Object.entries(ofAgent).find(([path]) => path === field.path)?.[1];
      if (!voiceOf || field.kind !== 'ms') continue;
      const isAllowed = (ms: number): boolean =>
        agentConfigSchema.safeParse({ voice: voiceOf(ms) }).success;
      expect([field.min - 1, field.min, field.max, field.max + 1].map(isAllowed)).toEqual([
        false,
        true,
        true,
        false,
      ]);
    }
  });
});
