import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import type { Account, PhoneNumber } from './accounts.ts';
import { startCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { fakeServer, twimlAnswer } from './fake-server.ts';
import type { FakeServer } from './fake-server.ts';

const bank: VoiceBank = {
  clips: [],
  speak: async (text, voice) => ({ text, voice, pcm: new Int16Array(800), words: [] }),
};
const TO = '+15550100002';
const CONNECT =
  '<Response><Connect><Stream url="wss://v.example.test/s"/></Connect><Say>over</Say></Response>';

let clock: VirtualClock;
let carrier: Carrier;
let account: Account;
let number: PhoneNumber;
let server: FakeServer;

/** The official client, led to the sandbox: it has no base URL of its own. */
function client(authToken = account.authToken, accountSid = account.accountSid) {
  const httpClient = new twilio.RequestClient();
  const send = httpClient.request.bind(httpClient);
  httpClient.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    options.uri = `${carrier.origin}${pathname}${search}`;
    return send(options);
  };
  return twilio(accountSid, authToken, { httpClient });
}

async function dial() {
  const state: { endedBy: string | undefined } = { endedBy: undefined };
  const caller: Caller = {
    answered: () => undefined,
    hear: () => undefined,
    nextFrame: () => undefined,
    ended: (by) => void (state.endedBy = by),
  };
  const call = carrier.dial({ from: '+15550100001', to: TO, caller });
  await clock.advance(0);
  return { call, state };
}

beforeEach(async () => {
  clock = virtualClock(1_700_000_000_000);
  server = fakeServer(() => twimlAnswer(CONNECT));
  carrier = await startCarrier({ clock, bank, network: server.network });
  account = carrier.addAccount();
  number = carrier.addNumber({
    accountSid: account.accountSid,
    phoneNumber: TO,
    voiceUrl: 'https://v.example.test/t',
  });
});
afterEach(() => carrier.close());

