import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** AES-256: 32 bytes of key. */
export const KEY_BYTES = 32;
/** NIST SP 800-38D recommends 96 bits; random ones are safe for 2^32 messages under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Leads every sealed value, so that a later format can be told from this one. */
const FORMAT = 1;

/**
 * Encrypts with AES-256-GCM under a fresh random nonce. `context` names where the value belongs
 * (table, tenant, field, …) and is authenticated with it: the same bytes put in another place do
 * not open.
 *
 * Layout: format (1 byte), nonce (12), tag (16), ciphertext.
 */
export function seal(
  key: Uint8Array,
  plaintext: Uint8Array | string,
  context: readonly string[],
): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(contextBytes(context));
  const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([Uint8Array.of(FORMAT), nonce, cipher.getAuthTag(), ciphertext]);
}

/** Decrypts what `seal` made. Throws if the key, the context or a single bit is another one. */
export function unseal(
  key: Uint8Array,
  sealed: Uint8Array,
  context: readonly string[],
): Uint8Array {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT)
    throw new Error('a sealed value is not in a known format');
  const tagStart = 1 + NONCE_BYTES;
  const textStart = tagStart + TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, tagStart), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(contextBytes(context));
  decipher.setAuthTag(sealed.subarray(tagStart, textStart));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(textStart)), decipher.final()]);
  } catch {
    throw new Error(`a sealed value does not open: wrong key, or not made for ${context[0] ?? ''}`);
  }
}

export const unsealText = (
  key: Uint8Array,
  sealed: Uint8Array,
  context: readonly string[],
): string => Buffer.from(unseal(key, sealed, context)).toString('utf8');

export const sha256 = (data: Uint8Array | string): Uint8Array =>
  createHash('sha256').update(data).digest();

export const newKey = (): Uint8Array => randomBytes(KEY_BYTES);

/** JSON keeps the parts apart: `['ab', 'c']` and `['a', 'bc']` are different contexts. */
const contextBytes = (context: readonly string[]): Uint8Array =>
  Buffer.from(JSON.stringify(context), 'utf8');
