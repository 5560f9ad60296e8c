import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import { startCarrier } from './carrier/carrier.ts';
import type { Carrier } from './carrier/carrier.ts';
import { startRetell } from './retell/retell.ts';
import type { Retell } from './retell/retell.ts';
import { openEar } from './speech/ear.ts';
import type { OpenEar, VoiceBank } from './speech/speech.ts';
import { createVoiceBank } from './speech/voice-bank.ts';
import { startVendors } from './vendors/index.ts';
import type { VendorName, Vendors, VendorsOptions } from './vendors/index.ts';

export type SandboxOptions = {
  readonly clock: Clock;
  /** What the simulated language model says. */
  readonly brain: VendorsOptions['brain'];
  readonly log?: Log;
  readonly timing?: VendorsOptions['timing'];
  /** Contexts of the Cartesia account at one time. */
  readonly maxContexts?: number;
  /** Undefined: a bank of the sandbox's own, which `close` then ends. */
  readonly bank?: VoiceBank;
};

export type Sandbox = {
  readonly bank: VoiceBank;
  /** Ears for everything the bank has said and will say. */
  readonly openEar: OpenEar;
  readonly vendors: Vendors;
  readonly carrier: Carrier;
  /** Without accounts; reaches servers by routes of its own. */
  readonly retell: Retell;
  /** The key that each vendor accepts; made anew for each sandbox. */
  readonly keys: Readonly<Record<VendorName, string>>;
  /** Where each vendor is: an `http:` origin without a trailing slash; OpenAI's with its `/v1`. */
  readonly urls: Readonly<Record<VendorName, string>>;
  /** Hangs up every call, stops every server and ends the bank. */
  close(): Promise<void>;
};

/** The world outside: a carrier, Retell, vendors, and the speech they share. Nothing leaves this machine. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock, brain, timing, maxContexts } = options;
  const keys = {
    deepgram: newToken(30),
    openai: `sk-proj-${newToken(36)}`,
    anthropic: `sk-ant-api03-${newToken(36)}`,
    cartesia: `sk_car_${newToken(18)}`,
    elevenlabs: `sk_${newToken(36)}`,
    google: `AIza${newToken(26)}`,
  };
  const started = new AsyncDisposableStack();
  try {
    const bank = options.bank ?? started.use(await createVoiceBank());
    const ears = openEar(bank);
    const vendors = started.adopt(
      await startVendors({
        bank,
        openEar: ears,
        clock,
        brain,
        keys,
        ...(timing && { timing }),
        ...(maxContexts !== undefined && { maxContexts }),
      }),
      (running) => running.close(),
    );
    const carrier = started.use(
      await startCarrier({ clock, bank, ...(options.log && { log: options.log }) }),
    );
    const retell = started.use(await startRetell({ clock }));
    return {
      bank,
      openEar: ears,
      vendors,
      carrier,
      retell,
      keys,
      urls: {
        deepgram: vendors.deepgram.url,
        openai: vendors.openai.url,
        anthropic: vendors.anthropic.url,
        cartesia: vendors.cartesia.url,
        elevenlabs: vendors.elevenlabs.url,
        google: vendors.google.url,
      },
      close: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}
