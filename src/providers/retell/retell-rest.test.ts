import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createRetellRest } from './retell-rest.ts';

const KEY = 'key_hunter2';

let server: Server;
let origin: string;
let answer: (response: ServerResponse) => void;
let asked: string[];
beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const restAt = (baseUrl = origin, clock = systemClock) =>
  createRetellRest({ baseUrl, apiKey: KEY, clock });
const saying = (status: number, message: string, headers = {}): void => {
  answer = (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ status: 'error', message }));
  };
};

test.each([
  [401, 'API key is missing or invalid.', 'wrong-key'],
  [402, 'Trial has ended, please add payment method.', 'refused'],
  [400, 'request/body/voice_id must be a string', 'refused'],
  [404, 'Item agent_1 not found from agent', 'not-found'],
  [422, 'Cannot find requested asset under given api key.', 'not-found'],
  [422, 'Cannot update published agent', 'refused'],
  [408, 'slow', 'unreachable'],
  [429, 'Account rate limited, please throttle your requests.', 'unreachable'],
  [500, 'An unexpected server error occurred.', 'unreachable'],
  [307, 'elsewhere', 'unreachable'],
])('%d "%s" means %s', async (status, message, kind) => {
  saying(status, message, { location: 'https://elsewhere.example/' });
  expect(await restAt().getAgent('agent_1')).toMatchObject({
    kind,
    message: expect.stringContaining(message),
  });
  expect(asked).toHaveLength(1);
});

test('nothing is asked twice, whatever the answer invites to', async () => {
  saying(500, 'no', { 'x-should-retry': 'true', 'retry-after': '0' });
  const rest = restAt();
  await rest.stopCall('call_1');
  await rest.createAgent({
    response_engine: { type: 'custom-llm', llm_websocket_url: 'wss://v.example/' },
    voice_id: 'v',
  });
  expect(asked).toEqual(['POST /v2/stop-call/call_1', 'POST /create-agent']);
});

test('what Retell says is shortened, has no control characters and never the key', async () => {
  saying(400, `${KEY} is\n\u0007 wrong ${'x'.repeat(1_000)}`);
  const fault = await restAt().getNumber('+14155550100');
  const text = JSON.stringify(fault);
  expect(text).not.toContain('hunter2');
  expect(text).not.toContain('\\n');
  expect(text.length).toBeLessThan(400);
});

test('a path in the base URL is kept, and a number is not encoded', async () => {
  saying(404, 'no');
  await restAt(`${origin}/retell`).getNumber('+14155550100');
  expect(asked).toEqual(['GET /retell/get-phone-number/+14155550100']);
});

test('an answer that is not of its API is unreachable', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"hello":"world"}');
  };
  expect(await restAt().getAgent('agent_1')).toEqual({
    kind: 'unreachable',
    message: 'Retell answered something that is not its API.',
  });
});

test('no answer within the limit is unreachable', async () => {
  const clock = virtualClock(0);
  const arrived = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  const waiting = restAt(origin, clock).getAgent('agent_1');
  await arrived;
  await clock.advance(10_000);
  expect(await waiting).toEqual({
    kind: 'unreachable',
    message: 'Retell did not answer within 10 seconds.',
  });
  expect(clock.pending).toBe(0);
});

test('publishes by the older route where the documented one is not there', async () => {
  answer = (response) => {
    const isOld = asked.at(-1)?.startsWith('POST /publish-agent/') === true;
    response.writeHead(isOld ? 200 : 404).end();
  };
  expect(await restAt().publishVersion('agent_1', 3)).toMatchObject({ kind: 'ok' });
  expect(asked.at(-1)).toBe('POST /publish-agent/agent_1?version=3');
});
