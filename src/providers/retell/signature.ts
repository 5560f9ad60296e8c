import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether Retell signed this body within the last five minutes (or, by a clock that is ahead, the
 * next five), with one of `keys`: `x-retell-signature: v=<ms since the epoch>,d=<hex>`, where d is
 * HMAC-SHA256 of the raw body followed by that time in digits. Constant time in the digest.
 *
 * Our own rather than the SDK's: its `verify` is asynchronous (an unawaited one lets everything
 * pass), takes text only and its own clock. Tests hold it to the SDK's `sign`.
 */
export function isSignedByRetell(
  rawBody: Uint8Array | string,
  header: string | undefined,
  keys: readonly string[],
  nowMs: number,
): boolean {
  const { atText, digest } = partsOf(header) ?? {};
  if (atText === undefined || digest === undefined || !isRecent(atText, nowMs)) return false;
  let isRight = false;
  // Each key is tried, whichever matched, so that the time taken tells nothing.
  for (const key of keys)
    isRight = (key !== '' && isSame(digest, hmac(key, rawBody, atText))) || isRight;
  return isRight;
}

/**
 * Whether a header could be a signature of now at all: known before the body is read, so that a
 * stranger cannot make us read large ones.
 */
export function mayBeSignedByRetell(header: string | undefined, nowMs: number): boolean {
  const parts = partsOf(header);
  return parts !== undefined && isRecent(parts.atText, nowMs);
}

const TOLERANCE_MS = 300_000;
const HEADER = /^v=(\d{1,15}),d=([0-9a-f]{64})$/i;

function partsOf(
  header: string | undefined,
): { readonly atText: string; readonly digest: Buffer } | undefined {
  const [, atText, hex] = HEADER.exec(header ?? '') ?? [];
  if (atText === undefined || hex === undefined) return undefined;
  return { atText, digest: Buffer.from(hex, 'hex') };
}

const isRecent = (atText: string, nowMs: number): boolean =>
  Math.abs(nowMs - Number(atText)) <= TOLERANCE_MS;

const hmac = (key: string, rawBody: Uint8Array | string, atText: string): Buffer =>
  createHmac('sha256', key).update(rawBody).update(atText).digest();

const isSame = (left: Buffer, right: Buffer): boolean =>
  left.length === right.length && timingSafeEqual(left, right);
