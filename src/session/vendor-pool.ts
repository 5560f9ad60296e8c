import { createHash } from 'node:crypto';
import type { LanguageModel } from '#contracts/language-model.ts';
import type { SpeechToText } from '#contracts/speech-to-text.ts';
import type { TextToSpeech } from '#contracts/text-to-speech.ts';
import type { RoleOptions, VendorSpec } from '#contracts/vendor-spec.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import type { Secrets } from '#store/store.ts';

/** Connections of a key that no call has used for this long are closed. */
const IDLE_LIFE_MS = 5 * 60_000;

/** The vendors of one call. */
export type VendorSet = {
  readonly hearing: SpeechToText;
  readonly model: LanguageModel;
  readonly speech: TextToSpeech;
  readonly voice: string;
};

/**
 * Opens vendors and shares them: calls with the same key and model use the same sockets. Every
 * `acquire` is followed by one `release`.
 */
export type VendorPool = {
  /** Throws what is missing, in words, if a role has no vendor with a key. */
  acquire(agent: AgentConfig, secrets: Secrets): { readonly set: VendorSet; release(): void };
  close(): void;
};

type Closable = { close(): void };
type Shared<Vendor> = { readonly vendor: Vendor; release(): void };

/** One role's open vendors, by what they were opened with. */
function sharing<Vendor extends Closable>(clock: Clock) {
  type Entry = { readonly vendor: Vendor; users: number; cancelIdle: Cancel | undefined };
  const entries = new Map<string, Entry>();
  return {
    acquire(identity: readonly string[], open: () => Vendor): Shared<Vendor> {
      // A digest, so that no key stands in memory once more as part of a map's key.
      const key = createHash('sha256').update(JSON.stringify(identity)).digest('base64');
      const entry = entries.get(key) ?? { vendor: open(), users: 0, cancelIdle: undefined };
      entries.set(key, entry);
      entry.cancelIdle?.();
      entry.users++;
      let isReleased = false;
      return {
        vendor: entry.vendor,
        release() {
          if (isReleased) return;
          isReleased = true;
          if (--entry.users > 0) return;
          entry.cancelIdle = clock.after(IDLE_LIFE_MS, () => {
            entries.delete(key);
            entry.vendor.close();
          });
        },
      };
    },
    close(): void {
      for (const entry of entries.values()) {
        entry.cancelIdle?.();
        entry.vendor.close();
      }
      entries.clear();
    },
  };
}

export function createVendorPool(options: {
  readonly vendors: readonly VendorSpec[];
  /** Base URLs by vendor name, where they are not the real ones. */
  readonly urls: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
}): VendorPool {
  const { vendors, urls, clock, log } = options;
  const hearings = sharing<SpeechToText>(clock);
  const models = sharing<LanguageModel>(clock);
  const speeches = sharing<TextToSpeech>(clock);

  const choose = (
    role: 'speechToText' | 'languageModel' | 'textToSpeech',
    order: readonly string[] | undefined,
    secrets: Secrets,
  ): { spec: VendorSpec; apiKey: string } | undefined => {
    const inOrder = order
      ? order.flatMap((name) => vendors.find((spec) => spec.name === name) ?? [])
      : vendors;
    for (const spec of inOrder) {
      const apiKey = secrets[spec.credential];
      if (spec[role] && apiKey) return { spec, apiKey };
    }
    return undefined;
  };

  return {
    acquire(agent, secrets) {
      const { voice, language } = agent;
      const stt = choose('speechToText', voice.stt, secrets);
      const llm = choose('languageModel', voice.llm, secrets);
      const tts = choose('textToSpeech', voice.tts, secrets);
      if (!stt?.spec.speechToText) throw new Error('no speech-to-text vendor has a key');
      if (!llm?.spec.languageModel) throw new Error('no language model vendor has a key');
      if (!tts?.spec.textToSpeech) throw new Error('no text-to-speech vendor has a key');

      const optionsOf = (of: { spec: VendorSpec; apiKey: string }, model: string | undefined) => ({
        apiKey: of.apiKey,
        baseUrl: urls[of.spec.name] ?? of.spec.defaultUrl,
        clock,
        log,
        model,
        language,
      });
      const acquire = <Vendor extends Closable>(
        from: ReturnType<typeof sharing<Vendor>>,
        of: { spec: VendorSpec; apiKey: string },
        model: string | undefined,
        open: (options: RoleOptions) => Vendor,
      ): Shared<Vendor> => {
        const opening = optionsOf(of, model);
        const identity = [of.spec.name, of.apiKey, opening.baseUrl, model ?? '', language];
        return from.acquire(identity, () => open(opening));
      };
      const settings = voice.vendors;
      const hearing = acquire(
        hearings,
        stt,
        settings[stt.spec.name]?.stt_model,
        stt.spec.speechToText,
      );
      const model = acquire(
        models,
        llm,
        settings[llm.spec.name]?.llm_model,
        llm.spec.languageModel,
      );
      const speech = acquire(
        speeches,
        tts,
        settings[tts.spec.name]?.tts_model,
        tts.spec.textToSpeech.open,
      );
      return {
        set: {
          hearing: hearing.vendor,
          model: model.vendor,
          speech: speech.vendor,
          voice: settings[tts.spec.name]?.voice ?? tts.spec.textToSpeech.defaultVoice,
        },
        release() {
          hearing.release();
          model.release();
          speech.release();
        },
      };
    },
    close() {
      hearings.close();
      models.close();
      speeches.close();
    },
  };
}
