import type { AgentConfig } from '#protocol/agent-config.ts';
import type { AgentSecrets } from '#protocol/agent-secrets.ts';
import type {
  CallState,
  ChannelStatus,
  ProviderName,
  SecretField,
} from '#protocol/voice-channel.ts';
import type { Call, EndReason, Turn } from '#protocol/calls.ts';
import type { CallFiguresStore } from './call-figures-store.ts';
import type { CallRecordsStore } from './call-records-store.ts';
import type { ProviderCallStore } from './provider-call-store.ts';

export type Instance = {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly agentConfig: AgentConfig;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type KeyType = 'live' | 'test';

export type ApiKey = {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly keyType: KeyType;
  /** The first characters of the key, to recognise it by; far too few to use it. */
  readonly keyPrefix: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
};

/** The voice channel of an instance, without its secrets. */
export type Channel = {
  readonly id: string;
  readonly instanceId: string;
  readonly tenantId: string;
  readonly provider: ProviderName;
  readonly agentId: string | null;
  readonly phoneNumber: string | null;
  readonly twilioAccountSid: string | null;
  readonly twilioPhoneNumber: string | null;
  /** Which secrets are stored. */
  readonly secretsSet: readonly SecretField[];
  readonly enabled: boolean;
  readonly status: ChannelStatus;
  readonly errorMessage: string | null;
  /** What the provider has changed at the carrier and what was there before: enough to undo it. */
  readonly wiring: Wiring;
  readonly lastEventAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** The provider's own JSON; opaque to the store. */
export type Wiring = Readonly<Record<string, unknown>>;

/** What a setup changes. An absent field keeps what is stored; null clears it. */
export type ChannelChange = {
  readonly provider?: ProviderName;
  readonly agentId?: string | null;
  readonly phoneNumber?: string | null;
  readonly twilioAccountSid?: string | null;
  readonly twilioPhoneNumber?: string | null;
  readonly secrets?: Readonly<Partial<Record<SecretField, string | null>>>;
  readonly enabled?: boolean;
  readonly status?: ChannelStatus;
  readonly errorMessage?: string | null;
  readonly wiring?: Wiring;
};

export type Secrets = Readonly<Partial<Record<SecretField, string>>>;

/** Wiring at a carrier or vendor that still has to be done or undone; survives restarts. */
export type WiringJob = {
  readonly id: string;
  readonly tenantId: string;
  readonly instanceId: string;
  /** `undo` jobs carry all they need, sealed, because the channel is gone. */
  readonly kind: 'apply' | 'undo';
  /** Decrypted for the worker; the provider's own JSON. Empty for `apply`. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** How often it was put off since it was asked for. */
  readonly attempts: number;
  /** Who holds it: a job whose lease has run out and was taken by another is not this one's to finish. */
  readonly claim: string;
};

export type NewCall = {
  readonly id: string;
  readonly tenantId: string;
  readonly instanceId: string;
  readonly provider: ProviderName;
  /** The carrier's id of the call, such as Twilio's `CA…`; unique within the instance. */
  readonly carrierCallId: string;
  readonly callerPhone: string;
  readonly calledPhone: string;
  readonly nodeId: string;
  readonly startedAt: Date;
};

export type LiveCall = {
  readonly id: string;
  readonly instanceId: string;
  readonly provider: ProviderName;
  readonly carrierCallId: string;
  readonly callerPhone: string;
  readonly startedAt: Date;
  readonly state: CallState;
  readonly turnCount: number;
};

/** One whose node has died. */
export type LostCall = Pick<LiveCall, 'id' | 'instanceId' | 'startedAt'>;

/** A call without what was said in it. */
export type StoredCall = {
  readonly id: string;
  readonly instanceId: string;
  readonly provider: ProviderName;
  readonly callerPhone: string;
  readonly state: Call['state'];
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly endReason: EndReason | null;
  readonly endDetail: string | null;
  readonly turnCount: number;
};

/** Which calls; an absent field allows all. */
export type CallFilter = {
  readonly state?: 'live' | 'ended' | undefined;
  readonly endReason?: EndReason | undefined;
  readonly provider?: ProviderName | undefined;
  /** Started at this moment or later. */
  readonly from?: Date | undefined;
  /** Started before this moment. */
  readonly until?: Date | undefined;
};

/** One line of a call's journal: its time, then what happened, as plain JSON. */
export type JournalEntry = { readonly atMs: number } & Readonly<Record<string, unknown>>;

/**
 * Everything that outlives the process. Every method of a tenant's data takes the tenant first and
 * runs under row-level security as a role that cannot bypass it; an id of another tenant finds nothing.
 */
export type Store = {
  readonly instances: {
    create(
      tenantId: string,
      instance: { name: string; agentConfig: AgentConfig; agentSecrets?: AgentSecrets },
    ): Promise<Instance>;
    list(tenantId: string): Promise<readonly Instance[]>;
    get(tenantId: string, instanceId: string): Promise<Instance | undefined>;
    update(
      tenantId: string,
      instanceId: string,
      change: {
        name?: string;
        agentConfig?: AgentConfig;
        /** Those given anew, with `agentConfig`: the others it speaks of stay, the rest are erased. */
        agentSecrets?: AgentSecrets;
      },
    ): Promise<Instance | undefined>;
    /** Secrets of the agent_config, decrypted, for the moment of use. */
    agentSecrets(tenantId: string, instanceId: string): Promise<AgentSecrets>;
    /** Also removes its channel, credentials and calls. False: there was none. */
    delete(tenantId: string, instanceId: string): Promise<boolean>;
    /** Whose instance it is, for requests that carry no tenant: hooks and sockets. */
    tenantOf(instanceId: string): Promise<string | undefined>;
    /** Sets the hash of the instance's own key for `/internal/v1`; null takes it away. */
    setInternalKeyHash(
      tenantId: string,
      instanceId: string,
      hash: Uint8Array | null,
    ): Promise<void>;
    internalKeyHash(instanceId: string): Promise<Uint8Array | undefined>;
  };
  readonly apiKeys: {
    /** Answers the key in plain text, this one time; only its hash is stored. */
    create(
      tenantId: string,
      key: {
        name: string;
        keyType: KeyType;
        scopes: readonly string[];
        expiresAt: Date | null;
      },
    ): Promise<{ readonly apiKey: ApiKey; readonly plaintextKey: string }>;
    list(tenantId: string): Promise<readonly ApiKey[]>;
    /** False: no such key, or revoked already. */
    revoke(tenantId: string, keyId: string): Promise<boolean>;
    /** The key this plain text belongs to, if it is valid now. Notes that it was used, at most once a minute. */
    authenticate(plaintextKey: string): Promise<ApiKey | undefined>;
  };
  readonly channels: {
    get(tenantId: string, instanceId: string): Promise<Channel | undefined>;
    /** Creates or changes, in one transaction with its secrets; secrets are encrypted before they leave this process. */
    upsert(tenantId: string, instanceId: string, change: ChannelChange): Promise<Channel>;
    /** Decrypted, for the moment of use. */
    secrets(tenantId: string, instanceId: string): Promise<Secrets>;
    /**
     * Removes the channel and erases its credentials. `undo`, if given, becomes a sealed wiring job
     * in the same transaction. False: there was no channel.
     */
    delete(
      tenantId: string,
      instanceId: string,
      undo?: Readonly<Record<string, unknown>>,
    ): Promise<boolean>;
    noteEvent(tenantId: string, instanceId: string, at: Date): Promise<void>;
  };
  readonly wiringJobs: {
    /** At most one `apply` job per instance: a second call moves it forward instead. */
    enqueueApply(tenantId: string, instanceId: string, dueAt: Date): Promise<void>;
    /**
     * An undo for a channel that goes on with another provider or number. Sealed like the one of
     * `channels.delete`; undo jobs outlive the channel and the instance.
     */
    enqueueUndo(
      tenantId: string,
      instanceId: string,
      payload: Readonly<Record<string, unknown>>,
      dueAt: Date,
    ): Promise<void>;
    /** Claims up to `limit` jobs that are due, oldest first, for `leaseMs`; a crashed claimer's jobs come back. */
    claimDue(now: Date, leaseMs: number, limit: number): Promise<readonly WiringJob[]>;
    reschedule(job: WiringJob, dueAt: Date, error: string): Promise<void>;
    /** Removes the job, unless it was enqueued anew while it was being done: then it is due again. */
    finish(job: WiringJob): Promise<void>;
  };
  readonly calls: CallFiguresStore &
    CallRecordsStore & {
      /** False: this carrier call is known already (a repeated webhook). */
      begin(call: NewCall): Promise<boolean>;
      findByCarrierId(
        tenantId: string,
        instanceId: string,
        carrierCallId: string,
      ): Promise<{ readonly id: string; readonly ended: boolean } | undefined>;
      setState(tenantId: string, callId: string, state: CallState): Promise<void>;
      /**
       * Stores turns and journal of a call in one transaction. A turn index that is stored already is
       * left as it is. Rejects with `not_found` if there is no such call, so that nothing is lost unseen.
       */
      record(
        tenantId: string,
        callId: string,
        what: { turns: readonly Turn[]; journal: readonly JournalEntry[] },
      ): Promise<void>;
      /** Ends a call once; later calls change nothing and answer false. */
      end(
        tenantId: string,
        callId: string,
        end: { reason: EndReason; detail: string | null; at: Date },
      ): Promise<boolean>;
      live(tenantId: string, instanceId: string): Promise<readonly LiveCall[]>;
      countLive(tenantId: string, instanceId: string): Promise<number>;
      /** An instance's calls, newest first: `limit` of them, those behind `after` in that order. */
      page(
        tenantId: string,
        instanceId: string,
        filter: CallFilter,
        range: {
          readonly after?: Pick<StoredCall, 'id' | 'startedAt'> | undefined;
          readonly limit: number;
        },
      ): Promise<readonly StoredCall[]>;
      /**
       * Erases a call that is over with everything that was said and told of it, for good: what its
       * provider tells of it later is dropped. A live call stays as it is.
       */
      erase(tenantId: string, callId: string): Promise<'erased' | 'live' | 'not-found'>;
      /** Whose call it is, for commands that know no tenant. */
      tenantOf(callId: string): Promise<string | undefined>;
      journal(tenantId: string, callId: string): Promise<readonly JournalEntry[]>;
    };
  /** Calls that a provider carries itself, and what it tells of them. */
  readonly providerCalls: ProviderCallStore;
  readonly mediaTokens: {
    /** Stores the hash of a one-call token. */
    issue(token: string, grant: MediaGrant, expiresAt: Date): Promise<void>;
    /** What the token allows, once: a second use, or one after its time, finds nothing. */
    consume(token: string, now: Date): Promise<MediaGrant | undefined>;
  };
  readonly nodes: {
    /** Says that this node lives; called every few seconds. */
    heartbeat(nodeId: string, at: Date): Promise<void>;
    /**
     * Ends calls of nodes not heard of since `before` with `node_lost`; answers which. Calls that
     * their provider carries go on without us. Safe to run on many nodes at once.
     */
    sweep(before: Date, now: Date): Promise<readonly LostCall[]>;
    /** Ends this node's registration in peace. */
    leave(nodeId: string): Promise<void>;
  };
  /** A tenant by its id, made if it is new: tenants come with the tokens that name them. */
  ensureTenant(tenantId: string): Promise<void>;
  /** Wraps every tenant's data key anew with `nextMasterKey`; works while nodes run that know both keys. Answers how many. */
  rotateMasterKey(nextMasterKey: Uint8Array): Promise<number>;
  /** Resolves if the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

export type MediaGrant = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly callId: string;
};
