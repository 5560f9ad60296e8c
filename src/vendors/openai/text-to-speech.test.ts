import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PHONE_AUDIO } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { systemClock } from '#lib/clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { startOpenAI } from '#sandbox/vendors/openai/server.ts';
import type { OpenAISimulator } from '#sandbox/vendors/openai/server.ts';
import { textToSpeechContract } from '#test/contracts/text-to-speech.ts';
import { SPOKEN_FORMATS, wordsIn } from '#test/support/formats.ts';
import { isEnd, openLine, wordsHeard } from '#test/support/speaking.ts';
import type { SpeakingWorld } from '#test/support/speaking.ts';
import { openaiTextToSpeech } from './text-to-speech.ts';
import { openai } from './vendor.ts';

const KEY = 'sk-sandbox-f00dfeedf00dfeed';

let bank: Awaited<ReturnType<typeof createVoiceBank>>;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

describe.each(['gpt-realtime-2.1-mini', 'gpt-4o-mini-tts'])('OpenAI %s', (model) => {
  let simulator: OpenAISimulator;
  let faults: ReturnType<typeof createFaults>;
  let sayInstead: (text: string) => string;
  beforeEach(async () => {
    faults = createFaults();
    sayInstead = (text) => text;
    simulator = await startOpenAI({
      brain: () => ({}),
      clock: systemClock,
      keys: [KEY],
      faults,
      speech: { bank, openEar: openEar(bank) },
      sayInstead: (text) => sayInstead(text),
      timing: { firstSpeechMs: 5, realTimeFactor: 50 },
    });
  });
  afterEach(() => simulator.close());

  const running = (): number =>
    simulator.speeches().filter(({ outcome }) => outcome === 'running').length;
  const sockets = (): number =>
    simulator.connections().filter((one) => one.closedAtMs === undefined).length;
  /** Requests that were neither answered nor given up. */
  const unanswered = (): number =>
    simulator.requests().filter(({ status, aborted }) => status === undefined && !aborted).length;

  const world = (audio: AudioFormat): SpeakingWorld => ({
    apiKey: KEY,
    audio,
    voice: openai.textToSpeech?.defaultVoice ?? '',
    open: (options) => openaiTextToSpeech({ ...options, baseUrl: simulator.url, model }),
    setFault: (fault) => faults.set(fault),
    planFault: (nth, fault) => faults.plan(nth, fault),
    activeUtterances: running,
    openConnections: () =>
      model.startsWith('gpt-realtime') ? sockets() : running() + unanswered(),
    hear: (sound) => wordsIn(bank, sound, audio),
  });
  describe.each(SPOKEN_FORMATS)('speaking %s', (_, audio) => {
    textToSpeechContract(() => world(audio));
  });

  test('a model that first answers, and then leaves out the end, is not heard to do so', async () => {
    // The speech endpoint is no language model: it keeps to its text.
    if (!model.startsWith('gpt-realtime')) return expect(model).toBe('gpt-4o-mini-tts');
    const answers = ['Of course, with pleasure.', 'I would like to'];
    sayInstead = (text) => answers.shift() ?? text;
    using line = openLine(world(PHONE_AUDIO));
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table.');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(PHONE_AUDIO), spoken)).toBe('i would like to book a table');
    expect(simulator.speeches().map(({ text }) => text)).toEqual([
      'I would like to book a table.',
      'I would like to book a table.',
      'book a table.',
    ]);
    expect(line.logged()).toContain('the voice strays from its text');
  });
});
