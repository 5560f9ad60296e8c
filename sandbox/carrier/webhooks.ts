import { randomUUID } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { NetworkFault } from './network.ts';
import type { Network, WebResponse } from './network.ts';
import { twilioSignature } from './signature.ts';
import type { HttpMethod } from './twiml.ts';

export type WebhookPurpose =
  | 'voice'
  | 'fallback'
  | 'redirect'
  | 'connect-action'
  | 'call-status'
  | 'stream-status';

export type WebhookRequest = {
  readonly purpose: WebhookPurpose;
  readonly url: URL;
  readonly method: HttpMethod;
  readonly params: Readonly<Record<string, string>>;
  readonly authToken: string;
  /** Sent a second time once the first was answered; the second answer counts for nothing. */
  readonly twice: boolean;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
};

/** One request the carrier made, with what came of it. */
export type SentWebhook = {
  readonly purpose: WebhookPurpose;
  readonly method: HttpMethod;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly atMs: number;
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  readonly body: string;
};

export type WebhookOutcome =
  | { readonly ok: true; readonly url: URL; readonly response: WebResponse }
  /** `code` is Twilio's. */
  | { readonly ok: false; readonly code: number; readonly message: string };

/** From the first byte out to the last byte in, retries included. */
const TOTAL_MS = 15_000;
const MAX_REDIRECTS = 10;

/**
 * Calls one webhook by Twilio's rules: signed; 15 s in all; one retry, only when no connection came
 * about; redirects followed. Everything that was sent is told to `record`. Never rejects.
 */
export async function callWebhook(
  context: WebhookContext,
  request: WebhookRequest,
): Promise<WebhookOutcome> {
  const token = randomUUID();
  const outcome = await attempt(context, request, token);
  if (request.twice) void attempt(context, request, token);
  return outcome;
}

export type WebhookContext = {
  readonly clock: Clock;
  readonly network: Network;
  readonly record: (sent: SentWebhook) => void;
};

async function attempt(
  { clock, network, record }: WebhookContext,
  request: WebhookRequest,
  idempotencyToken: string,
): Promise<WebhookOutcome> {
  const deadline = new AbortController();
  const cancel = clock.after(TOTAL_MS, () => deadline.abort(new Error('no answer within 15 s')));
  const signal = request.signal
    ? AbortSignal.any([deadline.signal, request.signal])
    : deadline.signal;
  let { url, method } = request;
  let retried = false;
  try {
    for (let redirects = 0; redirects <= MAX_REDIRECTS;) {
      const { signature, web } = signed(request, url, method, idempotencyToken);
      const atMs = clock.now();
      const note = (status: number | undefined, body: string): void =>
        record({
          purpose: request.purpose,
          method,
          url: web.url.href,
          params: request.params,
          signature,
          atMs,
          status,
          body,
        });
      let response: WebResponse;
      try {
        response = await network.fetch(web, signal);
      } catch (error) {
        note(undefined, '');
        if (!retried && error instanceof NetworkFault && error.kind === 'no-connection') {
          retried = true;
          continue;
        }
        return failure(error);
      }
      note(response.status, response.body);
      const { location } = response.headers;
      if (response.status < 300 || response.status > 399 || location === undefined)
        return judged(url, response);
      redirects += 1;
      url = new URL(location, url);
      // As browsers and Twilio do: only 307 and 308 keep the method.
      if (response.status !== 307 && response.status !== 308) method = 'GET';
    }
    return { ok: false, code: 11_215, message: 'Too many HTTP redirects' };
  } finally {
    cancel();
  }
}

function signed(
  request: WebhookRequest,
  to: URL,
  method: HttpMethod,
  idempotencyToken: string,
): { readonly signature: string; readonly web: Parameters<Network['fetch']>[0] } {
  const url = new URL(to);
  url.hash = '';
  if (method === 'GET')
    for (const [name, value] of Object.entries(request.params)) url.searchParams.set(name, value);
  const params = method === 'POST' ? request.params : {};
  const signature = twilioSignature(request.authToken, url.href, params);
  const headers = {
    'user-agent': 'TwilioProxy/1.1',
    accept: '*/*',
    'x-twilio-signature': signature,
    'i-twilio-idempotency-token': idempotencyToken,
    ...(method === 'POST'
      ? { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }
      : {}),
  };
  const body = method === 'POST' ? new URLSearchParams(params).toString() : '';
  return { signature, web: { method, url, headers, body } };
}

function judged(url: URL, response: WebResponse): WebhookOutcome {
  if (response.status >= 200 && response.status < 300) return { ok: true, url, response };
  return {
    ok: false,
    code: 11_200,
    message: `Got HTTP ${response.status} response to ${url.href}`,
  };
}

function failure(error: unknown): WebhookOutcome {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NetworkFault)) return { ok: false, code: 11_205, message };
  const code = { 'bad-host': 11_210, 'no-connection': 11_205, broken: 11_206 }[error.kind];
  return { ok: false, code, message };
}

/** Undefined when it is no URL, not even relative to `base`. */
export const resolveUrl = (url: string, base?: URL): URL | undefined =>
  URL.canParse(url, base?.href) ? new URL(url, base?.href) : undefined;
