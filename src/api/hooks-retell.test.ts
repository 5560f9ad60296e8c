import { createHmac } from 'node:crypto';
import { Retell } from 'retell-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VoiceError } from '#lib/errors.ts';
import type { RetellEvent } from '#providers/retell/events.ts';
import type { ChannelChange, Store } from '#store/store.ts';
import { TENANT, openHooks } from '#test/support/hooks.ts';
import type { HooksRig } from '#test/support/hooks.ts';
import { openTestStore } from '#test/support/store.ts';

const KEY = 'key_of_retell';
const SECRET = 'secret_of_the_webhook';
const STARTED = { event: 'call_started', call: { call_id: 'call_1', metadata: { é: '🙂\0' } } };

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let rig: HooksRig;
let taken: { readonly event: RetellEvent; readonly instanceId: string }[] = [];
let fault: Error | undefined;
beforeEach(async () => {
  taken = [];
  fault = undefined;
  rig = await openHooks({
    store,
    channel: { provider: 'retell', secrets: { api_key: KEY } },
    async takeEvent({ instanceId }, event) {
      if (fault) throw fault;
      taken.push({ event, instanceId });
    },
  });
});
afterEach(() => rig.close());

const change = async (channel: ChannelChange): Promise<void> => {
  await store.channels.upsert(TENANT, rig.instanceId, channel);
  // What was there before counts for a second at most.
  await rig.clock.advance(1_000);
};

/** As Retell signs, but at the time of the test. */
function sign(body: string, key: string): string {
  const atMs = rig.clock.now();
  return `v=${atMs},d=${createHmac('sha256', key).update(`${body}${atMs}`).digest('hex')}`;
}

async function send(
  body: unknown,
  options: {
    readonly key?: string;
    readonly signature?: string | null;
    readonly instanceId?: string;
    readonly type?: string;
  } = {},
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { signature = sign(text, options.key ?? KEY), type = 'application/json' } = options;
  const answer = await fetch(`${rig.origin}/hooks/voice/${options.instanceId ?? rig.instanceId}`, {
    method: 'POST',
    headers: {
      'content-type': type,
      ...(signature !== null && { 'x-retell-signature': signature }),
    },
    body: text,
  });
  return { status: answer.status, body: await answer.json() };
}

