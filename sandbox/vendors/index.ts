import type { Clock } from '#lib/clock.ts';
import { createFaults } from '../faults.ts';
import type { Faults } from '../faults.ts';
import type { EarFormat, OpenEar, VoiceBank } from '../speech/speech.ts';
import { startAnthropic } from './anthropic/server.ts';
import type { AnthropicOptions, AnthropicSimulator } from './anthropic/server.ts';
import { startCartesia } from './cartesia/server.ts';
import type { CartesiaOptions, CartesiaSimulator } from './cartesia/server.ts';
import { startDeepgram } from './deepgram/server.ts';
import type { DeepgramOptions, DeepgramSimulator } from './deepgram/server.ts';
import { startElevenLabs } from './elevenlabs/server.ts';
import type { ElevenLabsOptions, ElevenLabsSimulator } from './elevenlabs/server.ts';
import { startGoogle } from './google/server.ts';
import type { GoogleOptions, GoogleSimulator } from './google/server.ts';
import type { Brain } from './brain.ts';
import { startOpenAI } from './openai/server.ts';
import type { OpenAIOptions, OpenAISimulator } from './openai/server.ts';

/** The names of the simulated vendors, in the order of hearing, thinking, speaking. */
export const vendorNames = [
  'deepgram',
  'openai',
  'anthropic',
  'cartesia',
  'elevenlabs',
  'google',
] as const;
export type VendorName = (typeof vendorNames)[number];

export type VendorsOptions = {
  readonly bank: VoiceBank;
  readonly openEar: OpenEar;
  readonly clock: Clock;
  readonly brain: Brain;
  /** The one key each accepts. */
  readonly keys: Readonly<Record<VendorName, string>>;
  readonly timing?: {
    readonly deepgram?: DeepgramOptions['timing'];
    readonly openai?: OpenAIOptions['timing'];
    readonly anthropic?: AnthropicOptions['timing'];
    readonly cartesia?: CartesiaOptions['timing'];
    readonly elevenlabs?: ElevenLabsOptions['timing'];
    readonly google?: GoogleOptions['timing'];
  };
  /** Contexts of the Cartesia account at one time. */
  readonly maxContexts?: number;
};

export type Vendors = {
  readonly deepgram: DeepgramSimulator;
  readonly openai: OpenAISimulator;
  readonly anthropic: AnthropicSimulator;
  readonly cartesia: CartesiaSimulator;
  readonly elevenlabs: ElevenLabsSimulator;
  readonly google: GoogleSimulator;
  readonly faults: Readonly<Record<VendorName, Faults>>;
  /** What each recogniser was asked to listen to, stream by stream. */
  readonly heardFormats: Readonly<Record<'deepgram' | 'openai' | 'google', readonly EarFormat[]>>;
  close(): Promise<void>;
};

/** Starts every vendor on a port of its own. */
export async function startVendors(options: VendorsOptions): Promise<Vendors> {
  const { bank, clock, keys } = options;
  const heardFormats = {
    deepgram: new Array<EarFormat>(),
    openai: new Array<EarFormat>(),
    google: new Array<EarFormat>(),
  };
  const earsOf =
    (vendor: keyof typeof heardFormats): OpenEar =>
    (format) => {
      heardFormats[vendor].push(format);
      return options.openEar(format);
    };
  const faults = {
    deepgram: createFaults(),
    openai: createFaults(),
    anthropic: createFaults(),
    cartesia: createFaults(),
    elevenlabs: createFaults(),
    google: createFaults(),
  };
  const timing = options.timing ?? {};
  const [deepgram, openai, anthropic, cartesia, elevenlabs, google] = await Promise.all([
    startDeepgram({
      openEar: earsOf('deepgram'),
      clock,
      keys: [keys.deepgram],
      faults: faults.deepgram,
      ...(timing.deepgram && { timing: timing.deepgram }),
    }),
    startOpenAI({
      brain: options.brain,
      clock,
      keys: [keys.openai],
      faults: faults.openai,
      speech: { bank, openEar: earsOf('openai') },
      ...(timing.openai && { timing: timing.openai }),
    }),
    startAnthropic({
      brain: options.brain,
      clock,
      keys: [keys.anthropic],
      faults: faults.anthropic,
      ...(timing.anthropic && { timing: timing.anthropic }),
    }),
    startCartesia({
      bank,
      clock,
      keys: [keys.cartesia],
      faults: faults.cartesia,
      ...(timing.cartesia && { timing: timing.cartesia }),
      ...(options.maxContexts !== undefined && { maxContexts: options.maxContexts }),
    }),
    startElevenLabs({
      bank,
      clock,
      keys: [keys.elevenlabs],
      faults: faults.elevenlabs,
      ...(timing.elevenlabs && { timing: timing.elevenlabs }),
    }),
    startGoogle({
      bank,
      openEar: earsOf('google'),
      brain: options.brain,
      clock,
      keys: [keys.google],
      faults: faults.google,
      ...(timing.google && { timing: timing.google }),
    }),
  ]);
  const running = { deepgram, openai, anthropic, cartesia, elevenlabs, google };
  return {
    ...running,
    faults,
    heardFormats,
    async close() {
      await Promise.all(Object.values(running).map((vendor) => vendor.close()));
    },
  };
}
