import { beforeEach, describe } from 'vitest';
import { PHONE_AUDIO } from '#audio/format.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import type { Role } from '#contracts/vendor.ts';
import { systemClock } from '#lib/clock.ts';
import { createFaults } from '#sandbox/faults.ts';
import { languageModelContract, obedientReply } from '#test/contracts/language-model.ts';
import { speechToTextContract } from '#test/contracts/speech-to-text.ts';
import { textToSpeechContract } from '#test/contracts/text-to-speech.ts';
import { createLabelEar, createSounds, silenceOf } from '../world/labelled-sound.ts';
import type { Sounds } from '../world/labelled-sound.ts';
import { openModel } from './model.ts';
import { openRecogniser } from './recogniser.ts';
import type { RecogniserStyle } from './recogniser.ts';
import { createMemoryService } from './service.ts';
import type { MemoryService } from './service.ts';
import { openVoice } from './voice.ts';

const KEY = 'memory-key-0123456789';

/** A service that is quick, on the machine's own clock, as the suites expect simulators to be. */
function serviceOf(role: Role) {
  const faults = createFaults();
  const service: MemoryService = createMemoryService({
    name: 'memory',
    role,
    apiKey: KEY,
    clock: systemClock,
    faults,
    connectMs: () => 1,
  });
  return { service, faults, serviceClock: systemClock };
}

const settings = (options: Omit<RoleOptions, 'baseUrl'>): RoleOptions => ({
  ...options,
  baseUrl: 'memory:',
});

describe.each<readonly [string, Partial<RecogniserStyle>]>([
  ['that ends turns', { endOfTurn: true, finalize: false, silenceMs: 420 }],
  ['that closes segments', { endOfTurn: false, finalize: true, silenceMs: 300 }],
])('a recogniser in memory %s', (_name, style) => {
  let world: ReturnType<typeof serviceOf>;
  let sounds: Sounds;
  beforeEach(() => {
    world = serviceOf('speech-to-text');
    sounds = createSounds();
  });
  speechToTextContract(() => ({
    apiKey: KEY,
    audio: PHONE_AUDIO,
    open: (options) =>
      openRecogniser({
        service: world.service,
        serviceClock: world.serviceClock,
        sounds,
        style: {
          endOfTurn: false,
          finalize: false,
          tellsUntil: true,
          punctuates: true,
          silenceMs: 300,
          lagMs: () => 1,
          ...style,
        },
        options: settings(options),
      }),
    say: (text) =>
      Promise.resolve(
        Buffer.concat([
          // People do not begin with the first sample of a recording.
          silenceOf(420),
          ...text.split(' ').map((word) => sounds.audioOf(sounds.word(word, 250, 'caller'))),
          silenceOf(2_000),
        ]),
      ),
    setFault: (fault) => world.faults.set(fault),
    openConnections: () => world.service.openConnections,
  }));
});

describe('a model in memory', () => {
  let world: ReturnType<typeof serviceOf>;
  let outcomes: { state: string; tokens: number }[];
  beforeEach(() => {
    world = serviceOf('language-model');
    outcomes = [];
  });
  languageModelContract(() => ({
    apiKey: KEY,
    audio: PHONE_AUDIO,
    open: (options) =>
      openModel({
        service: world.service,
        serviceClock: world.serviceClock,
        models: ['memory'],
        firstMs: () => 2,
        tokenMs: () => 1,
        answer({ context }) {
          const { text = '', toolCalls = [] } = obedientReply(
            context.map((item) => ({
              role: item.role,
              text: 'text' in item ? item.text : 'result' in item ? item.result : '',
            })),
          );
          return {
            text,
            toolCalls: toolCalls.map((call) => ({
              name: call.name,
              arguments: JSON.stringify(call.arguments),
            })),
          };
        },
        onOutcome: (state, tokens) => void outcomes.push({ state, tokens }),
        options: settings(options),
      }),
    setFault: (fault) => world.faults.set(fault),
    outcomes: () => outcomes,
  }));
});

describe.each([true, false])('a voice in memory, with word times: %s', (wordTimes) => {
  let world: ReturnType<typeof serviceOf>;
  let sounds: Sounds;
  let active: number;
  beforeEach(() => {
    world = serviceOf('text-to-speech');
    sounds = createSounds();
    active = 0;
  });
  textToSpeechContract(() => ({
    apiKey: KEY,
    audio: PHONE_AUDIO,
    voice: 'somebody',
    open: (options) =>
      openVoice({
        service: world.service,
        serviceClock: world.serviceClock,
        sounds,
        wordTimes,
        msPerLetter: 40,
        voices: ['somebody'],
        firstMs: () => 2,
        wordMs: () => 1,
        onActive: (change) => void (active += change),
        options: settings(options),
      }),
    setFault: (fault) => world.faults.set(fault),
    planFault: (nth, fault) => world.faults.plan(nth, fault),
    activeUtterances: () => active,
    openConnections: () => world.service.openConnections,
    hear(mulaw) {
      const words: { text: string; startMs: number; endMs: number }[] = [];
      const ear = createLabelEar(sounds, (word, { startMs, endMs }) =>
        words.push({ text: word.text, startMs, endMs }),
      );
      ear.write(mulaw, 0);
      return words;
    },
  }));
});
