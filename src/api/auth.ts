import type { IncomingHttpHeaders } from 'node:http';
import { VoiceError } from '#lib/errors.ts';
import type { Scope } from '#protocol/api-keys.ts';
import type { ApiParts } from './parts.ts';
import { createTokenVerifier } from './tokens.ts';

/** Who asks. `scopes` undefined: everything of the tenant. */
export type Principal = {
  readonly kind: 'person' | 'api-key';
  readonly tenantId: string;
  readonly scopes: ReadonlySet<string> | undefined;
};

/** What a route asks of a principal. */
export type Access = {
  readonly scope?: Scope;
  /** Closed to API keys, whatever their scopes. */
  readonly isPersonOnly?: boolean;
};

export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Principal>;

const REMEMBERED_TENANTS_MAX = 10_000;

/**
 * Tells who asks, by bearer token, API key or both. With both, both must hold and name one tenant,
 * and only what both allow is allowed. Throws `unauthenticated`.
 */
export function createAuthenticate(
  parts: Pick<ApiParts, 'store' | 'auth' | 'clock'>,
): Authenticate {
  const { store } = parts;
  const verify = createTokenVerifier(parts.auth, parts.clock);
  const knownTenants = new Set<string>();

  const byToken = async (header: string): Promise<Principal> => {
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
    if (!token)
      throw new VoiceError('unauthenticated', 'The Authorization header must be a Bearer token.');
    const claims = await verify(token);
    if (!knownTenants.has(claims.tenantId)) {
      await store.ensureTenant(claims.tenantId);
      if (knownTenants.size >= REMEMBERED_TENANTS_MAX) knownTenants.clear();
      knownTenants.add(claims.tenantId);
    }
    const scopes = claims.scopes && new Set(claims.scopes);
    return { kind: 'person', tenantId: claims.tenantId, scopes };
  };

  const byKey = async (header: string): Promise<Principal> => {
    const isKey = /^hc_(?:live|test)_[\x21-\x7e]{1,200}$/.test(header);
    const apiKey = isKey ? await store.apiKeys.authenticate(header) : undefined;
    if (!apiKey) throw new VoiceError('unauthenticated', 'The API key is not valid.');
    return { kind: 'api-key', tenantId: apiKey.tenantId, scopes: new Set(apiKey.scopes) };
  };

  return async (headers) => {
    const { authorization } = headers;
    const key = headers['x-api-key'];
    if (authorization === undefined && key === undefined)
      throw new VoiceError('unauthenticated', 'Not authenticated');
    const person = authorization === undefined ? undefined : await byToken(authorization);
    const program = key === undefined ? undefined : await byKey(String(key));
    if (person && program) return agreed(person, program);
    const principal = person ?? program;
    if (!principal) throw new VoiceError('unauthenticated', 'Not authenticated');
    return principal;
  };
}

function agreed(person: Principal, program: Principal): Principal {
  if (person.tenantId !== program.tenantId)
    throw new VoiceError('unauthenticated', 'The token and the API key disagree.');
  const { scopes } = person;
  return scopes && program.scopes
    ? { ...program, scopes: new Set([...program.scopes].filter((scope) => scopes.has(scope))) }
    : program;
}

/** Throws `forbidden` unless the principal may do what the route does. */
export function requireAccess(principal: Principal, access: Access): void {
  if (access.isPersonOnly && principal.kind !== 'person')
    throw new VoiceError('forbidden', "This needs a person's token; API keys may not do it.");
  if (access.scope && principal.scopes && !principal.scopes.has(access.scope))
    throw new VoiceError('forbidden', `Missing scope: ${access.scope}`);
}
