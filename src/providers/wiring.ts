import { z } from 'zod';
import type { Applied, Provider, ProviderChannel, ProviderSecrets } from '#contracts/provider.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import { providerNames } from '#protocol/voice-channel.ts';
import type { ProviderName, SecretField } from '#protocol/voice-channel.ts';
import type { Store, Wiring } from '#store/store.ts';
import { lineOf } from './decisions.ts';
import type { Undo } from './decisions.ts';
import type { KeyedLock } from './keyed-lock.ts';

/** What setting up, tearing down and the wiring worker share. */
export type ChannelParts = {
  readonly store: Store;
  readonly providers: Readonly<Record<ProviderName, Provider>>;
  readonly clock: Clock;
  readonly log: Log;
  /** One and the same for everything in this process that changes channels; keyed by instance. */
  readonly lock: KeyedLock;
};

/**
 * How long a job waits for the request that made it. If the request is still there after that, the
 * lock keeps the job waiting; if its process has died, another one does the work.
 */
export const REQUEST_LEASE_MS = 60_000;

/** `provider.apply`, with a fault of our own kept from the client and tried again like an outage. `given`: secrets that the owner has just set. */
export async function applyWiring(
  parts: ChannelParts,
  provider: ProviderName,
  channel: ProviderChannel,
  secrets: ProviderSecrets,
  given: readonly SecretField[] = [],
): Promise<Applied> {
  const remember = async (wiring: Wiring): Promise<void> => {
    await parts.store.channels.upsert(channel.tenantId, channel.instanceId, { wiring });
  };
  try {
    return await parts.providers[provider].apply(channel, secrets, remember, given);
  } catch (error) {
    logFault(parts.log, error, 'wiring failed unexpectedly', channel.instanceId);
    return { kind: 'unreachable', message: 'The wiring failed unexpectedly and is tried again.' };
  }
}

/** What undoing this channel's wiring takes; undefined: nothing to undo. */
export function undoOf(
  parts: Pick<ChannelParts, 'providers'>,
  provider: ProviderName,
  channel: ProviderChannel,
  secrets: ProviderSecrets,
): Undo | undefined {
  const payload = parts.providers[provider].undoPayload(channel, secrets);
  return payload && { provider, line: lineOf({ ...channel, provider }), payload };
}

export async function runUndo(
  parts: Pick<ChannelParts, 'providers' | 'log'>,
  undo: Undo,
  instanceId: string,
): Promise<Applied> {
  let result: Applied;
  try {
    result = await parts.providers[undo.provider].undo(undo.payload);
  } catch (error) {
    logFault(parts.log, error, 'undoing the wiring failed unexpectedly', instanceId);
    result = { kind: 'unreachable', message: 'Undoing the wiring failed unexpectedly.' };
  }
  if (result.kind === 'refused')
    parts.log.warn({ instanceId, reason: result.message }, 'wiring cannot be undone');
  return result;
}

const nullableText = z.string().nullable();
const undoSchema = z.object({
  provider: z.enum(providerNames),
  line: z.object({
    provider: z.enum(providerNames),
    phoneNumber: nullableText,
    twilioAccountSid: nullableText,
    twilioPhoneNumber: nullableText,
  }),
  payload: z.record(z.string(), z.unknown()),
});

/** An undo as it was sealed. Undefined: not one of ours. */
export const readUndo = (payload: unknown): Undo | undefined => undoSchema.safeParse(payload).data;

/** The name and code of what was thrown, not its message: a driver's message can hold what it was given. */
function logFault(log: Log, error: unknown, message: string, instanceId: string): void {
  const name = error instanceof Error ? error.name : typeof error;
  const stack = error instanceof Error ? framesOf(error) : undefined;
  log.error({ instanceId, fault: name, stack }, message);
}

/** The stack without the message that it begins with. */
const framesOf = (error: Error): string =>
  (error.stack ?? '')
    .replace(messageOf(error), '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
