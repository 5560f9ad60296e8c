import { describe, expect, test } from 'vitest';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ChannelChange, Store } from '#store/store.ts';
import {
  AUTH_TOKEN,
  PUBLIC_URL,
  TENANT,
  callSidOf,
  openHooks,
  ringing,
  startStream,
  streamOf,
} from '#test/support/hooks.ts';
import type { HooksRig } from '#test/support/hooks.ts';
import { hooksForEach } from '#test/support/hooks-for-each.ts';
import { closeCodeOf } from '#test/support/media-socket.ts';
import { patiently } from '#test/support/poll.ts';

const CALL = callSidOf('1');
const UNKNOWN = '33333333-3333-4333-8333-333333333333';

const hooks = hooksForEach();

const twimlPath = (instanceId = hooks.rig.instanceId): string => `/hooks/voice/${instanceId}/twiml`;
const statusPath = (): string => `/hooks/voice/${hooks.rig.instanceId}/status`;
const stored = (callSid = CALL): ReturnType<Store['calls']['findByCarrierId']> =>
  hooks.store.calls.findByCarrierId(TENANT, hooks.rig.instanceId, callSid);
const ended = async (callSid = CALL): Promise<string | null | undefined> => {
  const call = await stored(callSid);
  return call && (await hooks.store.calls.get(TENANT, call.id))?.end_reason;
};
const change = (channel: ChannelChange): Promise<unknown> =>
  hooks.store.channels.upsert(TENANT, hooks.rig.instanceId, channel);
const verbsOf = async (callSid = CALL, query = ''): Promise<string[]> =>
  (await hooks.rig.ask(callSid, query)).map(({ verb }) => verb);

describe('outside business hours', () => {
  const closed = (more: object) =>
    hooks.store.instances.update(TENANT, hooks.rig.instanceId, {
      agentConfig: agentConfigSchema.parse({
        voice: { business_hours: { timezone: 'UTC', open: [], ...more } },
      }),
    });

  test('a new call is told so, and not stored', async () => {
    await closed({ closed_message: 'Come back at nine.' });
    const [say, hangUp] = await hooks.rig.ask(CALL);
    expect(say).toMatchObject({ verb: 'Say', text: 'Come back at nine.' });
    expect(hangUp).toMatchObject({ verb: 'Hangup' });
    expect(await stored()).toBeUndefined();
  });

  test('a new call is rejected where nothing is to be said', async () => {
    await closed({ closed_message: '' });
    expect(await verbsOf()).toEqual(['Reject']);
  });
});

describe('a new call', () => {
  test('is stored as ringing and connected to our stream', async () => {
    const stream = streamOf(await hooks.rig.ask(CALL));
    expect(stream.url).toBe(`wss://voice.example.test/hooks/voice/${hooks.rig.instanceId}/stream`);
    expect(stream.parameters).toMatchObject({ caller: '+15550001', called: '+15550100' });
    expect(stream.parameters['token']).toMatch(/^[\w-]{32,}$/);
    const call = await stored();
    expect(await hooks.store.calls.live(TENANT, hooks.rig.instanceId)).toMatchObject([
      { id: call?.id, callerPhone: '+15550001', state: 'ringing' },
    ]);
  });

  test('comes back to us by a redirect of its own', async () => {
    const verbs = await hooks.rig.ask(CALL);
    const call = await stored();
    expect(verbs[1]).toEqual({
      verb: 'Redirect',
      method: 'POST',
      url: `${PUBLIC_URL}${twimlPath()}?resume=${call?.id}`,
    });
  });

  test('asked about again is the same call, with another token', async () => {
    const tokens = [streamOf(await hooks.rig.ask(CALL)), streamOf(await hooks.rig.ask(CALL))].map(
      (stream) => stream.parameters['token'],
    );
    expect(new Set(tokens).size).toBe(2);
    expect(await hooks.store.calls.countLive(TENANT, hooks.rig.instanceId)).toBe(1);
  });

  test('asked about twice at the same moment is one call', async () => {
    const asked = await Promise.all([
      hooks.rig.ask(CALL),
      hooks.rig.ask(CALL),
      hooks.rig.ask(CALL),
    ]);
    for (const verbs of asked) streamOf(verbs);
    expect(await hooks.store.calls.countLive(TENANT, hooks.rig.instanceId)).toBe(1);
  });

  test('from a caller without a number is stored all the same', async () => {
    const form = { ...ringing(CALL), From: 'sip:a\u0000b@example.test' };
    expect((await hooks.rig.post(twimlPath(), form)).status).toBe(200);
    expect(await hooks.store.calls.live(TENANT, hooks.rig.instanceId)).toMatchObject([
      { callerPhone: 'sip:ab@example.test' },
    ]);
  });

  test('is rejected, and not stored, while the channel is off', async () => {
    await change({ enabled: false, status: 'incomplete' });
    expect(await verbsOf()).toEqual(['Reject']);
    expect(await stored()).toBeUndefined();
  });

  test.each(['shutting down', 'full'])('hears that we are %s, and is not stored', async (why) => {
    if (why === 'full') hooks.hasRoom = false;
    else hooks.isReady = false;
    const verbs = await hooks.rig.ask(CALL);
    expect(verbs).toMatchObject([
      { verb: 'Say', text: expect.stringContaining('call again') },
      { verb: 'Hangup' },
    ]);
    expect(await stored()).toBeUndefined();
  });

  test('whose sound is never connected ends as not answered', async () => {
    await hooks.rig.ask(CALL);
    await hooks.rig.clock.advance(44_000);
    expect(await ended()).toBeNull();
    await hooks.rig.clock.advance(2_000);
    await expect.poll(() => ended(), patiently).toBe('not_answered');
  });
});

