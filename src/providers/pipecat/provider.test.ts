import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Applied, Provider, ProviderChannel } from '#contracts/provider.ts';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import type { Carrier } from '#sandbox/carrier/carrier.ts';
import type { Account } from '#sandbox/carrier/accounts.ts';
import { createPipecatProvider } from './provider.ts';

const PHONE = '+15550100';
const PUBLIC_URL = 'https://voice.example.test';
const INSTANCE = '11111111-1111-4111-8111-111111111111';
const OURS = {
  voiceUrl: `${PUBLIC_URL}/hooks/voice/${INSTANCE}/twiml`,
  voiceMethod: 'POST',
  statusCallback: `${PUBLIC_URL}/hooks/voice/${INSTANCE}/status`,
};

let carrier: Carrier;
let account: Account;
let number: ReturnType<Carrier['addNumber']>;
let provider: Provider;

const providerAt = (twilioUrl: string): Provider =>
  createPipecatProvider({
    publicUrl: PUBLIC_URL,
    twilioUrl,
    clock: systemClock,
    log: silentLog,
    vendorKeys: {
      'speech-to-text': ['deepgram_api_key'],
      'language-model': ['openai_api_key'],
      'text-to-speech': ['cartesia_api_key'],
    },
  });

beforeEach(async () => {
  // Nothing is spoken in these tests.
  const bank = { speak: () => Promise.reject(new Error('no voice here')), clips: [] };
  carrier = await startCarrier({ clock: systemClock, bank });
  account = carrier.addAccount();
  number = carrier.addNumber({
    accountSid: account.accountSid,
    phoneNumber: PHONE,
    voiceUrl: 'https://before.example.test/voice',
    voiceMethod: 'GET',
    statusCallback: 'https://before.example.test/status',
  });
  provider = providerAt(carrier.origin);
});
afterEach(() => carrier.close());

const channelOf = (change: Partial<ProviderChannel> = {}): ProviderChannel => ({
  tenantId: 'tenant',
  instanceId: INSTANCE,
  agentId: null,
  phoneNumber: null,
  twilioAccountSid: account.accountSid,
  twilioPhoneNumber: PHONE,
  wiring: {},
  ...change,
});
const secretsOf = (authToken = account.authToken): { twilio_auth_token: string } => ({
  twilio_auth_token: authToken,
});
const doneWiring = (applied: Applied): Readonly<Record<string, unknown>> => {
  if (applied.kind !== 'done') throw new Error(`not done: ${applied.message}`);
  return applied.wiring;
};
const undoOf = (wiring: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const payload = provider.undoPayload(channelOf({ wiring }), secretsOf());
  if (!payload) throw new Error('nothing to undo');
  return payload;
};
const updates = (): number =>
  carrier.requests.filter((one) => one.direction === 'received' && one.method === 'POST').length;

describe('setting a channel up', () => {
  test('points the number at us', async () => {
    expect(await provider.apply(channelOf(), secretsOf())).toMatchObject({ kind: 'done' });
    expect(number).toMatchObject(OURS);
  });

  test('a second time changes nothing and still knows what was there before', async () => {
    const first = doneWiring(await provider.apply(channelOf(), secretsOf()));
    const second = doneWiring(await provider.apply(channelOf({ wiring: first }), secretsOf()));
    expect(second).toEqual(first);
    expect(updates()).toBe(1);
    await provider.undo(undoOf(second));
    expect(number).toMatchObject({
      voiceUrl: 'https://before.example.test/voice',
      voiceMethod: 'GET',
      statusCallback: 'https://before.example.test/status',
    });
  });

  test('has what was there stored before it changes anything', async () => {
    const remembered: Readonly<Record<string, unknown>>[] = [];
    await provider.apply(channelOf(), secretsOf(), async (wiring) => {
      expect(number.voiceUrl).toBe('https://before.example.test/voice');
      remembered.push(wiring);
    });
    expect(remembered).toHaveLength(1);
    expect(remembered[0]).toMatchObject({
      before: { voiceUrl: 'https://before.example.test/voice', voiceMethod: 'GET' },
    });
    expect(JSON.stringify(remembered)).not.toContain(account.authToken);
  });

  test('under another public URL still knows what was there first', async () => {
    const first = doneWiring(await provider.apply(channelOf(), secretsOf()));
    const moved = createPipecatProvider({
      publicUrl: 'https://moved.example.test',
      twilioUrl: carrier.origin,
      clock: systemClock,
      log: silentLog,
      vendorKeys: { 'speech-to-text': [], 'language-model': [], 'text-to-speech': [] },
    });
    const second = doneWiring(await moved.apply(channelOf({ wiring: first }), secretsOf()));
    expect(number.voiceUrl).toContain('https://moved.example.test/');
    await provider.undo(undoOf(second));
    expect(number.voiceUrl).toBe('https://before.example.test/voice');
  });

  test('takes a number from its TwiML app, and gives it back', async () => {
    number.voiceApplicationSid = `AP${'a'.repeat(32)}`;
    const wiring = doneWiring(await provider.apply(channelOf(), secretsOf()));
    expect(number).toMatchObject({ ...OURS, voiceApplicationSid: '' });
    await provider.undo(undoOf(wiring));
    expect(number.voiceApplicationSid).toBe(`AP${'a'.repeat(32)}`);
  });

  test('uses phone_number where no twilio_phone_number is given', async () => {
    const channel = channelOf({ phoneNumber: PHONE, twilioPhoneNumber: null });
    expect(await provider.apply(channel, secretsOf())).toMatchObject({ kind: 'done' });
    expect(number).toMatchObject(OURS);
  });

  test('finds exactly the number, not one that contains it', async () => {
    carrier.addNumber({ accountSid: account.accountSid, phoneNumber: `${PHONE}77` });
    expect(
      await provider.apply(channelOf({ twilioPhoneNumber: PHONE.slice(0, -1) }), secretsOf()),
    ).toMatchObject({ kind: 'refused', field: 'twilio_phone_number' });
  });

  test('without any Twilio field changes nothing and warns', async () => {
    const channel = channelOf({ twilioAccountSid: null, twilioPhoneNumber: null });
    expect(await provider.apply(channel, {})).toMatchObject({
      kind: 'done',
      wiring: {},
      warning: expect.stringContaining('twilio_auth_token'),
    });
    expect(carrier.requests).toEqual([]);
  });

  test('without a number only checks the credentials', async () => {
    const channel = channelOf({ twilioPhoneNumber: null });
    expect(await provider.apply(channel, secretsOf())).toEqual({ kind: 'done', wiring: {} });
    expect(await provider.apply(channel, secretsOf('wrong'))).toMatchObject({
      kind: 'refused',
      field: 'twilio_auth_token',
    });
    expect(updates()).toBe(0);
  });
});

