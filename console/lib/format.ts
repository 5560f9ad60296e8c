import type { EndReason } from '#protocol/calls.ts';
import type { CallState, ChannelStatus } from '#protocol/voice-channel.ts';

/** 75 → `1:15`, 3,675 → `1:01:15`. */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours = 0, minutes = 0, rest = 0] = parts;
  const tail = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

export const callerName = (phone: string): string =>
  phone === '' ? 'Unknown number' : phone === 'web' ? 'Browser' : phone;

export const wholeMs = (ms: number): string => `${Math.round(ms).toLocaleString('en')} ms`;

export const dateTime = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const stateNames: Readonly<Record<CallState | 'ended', string>> = {
  ringing: 'Ringing',
  greeting: 'Greeting',
  listening: 'Listening',
  thinking: 'Thinking',
  speaking: 'Speaking',
  transferring: 'Transferring',
  ending: 'Ending',
  ended: 'Ended',
};

export const endReasonNames: Readonly<Record<EndReason, string>> = {
  caller_hangup: 'Caller hung up',
  agent_hangup: 'Agent hung up',
  api_hangup: 'Hung up by you',
  transferred: 'Transferred',
  max_duration: 'Time limit',
  silence: 'Silence',
  vendor_failure: 'Vendor failure',
  internal_error: 'Internal error',
  transport_lost: 'Line lost',
  channel_removed: 'Channel removed',
  shutdown: 'Server shut down',
  node_lost: 'Server lost',
  not_answered: 'Not answered',
};

// Its keys are those of its type: the compiler keeps it complete.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const allEndReasons = Object.keys(endReasonNames) as readonly EndReason[];

/** The name of a reason that may be of another version of the program. */
export const endReasonName = (reason: string): string =>
  new Map<string, string>(Object.entries(endReasonNames)).get(reason) ?? reason;

/** Ends that nobody wanted. */
export const faultyEnds: ReadonlySet<EndReason> = new Set([
  'vendor_failure',
  'internal_error',
  'transport_lost',
  'node_lost',
]);

export const statusNames: Readonly<Record<ChannelStatus, string>> = {
  not_configured: 'No phone line',
  incomplete: 'Incomplete',
  pending: 'Pending',
  active: 'Active',
  degraded: 'Degraded',
  error: 'Error',
};

export type Tone = 'good' | 'bad' | 'warn' | 'calm' | 'accent';

export const statusTones: Readonly<Record<ChannelStatus, Tone>> = {
  not_configured: 'calm',
  incomplete: 'warn',
  pending: 'warn',
  active: 'good',
  degraded: 'warn',
  error: 'bad',
};
