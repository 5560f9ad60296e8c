import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';

/** Where Retell takes the calls of a trunk. Source: https://docs.retellai.com/deploy/custom-telephony */
const RETELL_SIP_HOST = 'sip.retellai.com';

export type Trunk = {
  /** Where Retell sends calls that leave by this trunk, such as `acme.pstn.twilio.com`. */
  readonly terminationUri: string;
  /** Whether calls that come in are sent to Retell. */
  readonly leadsToRetell: boolean;
};

/** Messages are for people and never hold a secret. */
export type TrunkAnswer =
  | { readonly kind: 'ok'; readonly trunk: Trunk }
  | { readonly kind: 'wrong-credentials'; readonly message: string }
  /** The number has no trunk that could be used; the owner has to change that at Twilio. */
  | { readonly kind: 'none'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string };

export type TwilioTrunkOptions = {
  /** Twilio's REST API without a trailing slash, normally `https://api.twilio.com`. */
  readonly twilioUrl: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
};

/**
 * The elastic SIP trunk of a Twilio number, by which Retell is to import it. Only looks; nothing is
 * changed at Twilio.
 * Source: https://www.twilio.com/docs/sip-trunking/api
 */
export async function findTrunk(
  options: TwilioTrunkOptions,
  phoneNumber: string,
): Promise<TrunkAnswer> {
  const { twilioUrl, accountSid } = options;
  const account = `${twilioUrl}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}`;
  const query = new URLSearchParams({ PhoneNumber: phoneNumber, PageSize: '50' }).toString();
  const numbers = await get(
    options,
    `${account}/IncomingPhoneNumbers.json?${query}`,
    numberListSchema,
  );
  if (numbers.kind !== 'ok') return numbers;
  const number = numbers.value.find(({ phone_number: found }) => found === phoneNumber);
  if (!number) return { kind: 'none', message: 'The Twilio account does not have it, either.' };
  if (!number.trunk_sid)
    return {
      kind: 'none',
      message: `At Twilio it belongs to no SIP trunk; put it on an elastic SIP trunk whose origination is sip:${RETELL_SIP_HOST}.`,
    };

  const url = `${trunkingUrl(twilioUrl)}/v1/Trunks/${encodeURIComponent(number.trunk_sid)}`;
  const trunk = await get(options, url, trunkSchema);
  if (trunk.kind !== 'ok') return trunk;
  if (!trunk.value.domain_name)
    return {
      kind: 'none',
      message: `Its SIP trunk at Twilio, ${number.trunk_sid}, has no termination URI; give it one.`,
    };
  const origination = await get(options, `${url}/OriginationUrls?PageSize=100`, originationSchema);
  if (origination.kind !== 'ok') return origination;
  return {
    kind: 'ok',
    trunk: {
      terminationUri: trunk.value.domain_name,
      leadsToRetell: origination.value.origination_urls.some(
        ({ enabled, sip_url }) => enabled !== false && sip_url.includes(RETELL_SIP_HOST),
      ),
    },
  };
}

/** Trunks have a host of their own beside `api.twilio.com`, also in a region. */
const trunkingUrl = (twilioUrl: string): string =>
  twilioUrl.replace(/^(https:\/\/)api\.(.*twilio\.com)$/i, '$1trunking.$2');

const numberListSchema = z
  .object({
    incoming_phone_numbers: z.array(
      z.object({ phone_number: z.string(), trunk_sid: z.string().nullish() }),
    ),
  })
  .transform((list) => list.incoming_phone_numbers);
const trunkSchema = z.object({ domain_name: z.string().nullish() });
const originationSchema = z.object({
  origination_urls: z.array(z.object({ sip_url: z.string(), enabled: z.boolean().nullish() })),
});

async function get<Value>(
  options: TwilioTrunkOptions,
  url: string,
  schema: z.ZodType<Value>,
): Promise<
  { readonly kind: 'ok'; readonly value: Value } | Exclude<TrunkAnswer, { kind: 'ok' | 'none' }>
> {
  const { accountSid, authToken, clock, timeoutMs = 10_000 } = options;
  const abort = new AbortController();
  const cancelTimeout = clock.after(timeoutMs, () => abort.abort());
  try {
    const credentials = Buffer.from(`${accountSid}:${authToken}`).toString('base64');
    const response = await fetch(url, {
      headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
      // The account's credentials go to the address we were given and nowhere else.
      redirect: 'manual',
      signal: abort.signal,
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (response.status === 401 || response.status === 403 || response.status === 404)
      return {
        kind: 'wrong-credentials',
        message: `Twilio answered ${response.status} for this account.`,
      };
    const read = schema.safeParse(body);
    if (response.ok && read.success) return { kind: 'ok', value: read.data };
    return { kind: 'unreachable', message: `Twilio answered ${response.status}.` };
  } catch {
    return { kind: 'unreachable', message: 'Twilio cannot be reached.' };
  } finally {
    cancelTimeout();
  }
}
