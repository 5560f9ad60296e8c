import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { LiveCalls } from '#contracts/live-calls.ts';
import type { Provider } from '#contracts/provider.ts';
import type { Clock } from '#lib/clock.ts';
import type { ProviderName } from '#protocol/voice-channel.ts';
import type { KeyedLock } from '#providers/keyed-lock.ts';
import type { Store } from '#store/store.ts';
import type { BrowserCalls } from './rtvi.ts';

/** How people's tokens are checked. With neither a secret nor a JWKS no token is accepted. */
export type AuthOptions = {
  /** For HS256 only. */
  readonly jwtSecret?: string;
  /** For the asymmetric algorithms only. */
  readonly jwksUrl?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
};

/** What the HTTP API works with. */
export type ApiParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly providers: Readonly<Record<ProviderName, Provider>>;
  /** The same one that the wiring worker holds. */
  readonly lock: KeyedLock;
  readonly auth: AuthOptions;
  readonly live: LiveCalls;
  /** Whether agents may have tools at private addresses, and by plain HTTP. False when absent. */
  readonly toolAllowPrivate?: boolean;
  readonly metrics: Registry;
  /** False while starting and while draining. */
  readonly ready: () => boolean;
  readonly kickWiring: () => void;
  /** Origin under which clients reach this server, without a trailing slash. */
  readonly publicUrl: string;
  /** Of pages elsewhere that may start browser calls: `https://example.com`. None when absent. */
  readonly corsOrigins?: readonly string[];
  /** Absent: no calls from browsers. */
  readonly browserCalls?: Pick<BrowserCalls, 'start'>;
};
