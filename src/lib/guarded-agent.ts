import { lookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isPublicAddress } from './public-address.ts';

/** The address is not one that strangers may have us connect to. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
  readonly code = 'PRIVATE_ADDRESS';
}

export type GuardedAgentOptions = {
  /** Connect to private addresses, and by plain HTTP, too. */
  readonly allowPrivate: boolean;
  /** An answer whose body is longer than this is cut off with an error. */
  readonly maxResponseBytes: number;
};

const KEEP_ALIVE_MS = 60_000;
const CONNECT_WITHIN_MS = 4_000;
const MAX_CONNECTIONS_EACH = 32;

/**
 * HTTP connections to addresses that others name. The address is checked when the connection is made,
 * on what the name resolved to, and that very address is connected to: a name that resolves to
 * something else a moment later gains nothing. Redirects are whoever uses it to follow; each makes a
 * connection that is checked like any other.
 */
export function guardedAgent({ allowPrivate, maxResponseBytes }: GuardedAgentOptions): Agent {
  const connector = buildConnector({
    timeout: CONNECT_WITHIN_MS,
    ...(!allowPrivate && { lookup: publicLookup }),
  });
  return new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connections: MAX_CONNECTIONS_EACH,
    pipelining: 1,
    maxResponseSize: maxResponseBytes,
    // Deadlines are the caller's, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      const refusal = allowPrivate ? undefined : refusalOf(options.protocol, options.hostname);
      if (refusal) return callback(refusal, null);
      return connector(options, callback);
    },
  });
}

/** An address in the URL itself is never looked up, so it is looked at here. */
function refusalOf(protocol: string, hostname: string): PrivateAddressError | undefined {
  if (protocol !== 'https:')
    return new PrivateAddressError('only https is allowed, unless private addresses are');
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isPublicAddress(host)
    ? new PrivateAddressError(`${host} is a private address`)
    : undefined;
}

type LookupAnswer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** `dns.lookup` that knows public addresses only. */
export function publicLookup(
  hostname: string,
  options: LookupOptions,
  callback: LookupAnswer,
): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '');
    const open = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = open;
    if (!first)
      return callback(new PrivateAddressError(`${hostname} has only private addresses`), '');
    if (options.all) return callback(null, open);
    callback(null, first.address, first.family);
  });
}
