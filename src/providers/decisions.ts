import type { Applied, ProviderChannel } from '#contracts/provider.ts';
import type { Channel, ChannelChange, Secrets } from '#store/store.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { ChannelStatus, ProviderName, SecretField } from '#protocol/voice-channel.ts';

/** What is decided about a channel, without I/O, so that every case can be tested by itself. */

/** What an owner asks for. An absent field keeps what is stored; null clears it. */
export type ChannelSetup = {
  readonly provider?: ProviderName;
  readonly agentId?: string | null;
  readonly phoneNumber?: string | null;
  readonly twilioAccountSid?: string | null;
  readonly twilioPhoneNumber?: string | null;
  readonly secrets: Readonly<Partial<Record<SecretField, string | null>>>;
};

export type Standing = {
  readonly status: ChannelStatus;
  readonly enabled: boolean;
  readonly errorMessage: string | null;
};

/** Where a channel stands after its provider was, or could not yet be, brought in line with it. */
export function decideStatus(missing: readonly string[], applied: Applied | undefined): Standing {
  if (missing.length > 0)
    return {
      status: 'incomplete',
      enabled: false,
      errorMessage: `Missing: ${missing.join('; ')}`,
    };
  switch (applied?.kind) {
    case undefined:
      return { status: 'pending', enabled: true, errorMessage: null };
    case 'done':
      return applied.warning === undefined
        ? { status: 'active', enabled: true, errorMessage: null }
        : { status: 'degraded', enabled: true, errorMessage: applied.warning };
    case 'refused':
      return {
        status: 'error',
        enabled: false,
        errorMessage: `${applied.field}: ${applied.message}`,
      };
    case 'unreachable':
      // Enabled: a call that reaches us all the same, over wiring from before, is answered.
      return { status: 'pending', enabled: true, errorMessage: applied.message };
  }
}

/** The line that wiring belongs to. Wiring of another line is of no use and has to be undone. */
export type Line = {
  readonly provider: ProviderName;
  readonly phoneNumber: string | null;
  readonly twilioAccountSid: string | null;
  readonly twilioPhoneNumber: string | null;
};

export const lineOf = (channel: Line): Line => ({
  provider: channel.provider,
  phoneNumber: channel.phoneNumber,
  twilioAccountSid: channel.twilioAccountSid,
  twilioPhoneNumber: channel.twilioPhoneNumber,
});

export const isSameLine = (a: Line, b: Line): boolean =>
  a.provider === b.provider &&
  a.phoneNumber === b.phoneNumber &&
  a.twilioAccountSid === b.twilioAccountSid &&
  a.twilioPhoneNumber === b.twilioPhoneNumber;

/** A channel as it would be after a setup: what a provider is asked about before anything is stored. */
export type Candidate = {
  readonly provider: ProviderName;
  readonly channel: ProviderChannel;
  readonly secrets: Secrets;
};

export function mergeSetup(
  tenantId: string,
  instanceId: string,
  previous: Channel | undefined,
  previousSecrets: Secrets,
  setup: ChannelSetup,
): Candidate {
  const pick = <T>(next: T | undefined, kept: T | undefined, none: T): T =>
    next === undefined ? (kept ?? none) : next;
  const line: Line = {
    provider: pick(setup.provider, previous?.provider, 'retell'),
    phoneNumber: pick(setup.phoneNumber, previous?.phoneNumber, null),
    twilioAccountSid: pick(setup.twilioAccountSid, previous?.twilioAccountSid, null),
    twilioPhoneNumber: pick(setup.twilioPhoneNumber, previous?.twilioPhoneNumber, null),
  };
  return {
    provider: line.provider,
    channel: {
      tenantId,
      instanceId,
      agentId: pick(setup.agentId, previous?.agentId, null),
      phoneNumber: line.phoneNumber,
      twilioAccountSid: line.twilioAccountSid,
      twilioPhoneNumber: line.twilioPhoneNumber,
      wiring: previous && isSameLine(previous, line) ? previous.wiring : {},
    },
    secrets: mergeSecrets(previousSecrets, setup.secrets),
  };
}

function mergeSecrets(
  previous: Secrets,
  change: Readonly<Partial<Record<SecretField, string | null>>>,
): Secrets {
  const merged: Partial<Record<SecretField, string>> = {};
  for (const name of secretFields) {
    const next = change[name] === undefined ? previous[name] : change[name];
    if (next !== null && next !== undefined) merged[name] = next;
  }
  return merged;
}

export const secretsSetIn = (secrets: Secrets): readonly SecretField[] =>
  secretFields.filter((name) => secrets[name] !== undefined);

/** The change that puts a channel back to what it was before `setup` was stored. */
export function restoringChange(
  previous: Channel,
  previousSecrets: Secrets,
  setup: ChannelSetup,
): ChannelChange {
  const secrets: Partial<Record<SecretField, string | null>> = {};
  for (const name of secretFields)
    if (setup.secrets[name] !== undefined) secrets[name] = previousSecrets[name] ?? null;
  return {
    ...lineOf(previous),
    agentId: previous.agentId,
    secrets,
    enabled: previous.enabled,
    status: previous.status,
    errorMessage: previous.errorMessage,
    wiring: previous.wiring,
  };
}

/** As the provider sees a stored channel. */
export const providerChannelOf = (channel: Channel): ProviderChannel => ({
  tenantId: channel.tenantId,
  instanceId: channel.instanceId,
  agentId: channel.agentId,
  phoneNumber: channel.phoneNumber,
  twilioAccountSid: channel.twilioAccountSid,
  twilioPhoneNumber: channel.twilioPhoneNumber,
  wiring: channel.wiring,
});

/**
 * A sealed undo as it lies in the store: whose it is, which line it frees, and the provider's own
 * payload.
 */
export type Undo = {
  readonly provider: ProviderName;
  readonly line: Line;
  readonly payload: Readonly<Record<string, unknown>>;
};

/**
 * Whether an undo would cut a line that is in use: the channel came back to it, or its setup was
 * refused and the one before holds again. `current` is the undo of the channel as it is now.
 */
export const isStillNeeded = (undo: Undo, current: Undo | undefined): boolean =>
  current !== undefined && isSameLine(undo.line, current.line);

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 5 * 60_000;

/** Exponential backoff with jitter; `random` is in [0, 1). `attempts` have failed already. */
export function retryDelayMs(attempts: number, random: number): number {
  const ceilingMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20));
  return Math.round(ceilingMs * (0.5 + random / 2));
}