describe('a webhook', () => {
  test.each([
    ['unsigned', { signedFor: null }],
    ['signed with another token', { authToken: 'another' }],
    ['signed for another path', { signedFor: `${PUBLIC_URL}/elsewhere` }],
  ])('that is %s is refused, and nothing is stored', async (_name, signing) => {
    const response = await hooks.rig.post(twimlPath(), ringing(CALL), signing);
    expect(response.status).toBe(403);
    expect(JSON.parse(response.body)).toEqual({ detail: 'The signature does not match.' });
    expect(await stored()).toBeUndefined();
    expect((await hooks.rig.post(statusPath(), ringing(CALL), signing)).status).toBe(403);
  });

  test('whose form was changed on the way is refused', async () => {
    const response = await fetch(hooks.rig.origin + twimlPath(), {
      method: 'POST',
      headers: { 'x-twilio-signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
      body: new URLSearchParams(ringing(CALL)),
    });
    expect(response.status).toBe(403);
  });

  test('for a channel without an auth token is refused, and says why', async () => {
    await change({ secrets: { twilio_auth_token: null } });
    const response = await hooks.rig.post(twimlPath(), ringing(CALL));
    expect(response.status).toBe(403);
    expect(response.body).toContain('twilio_auth_token');
  });

  test.each([UNKNOWN, 'no-uuid', '%00', '..%2f..'])(
    'for the instance %s is not found',
    async (id) => {
      const response = await hooks.rig.post(twimlPath(id), ringing(CALL));
      expect(response.status).toBe(404);
      expect(typeof JSON.parse(response.body).detail).toBe('string');
    },
  );

  test('without a proper call SID is invalid', async () => {
    const response = await hooks.rig.post(twimlPath(), { ...ringing(CALL), CallSid: 'CA\u0000' });
    expect(response.status).toBe(422);
    expect(JSON.parse(response.body).detail[0].loc).toEqual(['body', 'CallSid']);
  });

  test('larger than any of Twilio’s is refused', async () => {
    const response = await hooks.rig.post(twimlPath(), {
      ...ringing(CALL),
      Extra: 'x'.repeat(70_000),
    });
    expect(response.status).toBe(413);
    expect(typeof JSON.parse(response.body).detail).toBe('string');
  });

  test('that is no form is refused', async () => {
    const response = await fetch(hooks.rig.origin + twimlPath(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(response.status).toBe(415);
    const empty = await fetch(hooks.rig.origin + twimlPath(), { method: 'POST' });
    expect(empty.status).toBe(403);
  });

  test('for a provider’s events is a conflict where there is a channel, else not found', async () => {
    const post = (id: string): Promise<Response> =>
      fetch(`${hooks.rig.origin}/hooks/voice/${id}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{not json',
      });
    const conflict = await post(hooks.rig.instanceId);
    expect(conflict.status).toBe(409);
    expect(await conflict.json()).toEqual({ detail: expect.any(String) });
    expect((await post(UNKNOWN)).status).toBe(404);
  });
});

describe('a call whose stream has ended', () => {
  test('but which has not, is ended as lost and hung up', async () => {
    await hooks.rig.ask(CALL);
    expect(await verbsOf(CALL, '?resume=1')).toEqual(['Hangup']);
    expect(await ended()).toBe('transport_lost');
  });

  test('takes its dead socket with it', async () => {
    const stream = streamOf(await hooks.rig.ask(CALL));
    const socket = await hooks.rig.connect();
    startStream(socket, CALL, stream.parameters);
    await expect.poll(() => hooks.rig.answered.length, patiently).toBe(1);
    const closing = closeCodeOf(socket);
    expect(await verbsOf(CALL, '?resume=1')).toEqual(['Hangup']);
    await closing;
  });

  test('after its end is hung up, and the reason stays', async () => {
    await hooks.rig.ask(CALL);
    const call = await stored();
    await hooks.store.calls.end(TENANT, call?.id ?? '', {
      reason: 'agent_hangup',
      detail: null,
      at: new Date(hooks.rig.clock.now()),
    });
    expect(await verbsOf(CALL, '?resume=1')).toEqual(['Hangup']);
    expect(await verbsOf(CALL)).toEqual(['Hangup']);
    expect(await ended()).toBe('agent_hangup');
  });

  test('and which nobody knows is hung up', async () => {
    expect(await verbsOf(CALL, '?resume=1')).toEqual(['Hangup']);
    expect(await stored()).toBeUndefined();
  });
});

describe('a status', () => {
  const report = (status: string, callSid = CALL): ReturnType<HooksRig['post']> =>
    hooks.rig.post(statusPath(), { ...ringing(callSid), CallStatus: status });

  test('of a call that hung up while it rang ends it', async () => {
    await hooks.rig.ask(CALL);
    expect((await report('completed')).status).toBe(204);
    expect(await ended()).toBe('caller_hangup');
  });

  test('of a call that came to nothing ends it as not answered', async () => {
    await hooks.rig.ask(CALL);
    await report('no-answer');
    expect(await ended()).toBe('not_answered');
  });

  test('that is not final changes nothing', async () => {
    await hooks.rig.ask(CALL);
    await report('in-progress');
    expect(await ended()).toBeNull();
  });

  test('of a call nobody knows is taken', async () => {
    expect((await report('completed', callSidOf('9'))).status).toBe(204);
  });

  test('of a connected call leaves its session a moment to end it better', async () => {
    const stream = streamOf(await hooks.rig.ask(CALL));
    const socket = await hooks.rig.connect();
    startStream(socket, CALL, stream.parameters);
    await expect.poll(() => hooks.rig.answered.length, patiently).toBe(1);
    await report('completed');
    expect(await ended()).toBeNull();
    await hooks.rig.clock.advance(5_000);
    await expect.poll(() => ended(), patiently).toBe('caller_hangup');
    socket.terminate();
  });
});

test('nothing secret reaches the log', async () => {
  const stream = streamOf(await hooks.rig.ask(CALL));
  const socket = await hooks.rig.connect();
  startStream(socket, CALL, stream.parameters);
  await expect.poll(() => hooks.rig.answered.length, patiently).toBe(1);
  await hooks.rig.post(statusPath(), { ...ringing(CALL), CallStatus: 'completed' });
  await hooks.rig.post(twimlPath(), ringing(CALL), { authToken: 'another' });
  expect(hooks.rig.logged()).toContain('carrier asked about a call');
  expect(hooks.rig.logged()).not.toContain(AUTH_TOKEN);
  expect(hooks.rig.logged()).not.toContain(stream.parameters['token']);
});

test('a store that fails does not leave the caller in silence', async () => {
  const failing: Store['calls'] = {
    ...hooks.store.calls,
    findByCarrierId: () => Promise.reject(new Error('the database is gone')),
  };
  const broken = await openHooks({
    store: { ...hooks.store, calls: failing, close: async () => undefined },
  });
  try {
    expect((await broken.ask(CALL)).map(({ verb }) => verb)).toEqual(['Say', 'Hangup']);
  } finally {
    await broken.close();
  }
});
