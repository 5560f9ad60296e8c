import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import type { Clock } from '#lib/clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createTwilioRest } from './twilio-rest.ts';
import type { TwilioRest } from './twilio-rest.ts';

const AUTH_TOKEN = 'the-twilio-auth-token';
const CALL = `CA${'1'.repeat(32)}`;

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

const serve = async (
  listener: RequestListener,
  clock: Clock = systemClock,
): Promise<TwilioRest> => {
  const started = createServer(listener);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const address = started.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return createTwilioRest({
    baseUrl: `http://127.0.0.1:${address.port}`,
    accountSid: `AC${'0'.repeat(32)}`,
    authToken: AUTH_TOKEN,
    clock,
  });
};
/** A server that always answers the same. */
const answering = (status: number, body: string): Promise<TwilioRest> =>
  serve((_request, response) => {
    response.writeHead(status, { location: 'https://elsewhere.example.test/' });
    response.end(body);
  });

test.each([429, 500, 503, 302])('status %i is worth trying again', async (status) => {
  const rest = await answering(status, '{"message":"later"}');
  expect(await rest.findNumber('+15550100')).toMatchObject({ kind: 'unreachable' });
});

test.each(['<html>captive portal</html>', '{"incoming_phone_numbers":7}', ''])(
  'an answer that is not Twilio’s (%s) is worth trying again',
  async (body) => {
    const rest = await answering(200, body);
    expect(await rest.findNumber('+15550100')).toMatchObject({ kind: 'unreachable' });
  },
);

test.each([
  [401, 20_003],
  [403, 20_008],
  [400, 20_003],
])('status %i with code %i is about the credentials', async (status, code) => {
  const rest = await answering(status, JSON.stringify({ code, message: 'Authenticate' }));
  expect(await rest.checkCredentials()).toMatchObject({ kind: 'wrong-credentials' });
});

test('nobody listening is worth trying again', async () => {
  const rest = await answering(200, '{}');
  await new Promise((resolve) => server?.close(resolve));
  server = undefined;
  expect(await rest.findNumber('+15550100')).toEqual({
    kind: 'unreachable',
    message: 'Twilio cannot be reached.',
  });
});

test('no answer is given up after ten seconds', async () => {
  const clock = virtualClock();
  const knocked = Promise.withResolvers<void>();
  const rest = await serve(() => knocked.resolve(), clock);
  const finding = rest.findNumber('+15550100');
  await knocked.promise;
  await clock.advance(10_000);
  expect(await finding).toEqual({
    kind: 'unreachable',
    message: 'Twilio did not answer within 10 seconds.',
  });
  expect(clock.pending).toBe(0);
});

test('what Twilio says never carries the token or control characters', async () => {
  const message = `no\u0007 ${AUTH_TOKEN}${'!'.repeat(500)}`;
  const rest = await answering(400, JSON.stringify({ code: 21_402, message }));
  const answer = await rest.findNumber('+15550100');
  expect(answer).toMatchObject({ kind: 'rejected', code: 21_402 });
  expect(answer).toMatchObject({
    message: expect.stringMatching(/^Twilio answered 400 \(21402\): no {2}\[hidden\]!{1,200}$/),
  });
});

test.each([
  [404, 20_404],
  [400, 21_220],
])('hanging up a call that is over (%i, %i) is fine', async (status, code) => {
  const rest = await answering(status, JSON.stringify({ code, message: 'not in progress' }));
  expect(await rest.hangUp(CALL)).toEqual({ kind: 'ok', value: undefined });
});

test('a hang-up that Twilio does not take is told', async () => {
  const rest = await answering(500, '{}');
  expect(await rest.hangUp(CALL)).toMatchObject({ kind: 'unreachable' });
});