describe('an event of Retell', () => {
  test('is answered with {} once it is taken', async () => {
    expect(await send(STARTED)).toEqual({ status: 200, body: {} });
    expect(taken).toMatchObject([
      { instanceId: rig.instanceId, event: { name: 'call_started', callId: 'call_1' } },
    ]);
    expect(taken[0]?.event.body).toEqual(STARTED);
  });

  test('is signed as the SDK signs', async () => {
    const text = JSON.stringify(STARTED);
    const signature = await Retell.sign(text, KEY);
    await rig.clock.advance(Number(/^v=(\d+)/.exec(signature)?.[1]) - rig.clock.now());
    expect((await send(text, { signature })).status).toBe(200);
  });

  test('is taken whatever type its body is said to have', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'audio/x'])
      expect((await send(STARTED, { type })).status).toBe(200);
    expect(taken).toHaveLength(3);
  });

  test('that is not known is taken as well, and transcript_update has two names', async () => {
    expect((await send({ ...STARTED, event: 'newcomer' })).status).toBe(200);
    expect((await send({ ...STARTED, event: 'transcript_update' })).status).toBe(200);
    expect(taken.map(({ event }) => event.name)).toEqual(['newcomer', 'transcript_updated']);
  });

  test('notes on the channel that it was heard of', async () => {
    await send(STARTED);
    await expect
      .poll(async () => (await store.channels.get(TENANT, rig.instanceId))?.lastEventAt)
      .toEqual(new Date(rig.clock.now()));
  });

  test('is signed with the webhook secret where one is stored, and then with nothing else', async () => {
    await change({ secrets: { webhook_secret: SECRET } });
    expect((await send(STARTED, { key: SECRET })).status).toBe(200);
    expect((await send(STARTED, { key: KEY })).status).toBe(401);
    await change({ secrets: { webhook_secret: null } });
    expect((await send(STARTED, { key: KEY })).status).toBe(200);
    expect(taken).toHaveLength(2);
  });

  test('loses its way when its key is taken away', async () => {
    await change({ secrets: { api_key: null } });
    expect((await send(STARTED)).status).toBe(401);
    expect((await send(STARTED, { key: '' })).status).toBe(401);
    expect(taken).toEqual([]);
  });

  test('that is forged, altered, late or unsigned is a 401, and not taken', async () => {
    const text = JSON.stringify(STARTED);
    const signature = sign(text, KEY);
    expect((await send(STARTED, { key: 'another' })).status).toBe(401);
    expect((await send(`${text} `, { signature })).status).toBe(401);
    expect((await send(text, { signature: null })).status).toBe(401);
    expect((await send('', { signature })).status).toBe(401);
    await rig.clock.advance(300_001);
    expect(await send(text, { signature })).toEqual({
      status: 401,
      body: { detail: 'The signature does not match.' },
    });
    expect(taken).toEqual([]);
  });

  test('for an instance that is not there is a 404, whatever its signature', async () => {
    const instanceId = crypto.randomUUID();
    for (const id of [instanceId, 'no-uuid'])
      expect((await send(STARTED, { instanceId: id })).status).toBe(404);
  });

  test('for a channel of another provider is a 409', async () => {
    await change({ provider: 'pipecat' });
    expect((await send(STARTED)).status).toBe(409);
  });

  test.each([
    ['no JSON', '{', 400],
    ['no text', '\ufffe\u0000', 400],
    ['nothing', '', 400],
    ['no object', '[]', 400],
    ['no event', '{"call":{"call_id":"call_1"}}', 422],
    ['an event of ours', '{"event":":lost","call":{"call_id":"call_1"}}', 422],
    ['no call', '{"event":"call_started"}', 422],
    ['a call without id', '{"event":"call_started","call":{"call_id":7}}', 422],
  ])('that is signed but has %s is refused', async (_name, text, status) => {
    expect((await send(text)).status).toBe(status);
    expect(taken).toEqual([]);
  });

  test('says what is wrong where it cannot be told which call it is of', async () => {
    const { body } = await send({ event: 'call_started', call: {} });
    expect(body).toMatchObject({ detail: [{ loc: ['body', 'call', 'call_id'] }] });
  });

  test('that cannot be stored now is a 503 or 500, so that Retell sends it again', async () => {
    fault = new VoiceError('unavailable', 'The database cannot be reached.');
    expect((await send(STARTED)).status).toBe(503);
    fault = new Error('CANARY');
    expect(await send(STARTED)).toEqual({
      status: 500,
      body: { detail: 'Internal Server Error' },
    });
    fault = undefined;
    expect((await send(STARTED)).status).toBe(200);
  });

  test('of a web call is kept without the token that would let others join it', async () => {
    const call = { call_id: 'call_1', access_token: 'CANARY', call_type: 'web_call' };
    await send({ event: 'call_started', call });
    expect(JSON.stringify(taken)).not.toContain('CANARY');
    expect(taken[0]?.event.body).toMatchObject({ call: { call_type: 'web_call' } });
  });

  test('leaves nothing that was said, signed or secret in the log', async () => {
    const call = { call_id: 'call_1', transcript: 'CANARY said', from_number: '+1CANARY' };
    await send({ event: 'call_ended', call });
    await send({ event: 'call_ended', call }, { key: 'CANARY-key' });
    await send('{"event":"CANARY"');
    expect(rig.logged()).toContain('wrong signature');
    expect(rig.logged()).not.toMatch(/CANARY|key_of_retell|\bd=[0-9a-f]/);
  });
});
