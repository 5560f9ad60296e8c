import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';

/** How Twilio runs a phone number's calls. Empty strings: not set. */
export type NumberSettings = {
  readonly voiceUrl: string;
  readonly voiceMethod: string;
  readonly statusCallback: string;
  readonly statusCallbackMethod: string;
  /** A TwiML app; while it is set, Twilio passes over `voiceUrl`. */
  readonly voiceApplicationSid: string;
};

export type PhoneNumber = NumberSettings & {
  readonly sid: string;
  readonly phoneNumber: string;
  /** An elastic SIP trunk; while it is set, Twilio passes over `voiceUrl`. */
  readonly trunkSid: string;
  /** False only if Twilio says that the number takes no calls. */
  readonly takesCalls: boolean;
};

/** Messages are for people and never hold a secret. */
export type TwilioAnswer<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | { readonly kind: 'wrong-credentials'; readonly message: string }
  | { readonly kind: 'not-found'; readonly message: string }
  /** Twilio understood and says no, and will say no again. */
  | { readonly kind: 'rejected'; readonly message: string; readonly code: number | undefined }
  /** No connection, no answer in time, too many requests, or Twilio's own fault: worth trying later. */
  | { readonly kind: 'unreachable'; readonly message: string };

export type TwilioRest = {
  checkCredentials(): Promise<TwilioAnswer<unknown>>;
  /** The account's number that is exactly `phoneNumber` (E.164); undefined: it has none. */
  findNumber(phoneNumber: string): Promise<TwilioAnswer<PhoneNumber | undefined>>;
  getNumber(numberSid: string): Promise<TwilioAnswer<PhoneNumber>>;
  updateNumber(
    numberSid: string,
    change: Partial<NumberSettings>,
  ): Promise<TwilioAnswer<PhoneNumber>>;
  /** Ends a call. One that has ended already is fine. */
  hangUp(callSid: string): Promise<TwilioAnswer<undefined>>;
  /** Has a call go on with other TwiML; a media stream it is connected to ends. */
  redirect(callSid: string, twiml: string): Promise<TwilioAnswer<undefined>>;
};

export type TwilioRestOptions = {
  /** Origin without a trailing slash, normally `https://api.twilio.com`. */
  readonly baseUrl: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly clock: Clock;
  readonly timeoutMs?: number;
};

/**
 * The few requests we make of Twilio's REST API (2010-04-01). Plain fetch instead of the `twilio`
 * package's client: that one cannot be pointed at another host without overriding its insides,
 * keeps the last request with its credentials in memory, and costs 34 MB to import.
 * Nothing is retried here: who asks knows whether to ask again.
 */
export function createTwilioRest(options: TwilioRestOptions): TwilioRest {
  const { baseUrl, accountSid, authToken, clock, timeoutMs = 10_000 } = options;
  const account = `${baseUrl}/2010-04-01/Accounts/${encodeURIComponent(accountSid)}`;
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;

  const request = async <Value>(
    path: string,
    schema: z.ZodType<Value>,
    form?: Readonly<Record<string, string>>,
  ): Promise<TwilioAnswer<Value>> => {
    const abort = new AbortController();
    const cancelTimeout = clock.after(timeoutMs, () => abort.abort());
    try {
      const response = await fetch(account + path, {
        method: form ? 'POST' : 'GET',
        headers: { authorization, accept: 'application/json' },
        ...(form ? { body: new URLSearchParams(form) } : {}),
        // The account's credentials go to the address we were given and nowhere else.
        redirect: 'manual',
        signal: abort.signal,
      });
      const body = parse(await response.text());
      if (!response.ok) return faultOf(response.status, body, authToken);
      const read = schema.safeParse(body);
      return read.success
        ? { kind: 'ok', value: read.data }
        : { kind: 'unreachable', message: 'Twilio answered something that is not its API.' };
    } catch {
      const message = abort.signal.aborted
        ? `Twilio did not answer within ${timeoutMs / 1_000} seconds.`
        : 'Twilio cannot be reached.';
      return { kind: 'unreachable', message };
    } finally {
      cancelTimeout();
    }
  };

  return {
    checkCredentials: () => request('/IncomingPhoneNumbers.json?PageSize=1', z.unknown()),
    async findNumber(phoneNumber) {
      const query = new URLSearchParams({ PhoneNumber: phoneNumber, PageSize: '50' }).toString();
      const answer = await request(`/IncomingPhoneNumbers.json?${query}`, numberListSchema);
      if (answer.kind !== 'ok') return answer;
      // Twilio matches patterns: "+1555" finds every number that has it somewhere.
      const found = answer.value.find((number) => number.phoneNumber === phoneNumber);
      return { kind: 'ok', value: found };
    },
    getNumber: (numberSid) =>
      request(`/IncomingPhoneNumbers/${encodeURIComponent(numberSid)}.json`, numberSchema),
    updateNumber: (numberSid, change) =>
      request(
        `/IncomingPhoneNumbers/${encodeURIComponent(numberSid)}.json`,
        numberSchema,
        numberForm(change),
      ),
    async hangUp(callSid) {
      const answer = await request(`/Calls/${encodeURIComponent(callSid)}.json`, z.unknown(), {
        Status: 'completed',
      });
      const isOver =
        answer.kind === 'not-found' ||
        (answer.kind === 'rejected' && answer.code === NOT_IN_PROGRESS);
      return answer.kind === 'ok' || isOver ? { kind: 'ok', value: undefined } : answer;
    },
    async redirect(callSid, twiml) {
      const answer = await request(`/Calls/${encodeURIComponent(callSid)}.json`, z.unknown(), {
        Twiml: twiml,
      });
      return answer.kind === 'ok' ? { kind: 'ok', value: undefined } : answer;
    },
  };
}

