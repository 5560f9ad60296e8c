import { randomBytes, randomUUID } from 'node:crypto';

/** A random uuid (version 4). */
export const newUuid = (): string => randomUUID();

/** `bytes` random bytes as base64url: safe in a URL, a header and a TwiML parameter. */
export const newToken = (bytes = 24): string => randomBytes(bytes).toString('base64url');
