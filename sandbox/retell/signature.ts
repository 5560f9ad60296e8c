import { createHmac } from 'node:crypto';

/**
 * The value of `x-retell-signature`: the time, and the HMAC-SHA256 of the raw body followed by that
 * time in decimal digits, under the API key that carries the workspace's webhook badge.
 */
export function retellSignature(apiKey: string, body: string, atMs: number): string {
  const time = Math.floor(atMs);
  const digest = createHmac('sha256', apiKey).update(`${body}${time}`, 'utf8').digest('hex');
  return `v=${time},d=${digest}`;
}