/** Twilio's code for a change to a call that has ended. */
const NOT_IN_PROGRESS = 21_220;

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const numberSchema = z
  .object({
    sid: z.string(),
    phone_number: z.string(),
    voice_url: text,
    voice_method: text,
    status_callback: text,
    status_callback_method: text,
    voice_application_sid: text,
    trunk_sid: text,
    capabilities: z.object({ voice: z.boolean().nullish() }).nullish(),
  })
  .transform((number): PhoneNumber => ({
    sid: number.sid,
    phoneNumber: number.phone_number,
    voiceUrl: number.voice_url,
    voiceMethod: number.voice_method,
    statusCallback: number.status_callback,
    statusCallbackMethod: number.status_callback_method,
    voiceApplicationSid: number.voice_application_sid,
    trunkSid: number.trunk_sid,
    takesCalls: number.capabilities?.voice !== false,
  }));

const numberListSchema = z
  .object({ incoming_phone_numbers: z.array(numberSchema) })
  .transform((list) => list.incoming_phone_numbers);

const numberForm = (change: Partial<NumberSettings>): Record<string, string> => {
  const wanted: readonly (readonly [string, string | undefined])[] = [
    ['VoiceUrl', change.voiceUrl],
    // Twilio refuses an empty method; without a URL there is none to restore.
    ['VoiceMethod', change.voiceMethod || undefined],
    ['StatusCallback', change.statusCallback],
    ['StatusCallbackMethod', change.statusCallbackMethod || undefined],
    ['VoiceApplicationSid', change.voiceApplicationSid],
  ];
  const form: Record<string, string> = {};
  for (const [name, value] of wanted) if (value !== undefined) form[name] = value;
  return form;
};

const errorSchema = z.object({ code: z.number().nullish(), message: z.string().nullish() });

function faultOf(
  status: number,
  body: unknown,
  authToken: string,
): Exclude<TwilioAnswer<never>, { kind: 'ok' }> {
  const error = errorSchema.safeParse(body).data;
  const code = error?.code ?? undefined;
  const said = clean(error?.message ?? '', authToken);
  const message = `Twilio answered ${status}${code ? ` (${code})` : ''}${said ? `: ${said}` : '.'}`;
  if (status === 401 || status === 403 || code === 20003)
    return { kind: 'wrong-credentials', message };
  if (status === 404) return { kind: 'not-found', message };
  if (status === 408 || status === 429 || status < 400 || status >= 500)
    return { kind: 'unreachable', message };
  return { kind: 'rejected', message, code };
}

/** Another server's words, fit to be stored and shown. */
const clean = (words: string, secret: string): string =>
  words
    .replaceAll(secret, '[hidden]')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, 200)
    .trim();

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};
