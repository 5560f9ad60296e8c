import type { ProviderName, SecretField } from '#protocol/voice-channel.ts';

/** What a provider is told of a channel; no secrets in it. */
export type ProviderChannel = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly agentId: string | null;
  readonly phoneNumber: string | null;
  readonly twilioAccountSid: string | null;
  readonly twilioPhoneNumber: string | null;
  /** What this provider returned from its last `apply`; `{}` before the first. */
  readonly wiring: Readonly<Record<string, unknown>>;
};

export type ProviderSecrets = Readonly<Partial<Record<SecretField, string>>>;

export type Applied =
  /** `warning`: it works, but a link of a chain is missing; the channel is then `degraded`. */
  | {
      readonly kind: 'done';
      readonly wiring: Readonly<Record<string, unknown>>;
      readonly warning?: string;
    }
  /** The other side says no, and will say no again: a 422 on `field`. */
  | { readonly kind: 'refused'; readonly field: string; readonly message: string }
  /** The other side cannot be reached now: the channel is `pending` and this is tried again. */
  | { readonly kind: 'unreachable'; readonly message: string };

/** What is wrong with a vendor's key; `message` is for people and holds no secret. */
export type KeyProblem = {
  readonly field: SecretField;
  /** `refused`: the vendor knows it and says no; `failing`: it cannot be used now, or not for all it is for. */
  readonly kind: 'refused' | 'failing';
  readonly message: string;
};

/** Tries every key of a channel at its vendor. Resolves within seconds with those that do not work; never rejects. */
export type CheckKeys = (
  channel: Pick<ProviderChannel, 'tenantId' | 'instanceId'>,
  secrets: ProviderSecrets,
) => Promise<readonly KeyProblem[]>;

export type WiredChannel = {
  readonly channel: ProviderChannel;
  readonly secrets: ProviderSecrets;
};

/** Who carries the voice. */
export type Provider = {
  readonly name: ProviderName;
  /** Whether what stands at the other side depends on the agent's name and `agent_config`, so that a change of them is applied. */
  readonly followsAgent?: boolean;
  /** What a channel still needs, each in words for people ("a speech-to-text key: deepgram_api_key, …"); empty when complete. */
  missing(channel: ProviderChannel, secretsSet: readonly SecretField[]): readonly string[];
  /** The URL that the other side calls, for the owner to see. */
  webhookUrl(instanceId: string): string;
  /** Brings the other side in line with the channel. Doing it twice is the same as once. Never throws for the other side's faults. */
  apply(
    channel: ProviderChannel,
    secrets: ProviderSecrets,
    /**
     * To be awaited with the wiring-to-be before anything is changed at the other side: what was
     * there before is then stored, and a crash between the change and `apply`'s answer loses nothing.
     */
    remember?: (wiring: Readonly<Record<string, unknown>>) => Promise<void>,
    /** Secrets that the owner has just given: one that its vendor refuses is a 422, where one that was stored before is a warning. */
    given?: readonly SecretField[],
  ): Promise<Applied>;
  /**
   * Whether `apply` can go on from the wiring of the channel as it was before a setup, and gives back
   * what is not used any more. False: that wiring is to be undone. Absent: it can on the same line only.
   */
  carriesOn?(previous: WiredChannel, next: WiredChannel): Promise<boolean>;
  /** What `undo` will need once the channel is gone; undefined: nothing to undo. */
  undoPayload(
    channel: ProviderChannel,
    secrets: ProviderSecrets,
  ): Readonly<Record<string, unknown>> | undefined;
  /**
   * An undo that was not done when a new channel of the instance was set up: `left` is what of it that
   * channel does not use (undefined: nothing), and `wiring` that channel's own, which from now on
   * knows what was there before the undone one. Absent: all is left or, on the same line, nothing.
   */
  handOver?(
    payload: Readonly<Record<string, unknown>>,
    wiring: Readonly<Record<string, unknown>>,
  ): {
    readonly left: Readonly<Record<string, unknown>> | undefined;
    readonly wiring: Readonly<Record<string, unknown>>;
  };
  /** Puts the other side back as it was found, unless somebody has changed it since. `refused` is final. */
  undo(payload: Readonly<Record<string, unknown>>): Promise<Applied>;
};
