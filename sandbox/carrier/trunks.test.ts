import twilio from 'twilio';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { startCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';

let carrier: Carrier;
beforeEach(async () => {
  const bank = { speak: () => Promise.reject(new Error('no voice here')), clips: [] };
  carrier = await startCarrier({ clock: virtualClock(1_700_000_000_000), bank });
});
afterEach(() => carrier.close());

/** The official client, led to the sandbox: it has no base URL of its own. */
function client({ accountSid, authToken }: ReturnType<Carrier['addAccount']>) {
  const httpClient = new twilio.RequestClient();
  const send = httpClient.request.bind(httpClient);
  httpClient.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    options.uri = `${carrier.origin}${pathname}${search}`;
    return send(options);
  };
  return twilio(accountSid, authToken, { httpClient });
}

test('the official client finds the trunk of a number, and where it leads', async () => {
  const account = carrier.addAccount();
  const trunk = carrier.addTrunk({
    accountSid: account.accountSid,
    domainName: 'acme.pstn.twilio.com',
    originationUrls: ['sip:sip.retellai.com'],
  });
  const phoneNumber = '+15550100002';
  carrier.addNumber({ accountSid: account.accountSid, phoneNumber, trunkSid: trunk.sid });

  const [number] = await client(account).incomingPhoneNumbers.list({ phoneNumber });
  const trunks = client(account).trunking.v1.trunks;
  const found = trunks(number?.trunkSid ?? '');
  expect(await found.fetch()).toMatchObject({
    sid: trunk.sid,
    domainName: 'acme.pstn.twilio.com',
    dateCreated: new Date(1_700_000_000_000),
  });
  expect(await found.originationUrls.list()).toMatchObject([
    { sipUrl: 'sip:sip.retellai.com', enabled: true, trunkSid: trunk.sid },
  ]);
  expect(await trunks.list()).toHaveLength(1);
});

test('a trunk of another account, or none at all, is not found', async () => {
  const trunk = carrier.addTrunk({ accountSid: carrier.addAccount().accountSid });
  const trunks = client(carrier.addAccount()).trunking.v1.trunks;
  await expect(trunks(trunk.sid).fetch()).rejects.toMatchObject({ status: 404, code: 20_404 });
  await expect(trunks('TKnone').originationUrls.list()).rejects.toMatchObject({ status: 404 });
  expect(await trunks.list()).toEqual([]);
});
