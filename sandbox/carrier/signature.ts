import { createHmac } from 'node:crypto';

/**
 * The value of `X-Twilio-Signature`: base64 of HMAC-SHA1 with the account's auth token over the
 * URL followed by every form parameter's name and value, sorted by name, with nothing in between.
 * A GET and a WebSocket upgrade have no parameters: theirs are in the URL already.
 */
export function twilioSignature(
  authToken: string,
  url: string,
  params: Readonly<Record<string, string>>,
): string {
  const names = Object.keys(params).toSorted();
  const signed = url + names.map((name) => `${name}${params[name]}`).join('');
  return createHmac('sha1', authToken).update(signed, 'utf8').digest('base64');
}
