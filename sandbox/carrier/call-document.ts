import type { Account } from './accounts.ts';
import type { CallFaults } from './faults.ts';
import { MAX_TWIML_BYTES, parseTwiml } from './twiml.ts';
import type { HttpMethod, Verb } from './twiml.ts';
import { callWebhook } from './webhooks.ts';
import type { WebhookContext, WebhookPurpose } from './webhooks.ts';

/** Where a call's next TwiML comes from. */
export type DocumentSource =
  | { readonly url: string; readonly method: HttpMethod; readonly purpose: WebhookPurpose }
  | { readonly twiml: string };

export type CallDocument = {
  readonly verbs: readonly Verb[];
  /** What relative URLs in it are relative to. */
  readonly url: URL;
};

export type DocumentContext = WebhookContext & {
  readonly account: Account;
  readonly fallback: { readonly url: string; readonly method: HttpMethod } | undefined;
  readonly faults: CallFaults;
  readonly params: () => Record<string, string>;
  readonly warn: (code: number, message: string) => void;
};

/** Base of relative URLs in TwiML that came by the REST API rather than from a URL. */
const NO_BASE = new URL('https://api.twilio.com/');

/**
 * Gets and reads a call's next document; where that fails, the fallback's, told of `ErrorCode` and
 * `ErrorUrl`. Undefined: neither gave TwiML, and every reason was warned of; or `signal` has aborted,
 * and nobody wants it any more.
 */
export async function fetchDocument(
  context: DocumentContext,
  source: DocumentSource,
  signal: AbortSignal,
): Promise<CallDocument | undefined> {
  if ('twiml' in source) return read(context, source.twiml, NO_BASE).document;
  const first = await fetchOnce(context, source, {}, signal);
  if (first.document || !context.fallback || signal.aborted) return first.document;
  const second = await fetchOnce(
    context,
    { ...context.fallback, purpose: 'fallback' },
    { ErrorCode: String(first.code), ErrorUrl: source.url },
    signal,
  );
  return second.document;
}

type Fetched =
  | { readonly document: CallDocument }
  | { readonly document: undefined; readonly code: number };

async function fetchOnce(
  context: DocumentContext,
  source: { readonly url: string; readonly method: HttpMethod; readonly purpose: WebhookPurpose },
  extraParams: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Fetched> {
  const refuse = (code: number, message: string): Fetched => {
    context.warn(code, message);
    return { document: undefined, code };
  };
  if (!URL.canParse(source.url)) return refuse(11_100, `Invalid URL format: ${source.url}`);
  const outcome = await callWebhook(context, {
    purpose: source.purpose,
    url: new URL(source.url),
    method: source.method,
    params: { ...context.params(), ...extraParams },
    authToken: context.account.authToken,
    twice: context.faults.duplicateWebhooks ?? false,
    signal,
  });
  if (signal.aborted) return { document: undefined, code: 0 };
  if (!outcome.ok) return refuse(outcome.code, outcome.message);
  const { headers, body } = outcome.response;
  if (Buffer.byteLength(body) > MAX_TWIML_BYTES)
    return refuse(11_750, 'TwiML response body too large');
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/plain')
    return { document: { verbs: [{ verb: 'Say', text: body.trim(), loop: 1 }], url: outcome.url } };
  if (!['text/xml', 'application/xml', 'text/html'].includes(type))
    return refuse(12_300, `Invalid Content-Type: ${type || 'none'} from ${source.url}`);
  return read(context, body, outcome.url);
}

function read(context: DocumentContext, text: string, url: URL): Fetched {
  const twiml = parseTwiml(text);
  if (!twiml.ok) {
    context.warn(12_100, `Document parse failure: ${twiml.message}`);
    return { document: undefined, code: 12_100 };
  }
  for (const message of twiml.warnings)
    context.warn(12_200, `Schema validation warning: ${message}`);
  return { document: { verbs: twiml.verbs, url } };
}
