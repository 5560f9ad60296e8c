import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { sendJson } from '#sandbox/lib/http.ts';
import type { HttpExchange } from '#sandbox/lib/http.ts';
import type { Account, PhoneNumber } from './accounts.ts';
import type { PhoneCall } from './phone-call.ts';
import { renderCall, renderNumber, renderPage, renderStream } from './rest-render.ts';
import { TRUNKS, trunkBody } from './trunks.ts';
import type { Trunk } from './trunks.ts';
import type { HttpMethod } from './twiml.ts';

/** One request to the REST API. */
export type ReceivedRequest = {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly status: number;
  /** Twilio's error code, where the answer is an error. */
  readonly code: number | undefined;
};

export type RestContext = {
  readonly clock: Clock;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly numbers: readonly PhoneNumber[];
  readonly trunks: readonly Trunk[];
  readonly calls: readonly PhoneCall[];
  readonly record: (received: ReceivedRequest) => void;
};

type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> };

type Request = {
  readonly method: string;
  readonly path: string;
  readonly account: Account;
  /** Of the query for a GET, of the form for a POST. */
  readonly params: Readonly<Record<string, string>>;
};

/** What the REST API refuses, with Twilio's code. */
class Refusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const BASE = '/2010-04-01/Accounts/';
const MAX_TWIML_CHARS = 4_000;
const MAX_PAGE_SIZE = 1_000;

/** The part of Twilio's REST API (2010-04-01) that a voice application needs, as a request handler. */
export function restApi(context: RestContext): (exchange: HttpExchange) => void {
  return ({ method, url, request, response, body }) => {
    const isForm = (request.headers['content-type'] ?? '').startsWith(
      'application/x-www-form-urlencoded',
    );
    const form = isForm ? body.toString('utf8') : '';
    const params = Object.fromEntries(
      method === 'POST' ? new URLSearchParams(form) : url.searchParams,
    );
    const path = url.pathname;
    let answer: Answer;
    let code: number | undefined;
    try {
      const account = authenticated(context, path, request.headers.authorization);
      answer = routed(context, { method, path, account, params });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ({ code } = error);
      const more_info = `https://www.twilio.com/docs/errors/${code}`;
      answer = {
        status: error.status,
        body: { code, message: error.message, more_info, status: error.status },
      };
    }
    context.record({
      method,
      path,
      params,
      atMs: context.clock.now(),
      status: answer.status,
      code,
    });
    const challenge = { 'www-authenticate': 'Basic realm="Twilio API"' };
    sendJson(response, answer.status, answer.body, answer.status === 401 ? challenge : {});
  };
}

function authenticated(
  { accounts }: RestContext,
  path: string,
  authorization: string | undefined,
): Account {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization ?? '') ?? [];
  const [, user, password] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? [];
  const account = accounts.get(user ?? '');
  if (!account || !same(account.authToken, password ?? ''))
    throw new Refusal(401, 20_003, 'Authenticate');
  if (path.startsWith(BASE) && path.slice(BASE.length).split(/[/.]/)[0] !== account.accountSid)
    throw new Refusal(401, 20_003, 'Authenticate');
  return account;
}

function routed(context: RestContext, request: Request): Answer {
  const { method, path, account } = request;
  const rest = path.startsWith(BASE) ? path.slice(BASE.length + account.accountSid.length) : '';
  const [, route] = /^(\/.+)\.json$/.exec(rest) ?? [];
  const [, resource, sid, sub, subSid] = (route ?? '').split('/');
  const only = (...methods: string[]): void => {
    if (!methods.includes(method)) throw new Refusal(405, 20_004, 'Method not allowed');
  };
  if (path === TRUNKS || path.startsWith(`${TRUNKS}/`)) {
    only('GET');
    const own = context.trunks.filter((trunk) => trunk.accountSid === account.accountSid);
    return { status: 200, body: trunkBody(own, path) ?? missing(path) };
  }
  if (resource === 'IncomingPhoneNumbers' && sub === undefined) {
    const own = context.numbers.filter((number) => number.accountSid === account.accountSid);
    if (sid === undefined) {
      only('GET');
      return listNumbers(own, request);
    }
    only('GET', 'POST');
    const number = own.find((candidate) => candidate.sid === sid) ?? missing(path);
    if (method === 'POST') updateNumber(number, request.params, context.clock.now());
    return { status: 200, body: renderNumber(number) };
  }
  if (resource === 'Calls') {
    const own = context.calls.filter((call) => call.accountSid === account.accountSid);
    if (sid === undefined) {
      only('GET', 'POST');
      if (method === 'POST') throw new Refusal(501, 0, 'The sandbox does not place outbound calls');
      return listCalls(own, request);
    }
    const call = own.find((candidate) => candidate.sid === sid) ?? missing(path);
    if (sub === undefined) {
      only('GET', 'POST');
      if (method === 'POST') updateCall(call, request.params);
      return { status: 200, body: renderCall(call) };
    }
    if (sub === 'Streams' && subSid !== undefined) {
      only('POST');
      return stopStream(call, subSid, request);
    }
  }
  return missing(path);
}

