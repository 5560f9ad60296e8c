import type { ThinkRequest } from '#contracts/language-model.ts';
import type { VendorSpec } from '#contracts/vendor-spec.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import { createFaults } from '#sandbox/faults.ts';
import type { Faults } from '#sandbox/faults.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { seedOfCall } from '../plan.ts';
import type { CallPlan } from '../plan.ts';
import type { Vocabulary } from '../vocabulary.ts';
import type { Sounds } from '../world/labelled-sound.ts';
import { createBrain } from './brain.ts';
import { openModel } from './model.ts';
import { openRecogniser } from './recogniser.ts';
import type { RecogniserStyle } from './recogniser.ts';
import { createMemoryService } from './service.ts';
import type { MemoryService } from './service.ts';
import { openVoice } from './voice.ts';

/** The vendors of one simulated call. */
export type Cast = {
  readonly specs: readonly VendorSpec[];
  readonly secrets: Readonly<Partial<Record<SecretField, string>>>;
  readonly faults: ReadonlyMap<string, Faults>;
  readonly services: readonly MemoryService[];
  /** Utterances that voices with word times made at the same time, at most. */
  readonly mostUtterances: () => number;
  readonly requests: readonly { readonly atMs: number; readonly request: ThinkRequest }[];
};

const KEYS = {
  flux: 'deepgram_api_key',
  nova: 'openai_api_key',
  latent: 'google_api_key',
  quick: 'anthropic_api_key',
  steady: 'openai_api_key',
  timed: 'cartesia_api_key',
  prompt: 'elevenlabs_api_key',
  plain: 'google_api_key',
} as const satisfies Record<string, SecretField>;
type Name = keyof typeof KEYS;

const NAMES = Object.keys(KEYS);

const keyOf = (field: SecretField): string => `key-of-${field}`;

export function createCast(parts: {
  readonly plan: CallPlan;
  readonly clock: Clock;
  readonly sounds: Sounds;
  readonly vocabulary: Vocabulary;
}): Cast {
  const { plan, clock, sounds, vocabulary } = parts;
  const faults = new Map<string, Faults>();
  const services: MemoryService[] = [];
  const requests: { atMs: number; request: ThinkRequest }[] = [];
  let utterances = 0;
  let mostUtterances = 0;

  const begin = (name: Name, role: Role) => {
    const random = createRandom(seedOfCall(plan.seed, NAMES.indexOf(name)));
    const mine = createFaults();
    faults.set(name, mine);
    const between = (least: number, most: number, pace: number) => (): number =>
      Math.round((least + random.next() * (most - least)) * pace);
    const service = createMemoryService({
      name,
      role,
      apiKey: keyOf(KEYS[name]),
      clock,
      faults: mine,
      connectMs: between(30, 90, 1),
    });
    services.push(service);
    const spec = { name, credential: KEYS[name], defaultUrl: `memory:${name}` };
    return { random, between, service, spec, serviceClock: clock };
  };

  const recogniser = (
    name: Name,
    style: Omit<RecogniserStyle, 'lagMs'>,
    lag: readonly [number, number],
  ): VendorSpec => {
    const { between, spec, ...rest } = begin(name, 'speech-to-text');
    const lagMs = between(...lag, plan.pace.recogniser);
    return {
      ...spec,
      speechToText: (options) =>
        openRecogniser({ ...rest, sounds, style: { ...style, lagMs }, options }),
    };
  };
  const model = (name: Name, first: readonly [number, number]): VendorSpec => {
    const { between, spec, random, ...rest } = begin(name, 'language-model');
    const brain = createBrain(random, vocabulary);
    return {
      ...spec,
      languageModel: (options) =>
        openModel({
          ...rest,
          answer: brain,
          firstMs: between(...first, plan.pace.model),
          tokenMs: between(8, 30, plan.pace.model),
          onRequest: (request) => void requests.push({ atMs: clock.now(), request }),
          options,
        }),
    };
  };
  const voice = (name: Name, wordTimes: boolean, msPerLetter: number): VendorSpec => {
    const { between, spec, random: _random, ...rest } = begin(name, 'text-to-speech');
    return {
      ...spec,
      textToSpeech: {
        defaultVoice: `voice of ${name}`,
        open: (options) =>
          openVoice({
            ...rest,
            sounds,
            wordTimes,
            msPerLetter,
            firstMs: between(90, 260, plan.pace.voice),
            wordMs: between(10, 60, plan.pace.voice),
            onActive(change) {
              // One without word times speaks the sentences of a reply beside each other.
              if (!wordTimes) return;
              utterances += change;
              mostUtterances = Math.max(mostUtterances, utterances);
            },
            options,
          }),
      },
    };
  };

  return {
    specs: [
      recogniser(
        'flux',
        { endOfTurn: true, finalize: false, tellsUntil: true, punctuates: true, silenceMs: 420 },
        [60, 180],
      ),
      recogniser(
        'nova',
        { endOfTurn: false, finalize: true, tellsUntil: true, punctuates: true, silenceMs: 300 },
        [80, 220],
      ),
      recogniser(
        'latent',
        { endOfTurn: false, finalize: false, tellsUntil: false, punctuates: false, silenceMs: 500 },
        [120, 400],
      ),
      model('quick', [150, 600]),
      model('steady', [300, 900]),
      voice('timed', true, 42),
      voice('prompt', true, 50),
      voice('plain', false, 46),
    ],
    secrets: Object.fromEntries(Object.values(KEYS).map((field) => [field, keyOf(field)])),
    faults,
    services,
    mostUtterances: () => mostUtterances,
    requests,
  };
}
