import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';

/** Who hears, thinks or speaks. */
export type Role = 'speech-to-text' | 'language-model' | 'text-to-speech';

/**
 * Why a vendor did not do its work.
 * - `refused`: the key is wrong or lacks the right (401, 403)
 * - `quota`: the account is out of money or quota (402, `insufficient_quota`)
 * - `limited`: too much at once, try later (429)
 * - `invalid`: the vendor refuses what was asked (400, 404, 422): a wrong model or voice
 * - `unreachable`: no connection, or 5xx
 * - `timeout`: connected, but no answer within the deadline
 * - `closed`: the connection ended in the middle
 * - `garbled`: an answer that is not in the vendor's protocol
 */
export type FailureCode =
  | 'refused'
  | 'quota'
  | 'limited'
  | 'invalid'
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'garbled';

/** A vendor's failure as a value. `message` is safe to store and to show: it never holds a secret. */
export type VendorFailure = {
  readonly vendor: string;
  readonly role: Role;
  readonly code: FailureCode;
  readonly message: string;
};

/** One link of a chain failed, or was too slow, and the next one does its work. Said by chains, never by a vendor. */
export type Switched = {
  readonly type: 'switched';
  readonly failure: VendorFailure;
  /** The vendor that goes on. */
  readonly to: string;
};

/** The answer to the cheapest real request with a key. */
export type Check = { readonly ok: true } | { readonly ok: false; readonly failure: VendorFailure };

/** What every vendor is opened with. */
export type VendorOptions = {
  readonly apiKey: string;
  /** Origin (and path prefix where the vendor has one) without a trailing slash. */
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly log: Log;
};
