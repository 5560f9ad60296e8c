import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import type { Clock } from '#lib/clock.ts';
import { VoiceError } from '#lib/errors.ts';
import type { AuthOptions } from './parts.ts';

/** Whom a person's token speaks for. `scopes` undefined: the token is not limited to any. */
export type TokenClaims = {
  readonly tenantId: string;
  readonly scopes: readonly string[] | undefined;
};

const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'EdDSA',
];
const TENANT_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * Checks people's tokens. The algorithm decides which key may be tried, so that a public key can
 * never serve as a shared secret: HS256 goes with the secret alone, the others with the JWKS alone.
 * Throws `unauthenticated`, or `unavailable` if the JWKS cannot be fetched.
 */
export function createTokenVerifier(
  auth: AuthOptions,
  clock: Pick<Clock, 'now'>,
): (token: string) => Promise<TokenClaims> {
  const secret = auth.jwtSecret ? new TextEncoder().encode(auth.jwtSecret) : undefined;
  const jwks = auth.jwksUrl ? fetchedKeys(auth.jwksUrl) : undefined;
  const algorithms = [...(secret ? ['HS256'] : []), ...(jwks ? ASYMMETRIC : [])];
  const options: JWTVerifyOptions = {
    algorithms,
    requiredClaims: ['exp'],
    clockTolerance: 5,
    ...(auth.jwtIssuer !== undefined && { issuer: auth.jwtIssuer }),
    ...(auth.jwtAudience !== undefined && { audience: auth.jwtAudience }),
  };
  const keyFor: JWTVerifyGetKey = (header, input) => {
    const key = header.alg === 'HS256' ? secret : jwks?.(header, input);
    if (!key) throw new VoiceError('unauthenticated', 'The token is not valid.');
    return key;
  };

  return async (token) => {
    if (algorithms.length === 0)
      throw new VoiceError('unauthenticated', 'This server accepts API keys only, no tokens.');
    try {
      const currentDate = new Date(clock.now());
      const { payload } = await jwtVerify(token, keyFor, { ...options, currentDate });
      return claimsOf(payload);
    } catch (error) {
      if (error instanceof VoiceError) throw error;
      const isExpired = error instanceof errors.JWTExpired;
      throw new VoiceError(
        'unauthenticated',
        isExpired ? 'The token has expired.' : 'The token is not valid.',
        { cause: error },
      );
    }
  };
}

function fetchedKeys(url: string): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), { timeoutDuration: 5_000 });
  return async (header, input) => {
    try {
      return await keys(header, input);
    } catch (error) {
      const isTokensFault =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported;
      if (isTokensFault) throw error;
      throw new VoiceError(
        'unavailable',
        'The keys that tokens are checked with are unreachable.',
        {
          cause: error,
        },
      );
    }
  };
}

function claimsOf(payload: JWTPayload): TokenClaims {
  const tenantId = payload['tenant_id'];
  if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId))
    throw new VoiceError('unauthenticated', 'The token names no tenant (claim tenant_id).');
  return { tenantId, scopes: scopesOf(payload) };
}

/** `scope` as OAuth has it, words in one string, or `scopes`, a list. Present but unreadable allows nothing. */
function scopesOf(payload: JWTPayload): readonly string[] | undefined {
  const given = payload['scopes'] ?? payload['scope'];
  if (given === undefined) return undefined;
  const words: readonly unknown[] = typeof given === 'string' ? given.split(' ') : asList(given);
  return words.filter((word): word is string => typeof word === 'string' && word !== '');
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