function listNumbers(own: readonly PhoneNumber[], { path, params }: Request): Answer {
  const { PhoneNumber: pattern, FriendlyName: friendlyName } = params;
  // Twilio finds a number by any part of it.
  const digits = pattern?.replaceAll(/[^\d+]/g, '');
  const found = own.filter(
    (number) =>
      (digits === undefined || number.phoneNumber.includes(digits)) &&
      (friendlyName === undefined || number.friendlyName === friendlyName),
  );
  return page('incoming_phone_numbers', found.map(renderNumber), path, params);
}

function listCalls(own: readonly PhoneCall[], { path, params }: Request): Answer {
  const found = own.filter(
    (call) =>
      (params['Status'] === undefined || call.status === params['Status']) &&
      (params['To'] === undefined || call.to === params['To']) &&
      (params['From'] === undefined || call.from === params['From']),
  );
  return page('calls', found.toReversed().map(renderCall), path, params);
}

function page(
  key: string,
  items: readonly Readonly<Record<string, unknown>>[],
  path: string,
  params: Readonly<Record<string, string>>,
): Answer {
  const number = Number(params['Page'] ?? 0);
  const size = Number(params['PageSize'] ?? 50);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new Refusal(400, 20_006, 'Invalid page number');
  if (!Number.isSafeInteger(size) || size < 1 || size > MAX_PAGE_SIZE)
    throw new Refusal(400, 20_007, 'Invalid page size');
  return { status: 200, body: renderPage({ key, items, path, params, number, size }) };
}

function updateNumber(
  number: PhoneNumber,
  params: Readonly<Record<string, string>>,
  nowMs: number,
): void {
  const url = (name: string, current: string): string => {
    const value = params[name];
    if (value === undefined || value === '') return value ?? current;
    if (!isWebUrl(value)) throw new Refusal(400, 21_402, `${name} is not valid: ${value}`);
    return value;
  };
  const verb = (name: string, current: HttpMethod): HttpMethod => {
    const value = params[name]?.toUpperCase() ?? current;
    if (value === 'GET' || value === 'POST') return value;
    throw new Refusal(400, 21_403, `${name} is not valid: ${value}`);
  };
  const changes = {
    friendlyName: params['FriendlyName'] ?? number.friendlyName,
    voiceUrl: url('VoiceUrl', number.voiceUrl),
    voiceMethod: verb('VoiceMethod', number.voiceMethod),
    voiceFallbackUrl: url('VoiceFallbackUrl', number.voiceFallbackUrl),
    voiceFallbackMethod: verb('VoiceFallbackMethod', number.voiceFallbackMethod),
    voiceApplicationSid: params['VoiceApplicationSid'] ?? number.voiceApplicationSid,
    trunkSid: params['TrunkSid'] ?? number.trunkSid,
    statusCallback: url('StatusCallback', number.statusCallback),
    statusCallbackMethod: verb('StatusCallbackMethod', number.statusCallbackMethod),
  };
  if (changes.voiceFallbackUrl !== '' && changes.voiceUrl === '')
    throw new Refusal(400, 21_405, 'Cannot set VoiceFallbackUrl without setting VoiceUrl');
  Object.assign(number, changes, { updatedAtMs: nowMs });
}

function updateCall(call: PhoneCall, params: Readonly<Record<string, string>>): void {
  const { Status: status, Url: url, Twiml: twiml, Method: method = 'POST' } = params;
  if (status !== undefined && status !== 'completed' && status !== 'canceled')
    throw new Refusal(400, 20_001, `Invalid parameter: Status=${status}`);
  if (twiml !== undefined && twiml.length > MAX_TWIML_CHARS)
    throw new Refusal(400, 21_605, `Twiml is longer than ${MAX_TWIML_CHARS} characters`);
  if (url !== undefined && !isWebUrl(url))
    throw new Refusal(400, 21_205, `Url is not a valid URL: ${url}`);
  if (method !== 'GET' && method !== 'POST')
    throw new Refusal(400, 21_403, `Method is not valid: ${method}`);
  if (status === undefined && url === undefined && twiml === undefined) return;
  const live = call.status === 'in-progress' || call.status === 'ringing';
  if (!live) throw new Refusal(400, 21_220, 'Call is not in-progress. Cannot redirect.');
  // Canceling does nothing to a call that was answered.
  if (status === 'completed' || (status === 'canceled' && call.status === 'ringing'))
    return call.complete();
  if (status === 'canceled') return;
  if (call.status !== 'in-progress')
    throw new Refusal(400, 21_220, 'Call is not in-progress. Cannot redirect.');
  if (twiml !== undefined) call.redirect({ twiml });
  else if (url !== undefined) call.redirect({ url, method, purpose: 'redirect' });
}

function stopStream(call: PhoneCall, streamSid: string, { path, params }: Request): Answer {
  if (params['Status'] !== 'stopped')
    throw new Refusal(400, 20_001, `Invalid parameter: Status=${params['Status'] ?? ''}`);
  const stream = call.streams.find((candidate) => candidate.streamSid === streamSid);
  if (!stream || !call.stopStream(streamSid)) return missing(path);
  return { status: 200, body: renderStream(call, streamSid) };
}

function missing(path: string): never {
  throw new Refusal(404, 20_404, `The requested resource ${path} was not found`);
}

function isWebUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && !hostname.includes('_');
}

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