describe('setting a channel up is refused', () => {
  test('on the token when the credentials are wrong, without showing them', async () => {
    const applied = await provider.apply(channelOf(), secretsOf('a-wrong-token'));
    expect(applied).toMatchObject({ kind: 'refused', field: 'twilio_auth_token' });
    expect(JSON.stringify(applied)).not.toContain('a-wrong-token');
  });

  test('on the number when the account does not have it', async () => {
    const applied = await provider.apply(
      channelOf({ twilioPhoneNumber: '+15550999' }),
      secretsOf(),
    );
    expect(applied).toMatchObject({ kind: 'refused', field: 'twilio_phone_number' });
  });

  test('on the account when its SID is none, without asking Twilio', async () => {
    const applied = await provider.apply(channelOf({ twilioAccountSid: 'AC123' }), secretsOf());
    expect(applied).toMatchObject({ kind: 'refused', field: 'twilio_account_sid' });
    expect(carrier.requests).toEqual([]);
  });

  test('when a SIP trunk takes the number’s calls, and the number is left alone', async () => {
    number.trunkSid = `TK${'a'.repeat(32)}`;
    const applied = await provider.apply(channelOf(), secretsOf());
    expect(applied).toMatchObject({
      kind: 'refused',
      field: 'twilio_phone_number',
      message: expect.stringContaining('trunk'),
    });
    expect(updates()).toBe(0);
  });
});

describe('taking a channel down', () => {
  test('leaves alone what somebody has changed since', async () => {
    const wiring = doneWiring(await provider.apply(channelOf(), secretsOf()));
    number.voiceUrl = 'https://somebody.example.test/voice';
    expect(await provider.undo(undoOf(wiring))).toMatchObject({ kind: 'done' });
    expect(number).toMatchObject({
      voiceUrl: 'https://somebody.example.test/voice',
      statusCallback: 'https://before.example.test/status',
    });
    expect(await provider.undo(undoOf(wiring))).toMatchObject({ kind: 'done' });
    expect(updates()).toBe(2);
  });

  test('puts back a number that had nothing', async () => {
    Object.assign(number, { voiceUrl: '', statusCallback: '' });
    const wiring = doneWiring(await provider.apply(channelOf(), secretsOf()));
    await provider.undo(undoOf(wiring));
    expect(number).toMatchObject({ voiceUrl: '', statusCallback: '' });
  });

  test('is done when the number is gone', async () => {
    const wiring = doneWiring(await provider.apply(channelOf(), secretsOf()));
    const gone = { ...undoOf(wiring), numberSid: `PN${'0'.repeat(32)}` };
    expect(await provider.undo(gone)).toMatchObject({ kind: 'done' });
  });

  test('is refused for good when the credentials are no longer right', async () => {
    const wiring = doneWiring(await provider.apply(channelOf(), secretsOf()));
    expect(await provider.undo({ ...undoOf(wiring), authToken: 'stale' })).toMatchObject({
      kind: 'refused',
      field: 'twilio_auth_token',
    });
  });

  test('has nothing to undo where nothing was changed, or no token is left', () => {
    expect(provider.undoPayload(channelOf(), secretsOf())).toBeUndefined();
    expect(provider.undoPayload(channelOf({ wiring: { carrier: 'twilio' } }), {})).toBeUndefined();
  });
});

describe('what is missing', () => {
  const vendors: readonly SecretField[] = [
    'deepgram_api_key',
    'openai_api_key',
    'cartesia_api_key',
  ];
  const none = { twilioAccountSid: null, twilioPhoneNumber: null };

  test('is every vendor’s key at first, each by name', () => {
    expect(provider.missing(channelOf(none), [])).toEqual([
      'a speech-to-text key: deepgram_api_key',
      'a language model key: openai_api_key',
      'a text-to-speech key: cartesia_api_key',
    ]);
  });

  test('is nothing with all vendors and either all of Twilio’s fields or none', () => {
    expect(provider.missing(channelOf(none), vendors)).toEqual([]);
    expect(provider.missing(channelOf(), [...vendors, 'twilio_auth_token'])).toEqual([]);
  });

  test('is nothing for an owner who points the number himself', () => {
    expect(provider.missing(channelOf(none), [...vendors, 'twilio_auth_token'])).toEqual([]);
  });

  test('is the rest of Twilio’s fields where only part is given', () => {
    expect(provider.missing(channelOf(), vendors)).toEqual(["the account's twilio_auth_token"]);
    expect(provider.missing(channelOf({ twilioAccountSid: null }), vendors)).toEqual([
      "the account's twilio_auth_token",
      "the account's twilio_account_sid",
    ]);
  });
});
