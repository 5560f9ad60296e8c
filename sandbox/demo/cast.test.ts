import { expect, test } from 'vitest';
import { DEFAULT_CAST, PLAYERS, readDemoArgs, vendorsOf, voiceOf } from './cast.ts';

test('without options the demo has its usual cast', () => {
  expect(readDemoArgs([])).toEqual({
    json: false,
    help: false,
    provider: 'pipecat',
    cast: DEFAULT_CAST,
  });
});

test('any one combination can be named, with models', () => {
  const { json, cast } = readDemoArgs(
    '--json --stt google --llm anthropic --tts openai/gpt-4o-mini-tts'.split(' '),
  );
  expect(json).toBe(true);
  expect(vendorsOf(cast)).toEqual(['google', 'anthropic', 'openai']);
  expect(voiceOf(cast)).toEqual({
    stt: ['google'],
    llm: ['anthropic'],
    tts: ['openai'],
    vendors: { openai: { tts_model: 'gpt-4o-mini-tts' } },
  });
});

test('Retell carries the voice where it is named', () => {
  const { provider, cast } = readDemoArgs(['--provider', 'retell', '--llm', 'google']);
  expect(provider).toBe('retell');
  expect(cast.llm).toEqual({ vendor: 'google' });
});

test('a vendor that plays several parts is one vendor, with a model for each', () => {
  const { cast } = readDemoArgs(['--stt=openai/a', '--llm=openai/b', '--tts=openai/c/d']);
  expect(vendorsOf(cast)).toEqual(['openai']);
  expect(voiceOf(cast)).toMatchObject({
    vendors: { openai: { stt_model: 'a', llm_model: 'b', tts_model: 'c/d' } },
  });
});

test.each([
  ['--stt cartesia', '--stt takes deepgram, openai, google, not "cartesia".'],
  ['--llm Google', '--llm takes openai, anthropic, google, not "Google".'],
  ['--tts elevenlabs/', "--tts elevenlabs/: a model's name follows the slash."],
  ['--tts', "Option '--tts <value>' argument missing"],
  ['--provider vapi', '--provider takes pipecat, retell, not "vapi".'],
  ['--provider retell --tts google', '--tts is not for --provider retell'],
  ['--voice x', "Unknown option '--voice'"],
  ['google', "Unexpected argument 'google'"],
])('%s is answered with a sentence', (line, sentence) => {
  expect(() => readDemoArgs(line.split(' '))).toThrow(sentence);
});

test('every part has somebody to play it', () => {
  expect(Object.values(PLAYERS).every((players) => players.length >= 3)).toBe(true);
});
