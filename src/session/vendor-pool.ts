import type { LanguageModel } from '#contracts/language-model.ts';
import type { KeyProblem } from '#contracts/provider.ts';
import type { SpeechToText } from '#contracts/speech-to-text.ts';
import type { TextToSpeech } from '#contracts/text-to-speech.ts';
import type { RoleOptions, VendorSpec } from '#contracts/vendor-spec.ts';
import type { Role, VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import type { Secrets } from '#store/store.ts';
import { chainLanguageModel } from './chains/chain-language-model.ts';
import { chainSpeechToText } from './chains/chain-speech-to-text.ts';
import { chainTextToSpeech } from './chains/chain-text-to-speech.ts';
import type { Link } from './chains/links.ts';
import { checkKeys } from './check-keys.ts';
import { createKeyHealth } from './key-health.ts';
import { digestOf, shareVendors } from './shared-vendors.ts';
import type { Shared, SharedVendors } from './shared-vendors.ts';

/** Text must become sound within this; within half of what the watchdog bears, if that is less. */
const SPEECH_STALL_MS = 2_000;

/** The vendors of one call: each role's a chain of all that have a key. */
export type VendorSet = {
  readonly hearing: SpeechToText;
  readonly model: LanguageModel;
  readonly speech: TextToSpeech;
  /** Of the first voice in the chain; the others have their own. */
  readonly voice: string;
};

export type ChannelOfVendors = { readonly tenantId: string; readonly instanceId: string };

/** A key that a call has found not to work. */
export type KeyFault = ChannelOfVendors & {
  readonly field: SecretField;
  readonly failure: VendorFailure;
};

/**
 * Opens vendors and shares them: calls with the same key and model use the same sockets, and know of
 * each other which keys are refused. Every `acquire` is followed by one `release`.
 */
export type VendorPool = {
  /** Throws what is missing, in words, if a role has no vendor with a key. */
  acquire(
    agent: AgentConfig,
    secrets: Secrets,
    channel: ChannelOfVendors,
  ): { readonly set: VendorSet; release(): void };
  /** The same for a call that somebody else hears and speaks: the other roles are not opened. */
  acquireModel(
    agent: AgentConfig,
    secrets: Secrets,
    channel: ChannelOfVendors,
  ): { readonly model: LanguageModel; release(): void };
  /** Tries every key at its vendor, in every role that it is for. Resolves within seconds, never rejects. */
  check(agent: AgentConfig, secrets: Secrets): Promise<readonly KeyProblem[]>;
  close(): void;
};

/** One vendor in one role, with a key of the channel. */
export type RoleLink<Vendor> = Shared<Vendor> & {
  readonly spec: VendorSpec;
  readonly role: Role;
  /** Of the vendor's key, whatever the role. */
  readonly keyId: string;
};

export function createVendorPool(options: {
  readonly vendors: readonly VendorSpec[];
  /** Base URLs by vendor name, where they are not the real ones. */
  readonly urls: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when a key is refused, or out of quota, in a call. */
  readonly onKeyFault?: (fault: KeyFault) => void;
}): VendorPool {
  const { vendors, urls, clock, log } = options;
  const hearings = shareVendors<SpeechToText>(clock);
  const models = shareVendors<LanguageModel>(clock);
  const speeches = shareVendors<TextToSpeech>(clock);
  const health = createKeyHealth(clock);

  /** All that have a key, in the agent's order or else the registry's. */
  const open = <Vendor>(
    from: SharedVendors<Vendor>,
    role: Role,
    order: readonly string[] | undefined,
    agent: AgentConfig,
    secrets: Secrets,
    opener: (spec: VendorSpec) => ((opening: RoleOptions) => Vendor) | undefined,
  ): readonly RoleLink<Vendor>[] => {
    const inOrder = order
      ? [...new Set(order)].flatMap((name) => vendors.find((spec) => spec.name === name) ?? [])
      : vendors;
    return inOrder.flatMap((spec) => {
      const apiKey = secrets[spec.credential];
      const openVendor = opener(spec);
      if (!openVendor || !apiKey) return [];
      const { language } = agent;
      const model = agent.voice.vendors[spec.name]?.[MODEL_OF[role]];
      const baseUrl = urls[spec.name] ?? spec.defaultUrl;
      const identity = [spec.name, apiKey, baseUrl, model ?? '', language];
      const shared = from.acquire(identity, () =>
        openVendor({ apiKey, baseUrl, clock, log, model, language }),
      );
      return [{ ...shared, spec, role, keyId: digestOf([spec.name, apiKey, baseUrl]) }];
    });
  };

  const openModels = (agent: AgentConfig, secrets: Secrets, order: Orders['llm']) =>
    open(models, 'language-model', order, agent, secrets, (spec) => spec.languageModel);

  /** A link of a chain, which tells when its key fails. */
  const linkFor =
    (channel: ChannelOfVendors) =>
    <Vendor>({ vendor, spec, keyId }: RoleLink<Vendor>): Link<Vendor> => ({
      vendor,
      isOut: () => health.isOut(keyId),
      failed(failure) {
        if (health.failed(keyId, failure.code))
          options.onKeyFault?.({ ...channel, field: spec.credential, failure });
      },
    });

  const openAll = (agent: AgentConfig, secrets: Secrets, { stt, llm, tts }: Orders) => ({
    hearings: open(hearings, 'speech-to-text', stt, agent, secrets, (spec) => spec.speechToText),
    models: openModels(agent, secrets, llm),
    speeches: open(
      speeches,
      'text-to-speech',
      tts,
      agent,
      secrets,
      (spec) => spec.textToSpeech?.open,
    ),
  });
  const release = (opened: ReturnType<typeof openAll>): void =>
    [...opened.hearings, ...opened.models, ...opened.speeches].forEach((link) => link.release());

  return {
    acquire(agent, secrets, channel) {
      const { voice } = agent;
      const opened = openAll(agent, secrets, voice);
      const linkOf = linkFor(channel);
      const [hearing, ...otherHearings] = opened.hearings.map(linkOf);
      const [model, ...otherModels] = opened.models.map(linkOf);
      const [speech, ...otherSpeeches] = opened.speeches.map((link) => ({
        ...linkOf(link),
        voice: voice.vendors[link.spec.name]?.voice ?? link.spec.textToSpeech?.defaultVoice ?? '',
      }));
      if (!hearing || !model || !speech) {
        release(opened);
        const role = hearing ? (model ? 'text-to-speech' : 'language model') : 'speech-to-text';
        throw new Error(`no ${role} vendor has a key`);
      }
      const stallMs = Math.min(SPEECH_STALL_MS, voice.dead_air_ms / 2);
      return {
        set: {
          hearing: chainSpeechToText([hearing, ...otherHearings], { clock }),
          model: chainLanguageModel([model, ...otherModels], { clock, hedgeMs: voice.hedge_ms }),
          speech: chainTextToSpeech([speech, ...otherSpeeches], { clock, stallMs }),
          voice: speech.voice,
        },
        release: () => release(opened),
      };
    },
    acquireModel(agent, secrets, channel) {
      const opened = openModels(agent, secrets, agent.voice.llm);
      const [first, ...others] = opened.map(linkFor(channel));
      if (!first) throw new Error('no language model vendor has a key');
      return {
        model: chainLanguageModel([first, ...others], { clock, hedgeMs: agent.voice.hedge_ms }),
        release: () => opened.forEach((link) => link.release()),
      };
    },
    async check(agent, secrets) {
      const opened = openAll(agent, secrets, {});
      try {
        const links = [...opened.hearings, ...opened.models, ...opened.speeches];
        const problems = await checkKeys(links, clock);
        for (const { spec, keyId } of links)
          if (!problems.some(({ field }) => field === spec.credential)) health.works(keyId);
        return problems;
      } finally {
        release(opened);
      }
    },
    close() {
      hearings.close();
      models.close();
      speeches.close();
    },
  };
}

type Orders = {
  readonly stt?: readonly string[] | undefined;
  readonly llm?: readonly string[] | undefined;
  readonly tts?: readonly string[] | undefined;
};

const MODEL_OF = {
  'speech-to-text': 'stt_model',
  'language-model': 'llm_model',
  'text-to-speech': 'tts_model',
} as const satisfies Record<Role, string>;