describe('the official client', () => {
  test('lists the numbers of its account only', async () => {
    const other = carrier.addAccount();
    carrier.addNumber({ accountSid: other.accountSid, phoneNumber: '+15550100099' });
    const listed = await client().incomingPhoneNumbers.list();
    expect(listed.map(({ phoneNumber, sid }) => [phoneNumber, sid])).toEqual([[TO, number.sid]]);
    expect(listed[0]?.capabilities.voice).toBe(true);
    expect(listed[0]?.dateCreated).toEqual(new Date(1_700_000_000_000));
  });

  test('finds a number by itself, and finds nothing for another one', async () => {
    const numbers = client().incomingPhoneNumbers;
    expect(await numbers.list({ phoneNumber: TO })).toHaveLength(1);
    expect(await numbers.list({ phoneNumber: '+15550100003' })).toEqual([]);
  });

  test('walks through the pages of a long list', async () => {
    for (let last = 10; last < 35; last++)
      carrier.addNumber({ accountSid: account.accountSid, phoneNumber: `+155501001${last}` });
    const listed = await client().incomingPhoneNumbers.list({ pageSize: 10 });
    expect(new Set(listed.map(({ sid }) => sid)).size).toBe(26);
    const pages = carrier.requests.filter(({ direction }) => direction === 'received');
    expect(pages).toHaveLength(3);
  });

  test('changes what it names of a number and leaves the rest', async () => {
    const updated = await client().incomingPhoneNumbers(number.sid).update({
      voiceUrl: 'https://new.example.test/twiml',
      voiceMethod: 'POST',
      statusCallback: 'https://new.example.test/status',
    });
    expect(updated.voiceUrl).toBe('https://new.example.test/twiml');
    expect(number.statusCallback).toBe('https://new.example.test/status');
    await client().incomingPhoneNumbers(number.sid).update({ statusCallback: '' });
    expect(number.statusCallback).toBe('');
    expect((await client().incomingPhoneNumbers(number.sid).fetch()).voiceUrl).toBe(
      'https://new.example.test/twiml',
    );
  });

  test('is refused with a wrong token, and with another account’s', async () => {
    const refusal = {
      status: 401,
      code: 20_003,
      message: 'Authenticate',
      moreInfo: 'https://www.twilio.com/docs/errors/20003',
    };
    await expect(client('wrong').incomingPhoneNumbers.list()).rejects.toMatchObject(refusal);
    const other = carrier.addAccount();
    const mixed = client(other.authToken, other.accountSid);
    await expect(
      mixed.api.v2010.accounts(account.accountSid).incomingPhoneNumbers.list(),
    ).rejects.toMatchObject(refusal);
  });

  test('is told of a number, a call or a stream that does not exist', async () => {
    const missing = { status: 404, code: 20_404 };
    const sid = (prefix: string): string => prefix + '0'.repeat(32);
    await expect(client().incomingPhoneNumbers(sid('PN')).fetch()).rejects.toMatchObject(missing);
    await expect(client().calls(sid('CA')).fetch()).rejects.toMatchObject(missing);
    const { call } = await dial();
    await expect(
      client().calls(call.sid).streams(sid('MZ')).update({ status: 'stopped' }),
    ).rejects.toMatchObject(missing);
  });

  test.each([
    ['a voice URL that is none', { voiceUrl: 'voice' }, 21_402],
    ['a voice URL of another scheme', { voiceUrl: 'ftp://v.example.test/' }, 21_402],
    ['a status callback that is none', { statusCallback: '//x' }, 21_402],
    ['a method that is none', { voiceMethod: 'PUT' }, 21_403],
    [
      'a fallback without a voice URL',
      { voiceUrl: '', voiceFallbackUrl: 'https://v.example.test/f' },
      21_405,
    ],
  ])('cannot set %s', async (_, change, code) => {
    await expect(client().incomingPhoneNumbers(number.sid).update(change)).rejects.toMatchObject({
      status: 400,
      code,
    });
    expect(number.voiceUrl).toBe('https://v.example.test/t');
  });

  test('sees a call while it lasts, and its duration when it is over', async () => {
    const { call } = await dial();
    await clock.advance(2_500);
    const live = await client().calls(call.sid).fetch();
    expect(live).toMatchObject({
      status: 'in-progress',
      from: '+15550100001',
      to: TO,
      direction: 'inbound',
    });
    expect(live.endTime).toBeNull();
    call.hangUp();
    const over = await client().calls(call.sid).fetch();
    expect(over).toMatchObject({ status: 'completed', duration: '3' });
    expect(await client().calls.list({ status: 'in-progress' })).toEqual([]);
  });

  test('hangs up a call: the stream is stopped, nothing more of the document is carried out', async () => {
    const { call, state } = await dial();
    const updated = await client().calls(call.sid).update({ status: 'completed' });
    expect(updated.status).toBe('completed');
    await call.done;
    expect(state.endedBy).toBe('other-side');
    expect(server.sockets[0]?.received.at(-1)?.event).toBe('stop');
    expect(server.sockets[0]?.open).toBe(false);
  });

  test('replaces the running TwiML, by text and by URL', async () => {
    const { call } = await dial();
    await client().calls(call.sid).update({ twiml: '<Response><Pause length="5"/></Response>' });
    await clock.advance(100);
    expect(server.sockets[0]?.received.at(-1)?.event).toBe('stop');
    expect(call.status).toBe('in-progress');
    await client().calls(call.sid).update({ url: 'https://v.example.test/other' });
    await clock.advance(100);
    expect(server.requests.at(-1)?.url.pathname).toBe('/other');
    expect(server.sockets).toHaveLength(2);
  });

  test('cannot change a call that is over, nor send what is no TwiML URL or too long', async () => {
    const { call } = await dial();
    const update = (change: { url?: string; twiml?: string }) =>
      client().calls(call.sid).update(change);
    await expect(update({ url: 'nowhere' })).rejects.toMatchObject({ status: 400, code: 21_205 });
    await expect(update({ twiml: ' '.repeat(4_001) })).rejects.toMatchObject({ status: 400 });
    call.hangUp();
    await expect(update({ twiml: '<Response/>' })).rejects.toMatchObject({
      status: 400,
      code: 21_220,
    });
    await expect(client().calls(call.sid).update({ status: 'completed' })).rejects.toMatchObject({
      code: 21_220,
    });
  });

  test('cannot cancel a call that was answered: it goes on', async () => {
    const { call } = await dial();
    await client().calls(call.sid).update({ status: 'canceled' });
    expect(call.status).toBe('in-progress');
  });

  test('stops a stream, and the call goes on with the next verb', async () => {
    const { call } = await dial();
    const streamSid = call.streams[0]?.streamSid ?? '';
    const stopped = await client().calls(call.sid).streams(streamSid).update({ status: 'stopped' });
    expect(stopped.status).toBe('stopped');
    expect(server.sockets[0]?.received.at(-1)?.event).toBe('stop');
    await clock.advance(500);
    await call.done;
    expect(call.status).toBe('completed');
  });
});

test('a request without credentials, or with an unknown path or method, is refused as JSON', async () => {
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(carrier.origin + path, init);
    const { code }: { readonly code?: number } = JSON.parse(await response.text());
    return [response.status, code];
  };
  const numbers = `/2010-04-01/Accounts/${account.accountSid}/IncomingPhoneNumbers`;
  const basic = Buffer.from(`${account.accountSid}:${account.authToken}`).toString('base64');
  const headers = { authorization: `Basic ${basic}` };
  expect(await ask(`${numbers}.json`)).toEqual([401, 20_003]);
  expect(await ask(`${numbers}.json`, { headers })).toEqual([200, undefined]);
  expect(await ask(numbers, { headers })).toEqual([404, 20_404]);
  expect(await ask('/nowhere', { headers })).toEqual([404, 20_404]);
  expect(await ask(`${numbers}/${number.sid}.json`, { headers, method: 'DELETE' })).toEqual([
    405, 20_004,
  ]);
  expect(await ask(`${numbers}.json?PageSize=0`, { headers })).toEqual([400, 20_007]);
});
