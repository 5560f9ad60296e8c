import type { PhoneNumber } from './accounts.ts';
import type { PhoneCall } from './phone-call.ts';

type Json = Readonly<Record<string, unknown>>;

/** RFC 2822 in UTC, as every date of this API. */
const dateOf = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toUTCString().replace('GMT', '+0000');

const pathOf = (accountSid: string, rest: string): string =>
  `/2010-04-01/Accounts/${accountSid}/${rest}.json`;

export const renderNumber = (number: PhoneNumber): Json => ({
  account_sid: number.accountSid,
  address_requirements: 'none',
  address_sid: null,
  api_version: '2010-04-01',
  beta: false,
  bundle_sid: null,
  capabilities: { fax: false, mms: true, sms: true, voice: true },
  date_created: dateOf(number.createdAtMs),
  date_updated: dateOf(number.updatedAtMs),
  emergency_address_sid: null,
  emergency_address_status: 'unregistered',
  emergency_status: 'Inactive',
  friendly_name: number.friendlyName,
  identity_sid: null,
  origin: 'twilio',
  phone_number: number.phoneNumber,
  sid: number.sid,
  sms_application_sid: '',
  sms_fallback_method: 'POST',
  sms_fallback_url: '',
  sms_method: 'POST',
  sms_url: '',
  status: 'in-use',
  status_callback: number.statusCallback,
  status_callback_method: number.statusCallbackMethod,
  trunk_sid: number.trunkSid === '' ? null : number.trunkSid,
  type: 'local',
  uri: pathOf(number.accountSid, `IncomingPhoneNumbers/${number.sid}`),
  voice_application_sid: number.voiceApplicationSid,
  voice_caller_id_lookup: false,
  voice_fallback_method: number.voiceFallbackMethod,
  voice_fallback_url: number.voiceFallbackUrl,
  voice_method: number.voiceMethod,
  voice_receive_mode: 'voice',
  voice_url: number.voiceUrl,
});

export function renderCall(call: PhoneCall): Json {
  const uri = pathOf(call.accountSid, `Calls/${call.sid}`);
  const { endedAtMs, answeredAtMs = endedAtMs } = call;
  const seconds =
    endedAtMs === undefined ? null : Math.ceil((endedAtMs - (answeredAtMs ?? endedAtMs)) / 1_000);
  return {
    account_sid: call.accountSid,
    annotation: null,
    answered_by: null,
    api_version: '2010-04-01',
    caller_name: null,
    date_created: dateOf(call.startedAtMs),
    date_updated: dateOf(endedAtMs ?? answeredAtMs ?? call.startedAtMs),
    direction: call.direction,
    duration: seconds === null ? null : String(seconds),
    end_time: dateOf(endedAtMs),
    forwarded_from: null,
    from: call.from,
    from_formatted: call.from,
    group_sid: null,
    parent_call_sid: null,
    phone_number_sid: call.phoneNumberSid,
    price: null,
    price_unit: 'USD',
    queue_time: '0',
    sid: call.sid,
    start_time: dateOf(call.startedAtMs),
    status: call.status,
    subresource_uris: { streams: uri.replace('.json', '/Streams.json') },
    to: call.to,
    to_formatted: call.to,
    trunk_sid: null,
    uri,
  };
}

export const renderStream = (call: PhoneCall, streamSid: string): Json => ({
  account_sid: call.accountSid,
  call_sid: call.sid,
  date_updated: dateOf(call.startedAtMs),
  name: null,
  sid: streamSid,
  status: 'stopped',
  uri: pathOf(call.accountSid, `Calls/${call.sid}/Streams/${streamSid}`),
});

/** One page of a list, with the links to its neighbours. `number` counts from 0. */
export function renderPage(list: {
  readonly key: string;
  readonly items: readonly Json[];
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly number: number;
  readonly size: number;
}): Json {
  const { key, items, path, params, number, size } = list;
  const start = number * size;
  const shown = items.slice(start, start + size);
  const linkTo = (page: number): string =>
    `${path}?${new URLSearchParams({ ...params, PageSize: String(size), Page: String(page) }).toString()}`;
  return {
    end: shown.length === 0 ? start : start + shown.length - 1,
    first_page_uri: linkTo(0),
    next_page_uri: start + size < items.length ? linkTo(number + 1) : null,
    page: number,
    page_size: size,
    previous_page_uri: number > 0 ? linkTo(number - 1) : null,
    start,
    uri: linkTo(number),
    [key]: shown,
  };
}
