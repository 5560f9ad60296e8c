import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { twilioSignature } from '#sandbox/carrier/signature.ts';
import { PUBLIC_URL } from '#sandbox/demo/stage.ts';
import { closeCodeOf, connected, startMessage } from '#test/support/media-socket.ts';
import { portOf } from '#test/support/port.ts';
import type { Agent } from './support/agents.ts';
import { eventually } from './support/eventually.ts';
import { heardBy, plain } from './support/words.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const GREETING = 'Good morning, how can I help you?';
const LIMIT_MS = 120_000;
const before = { voiceUrl: 'https://old.example.test/voice', statusCallback: '' };

let world: World;
beforeAll(async () => {
  const placeholder = createServer().listen(0, '127.0.0.1');
  await once(placeholder, 'listening');
  const nobody = `http://127.0.0.1:${portOf(placeholder)}`;
  placeholder.close();
  world = await openWorld({ env: { TWILIO_URL: nobody } });
});
afterAll(() => world[Symbol.asyncDispose]());

let agent: Agent;
test(
  'a channel that was set up while Twilio was down becomes active by itself, also after a restart',
  async () => {
    agent = await world.addAgent({ config: { greeting: GREETING }, number: before });
    expect(agent.channel.status).toBe('pending');
    expect(agent.number.voiceUrl).toBe(before.voiceUrl);
    expect(await world.server.stop()).toBe(0);
    await world.restart({ TWILIO_URL: world.sandbox.carrier.origin });
    await eventually('the channel to be active', async () =>
      (await agent.status()).status === 'active' ? true : undefined,
    );
    expect(agent.number.voiceUrl).toBe(agent.channel.webhook_url);
    const phone = await agent.dial([{ waitForAgent: 'to-finish' }, { hangUp: true }]);
    expect(heardBy(await phone.experience)).toBe(plain(GREETING));
  },
  LIMIT_MS,
);

test('who does not sign with the account’s token is refused, and nothing is stored', async () => {
  for (const hook of ['twiml', 'status']) {
    const path = `/hooks/voice/${agent.instanceId}/${hook}`;
    const form = { CallSid: `CA${'1'.repeat(32)}`, CallStatus: 'ringing', From: '+12025579999' };
    const response = await fetch(world.server.origin + path, {
      method: 'POST',
      headers: { 'x-twilio-signature': twilioSignature('another', PUBLIC_URL + path, form) },
      body: new URLSearchParams(form),
    });
    expect(response.status).toBe(403);
  }
  expect(await knock('another')).toBe(403);
  expect(await agent.calls()).toEqual([]);
});

test(
  'the token of a media stream opens one stream, once',
  async () => {
    const phone = await agent.dial([{ waitForAgent: 'to-finish' }, { hangUp: true }]);
    await phone.id();
    const token = await eventually('the answer to the webhook', () => {
      const sent = world.sandbox.carrier.requests.find(
        (one) => one.direction === 'sent' && one.params['CallSid'] === phone.call.sid,
      );
      return sent && 'body' in sent
        ? /name="token" value="([^"]+)"/.exec(sent.body)?.[1]
        : undefined;
    });
    const thief = await knock(agent.account.authToken);
    if (typeof thief === 'number') throw new Error(`the signed upgrade was refused: ${thief}`);
    const closing = closeCodeOf(thief);
    const { accountSid } = agent.account;
    const customParameters = { token, caller: phone.from };
    thief.send(connected);
    thief.send(startMessage({ accountSid, callSid: phone.call.sid, customParameters }));
    expect(await closing).toBe(1_008);
    const call = await phone.record();
    expect(call).toMatchObject({ end_reason: 'caller_hangup', turns: [{ heard: GREETING }] });
  },
  LIMIT_MS,
);

test('removing the channel puts the number back as it was found', async () => {
  expect((await world.owner.request('DELETE', agent.path)).status).toBe(204);
  expect(agent.number).toMatchObject(before);
});

/** Opens the media socket, signed with this token; a refusal's status otherwise. */
async function knock(authToken: string): Promise<WebSocket | number> {
  const path = `/hooks/voice/${agent.instanceId}/stream`;
  const url = `${PUBLIC_URL.replace(/^http/, 'ws')}${path}`;
  const socket = new WebSocket(`${world.server.origin.replace(/^http/, 'ws')}${path}`, {
    headers: { 'x-twilio-signature': twilioSignature(authToken, url, {}) },
  });
  const refused = once(socket, 'unexpected-response').then(([, response]) => {
    socket.on('error', () => undefined);
    socket.terminate();
    return Number(Reflect.get(Object(response), 'statusCode'));
  });
  return Promise.race([once(socket, 'open').then(() => socket), refused]);
}
