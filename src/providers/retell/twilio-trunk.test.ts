import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { findTrunk } from './twilio-trunk.ts';

const PHONE = '+14155550100';
const options = {
  twilioUrl: 'https://api.twilio.com',
  accountSid: `AC${'a'.repeat(32)}`,
  authToken: 'hunter2',
  clock: systemClock,
};

afterEach(() => {
  vi.restoreAllMocks();
});

/** Twilio's answers by the end of the path; answers the URLs that are asked. */
function twilioSaying(answers: Readonly<Record<string, unknown>>): readonly string[] {
  const asked: string[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (url) => {
    if (typeof url !== 'string') throw new TypeError('not a URL');
    asked.push(url);
    const end = Object.keys(answers).find((key) => new URL(url).pathname.endsWith(key));
    return end === undefined ? new Response('{}', { status: 404 }) : Response.json(answers[end]);
  });
  return asked;
}

const NUMBERS = { incoming_phone_numbers: [{ phone_number: PHONE, trunk_sid: 'TK1' }] };

test.each([
  ['https://api.twilio.com', 'https://trunking.twilio.com'],
  ['https://api.dublin.ie1.twilio.com', 'https://trunking.dublin.ie1.twilio.com'],
  ['http://127.0.0.1:4010', 'http://127.0.0.1:4010'],
])('with %s the trunk is asked for at %s', async (twilioUrl, trunking) => {
  const asked = twilioSaying({
    '/IncomingPhoneNumbers.json': NUMBERS,
    '/Trunks/TK1': { domain_name: 'acme.pstn.twilio.com' },
    '/OriginationUrls': { origination_urls: [{ sip_url: 'sip:sip.retellai.com', enabled: true }] },
  });
  expect(await findTrunk({ ...options, twilioUrl }, PHONE)).toEqual({
    kind: 'ok',
    trunk: { terminationUri: 'acme.pstn.twilio.com', leadsToRetell: true },
  });
  expect(asked.slice(1)).toEqual([
    `${trunking}/v1/Trunks/TK1`,
    `${trunking}/v1/Trunks/TK1/OriginationUrls?PageSize=100`,
  ]);
});

test('an origination that is switched off leads nowhere', async () => {
  twilioSaying({
    '/IncomingPhoneNumbers.json': NUMBERS,
    '/Trunks/TK1': { domain_name: 'acme.pstn.twilio.com' },
    '/OriginationUrls': { origination_urls: [{ sip_url: 'sip:sip.retellai.com', enabled: false }] },
  });
  expect(await findTrunk(options, PHONE)).toMatchObject({ trunk: { leadsToRetell: false } });
});

test('an account that is not accepted is told from one that cannot be asked', async () => {
  twilioSaying({});
  expect(await findTrunk(options, PHONE)).toMatchObject({ kind: 'wrong-credentials' });
  vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('hunter2'));
  const away = await findTrunk(options, PHONE);
  expect(away).toEqual({ kind: 'unreachable', message: 'Twilio cannot be reached.' });
});

test('an answer that never comes is given up', async () => {
  const clock = virtualClock(0);
  vi.spyOn(globalThis, 'fetch').mockImplementation(
    async (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      }),
  );
  const found = findTrunk({ ...options, clock }, PHONE);
  await clock.advance(10_000);
  expect(await found).toMatchObject({ kind: 'unreachable' });
  expect(clock.pending).toBe(0);
});
