import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Step } from '#sandbox/caller/script.ts';
import { openLlmCalls } from './test-call.ts';
import type { LlmCalls } from './test-call.ts';

const hears: readonly Step[] = [{ waitForAgent: 'to-finish' }];
const waits: readonly Step[] = [{ silence: 60_000 }];

let on: LlmCalls;
beforeEach(async () => {
  on = await openLlmCalls();
});
afterEach(() => on.close());

const opened = () => on.until('the socket', () => on.server.connections.length > 0);
const autoReconnect = { response_type: 'config', config: { auto_reconnect: true } };

describe('the custom LLM socket opens', () => {
  test('at the agent’s URL with the id of the call behind it', async () => {
    const call = on.phone(waits);
    await opened();
    expect(on.socket.path).toBe(`/llm/secret/${call.callId}`);
  });

  test('with silence until the server has greeted', async () => {
    const call = on.phone(waits);
    await on.pass(3_000);
    expect(on.socket.received).toEqual([]);
    expect(on.said(call)).toEqual([]);
    on.socket.respond(0, 'Hello there.');
    await on.pass(3_000);
    expect(on.said(call)).toEqual(['Agent: Hello there.']);
  });

  test('with the caller’s turn where the greeting is empty', async () => {
    const call = on.phone([{ silence: 500 }, { say: 'Is anybody there?' }, ...hears]);
    await opened();
    on.socket.respond(0, '');
    await on.until('a request', () => on.socket.of('response_required').length > 0);
    expect(on.said(call)).toEqual(['User: Is anybody there?']);
    on.socket.respond(1, 'Yes.');
    expect(await on.outcome(call)).toMatchObject({ reason: 'user_hangup' });
  });

  test('three times, 3 s apart, before the call is given up', async () => {
    on.server.upgrades = 403;
    const call = on.phone(waits);
    expect(await on.outcome(call)).toMatchObject({ reason: 'error_llm_websocket_open' });
    const attempts = call.frames.map(({ frame, atMs }) => [frame, atMs]);
    expect(attempts.map(([what]) => what)).toEqual(['refused 403', 'refused 403', 'refused 403']);
    expect(call.call).toMatchObject({ status: 'error' });
    const lastMs = (call.call?.endMs ?? 0) - (call.call?.startMs ?? 0);
    expect(lastMs).toBeGreaterThanOrEqual(6_000);
    expect(lastMs).toBeLessThan(7_000);
  });

  test('within 7 s, or not at all', async () => {
    on.server.upgrades = 'hang';
    const call = on.phone(waits);
    expect(await on.outcome(call)).toMatchObject({ reason: 'error_llm_websocket_open' });
    expect((call.call?.endMs ?? 0) - (call.call?.startMs ?? 0)).toBeGreaterThanOrEqual(27_000);
  });

  test.each(['ws://127.0.0.1:9/llm', 'wss://localhost/llm', 'wss://nowhere.example.test/llm'])(
    'only where the public can reach it, and %s is not there',
    async (url) => {
      const call = on.phone(waits, {
        response_engine: { type: 'custom-llm', llm_websocket_url: url },
      });
      expect(await on.outcome(call)).toMatchObject({ reason: 'error_llm_websocket_open' });
    },
  );
});

describe('config', () => {
  test('asks for the call’s details', async () => {
    const call = on.phone(waits);
    await opened();
    on.socket.send({ response_type: 'config', config: { call_details: true } });
    await on.pass(100);
    expect(on.socket.received).toMatchObject([
      {
        interaction_type: 'call_details',
        call: { call_id: call.callId, from_number: '+12025550188' },
      },
    ]);
  });

  test('counts as the first frame alone', async () => {
    const call = on.phone(waits);
    await opened();
    on.socket.respond(0, '');
    on.socket.send({ response_type: 'config', config: { call_details: true } });
    await on.pass(100);
    expect(on.socket.of('call_details')).toEqual([]);
    expect(on.dropped(call)).toEqual(['config is not the first frame']);
  });

  test('turns keep-alives on, one every 2 s; without it there are none', async () => {
    on.server.onFrame = ({ interaction_type, timestamp }, connection) => {
      if (interaction_type === 'ping_pong')
        connection.send({ response_type: 'ping_pong', timestamp });
    };
    on.phone(waits);
    await opened();
    on.socket.send(autoReconnect);
    await on.pass(20_000);
    expect(on.socket.of('ping_pong').length).toBeGreaterThanOrEqual(10);
    expect(on.server.connections).toHaveLength(1);
    const pings = on.server.connections.length;
    on.phone(waits);
    await on.until('the second call', () => on.server.connections.length > pings);
    await on.pass(6_000);
    expect(on.socket.received).toEqual([]);
  });
});

describe('a keep-alive that is not echoed within 5 s', () => {
  test('has the socket opened again, twice, and then ends the call', async () => {
    on.server.onOpen = (connection) => connection.send(autoReconnect);
    const call = on.phone(waits);
    expect(await on.outcome(call)).toMatchObject({
      reason: 'error_llm_websocket_lost_connection',
    });
    expect(on.server.connections.map(({ path }) => path)).toEqual(
      Array.from({ length: 3 }, () => `/llm/secret/${call.callId}`),
    );
  });

  test('is not made good by another time', async () => {
    on.server.onOpen = (connection) => connection.send(autoReconnect);
    on.server.onFrame = ({ timestamp }, connection) =>
      connection.send({ response_type: 'ping_pong', timestamp: Number(timestamp) + 1 });
    const call = on.phone(waits);
    expect(await on.outcome(call)).toMatchObject({
      reason: 'error_llm_websocket_lost_connection',
    });
    expect(new Set(on.dropped(call))).toEqual(new Set(['no such ping']));
  });
});

describe('a socket that closes in mid-call', () => {
  const closing = async (close: () => void, isReconnecting = false) => {
    const call = on.phone(waits);
    await opened();
    if (isReconnecting) on.socket.send(autoReconnect);
    on.socket.respond(0, 'Hello.');
    await on.pass(1_000);
    close();
    return on.outcome(call);
  };

  test.each([
    [1_000, 'agent_hangup'],
    [undefined, 'error_llm_websocket_open'],
    [1_011, 'error_llm_websocket_runtime'],
    [4_000, 'error_llm_websocket_runtime'],
  ])('with %s ends the call with %s', async (code, reason) => {
    expect(await closing(() => on.socket.close(code))).toMatchObject({ reason });
  });

  test('without a close frame is opened again four times', async () => {
    on.server.onOpen = (connection) => {
      if (on.server.connections.length > 1) connection.kill();
    };
    expect(await closing(() => on.socket.kill(), true)).toMatchObject({
      reason: 'error_llm_websocket_runtime',
    });
    expect(on.server.connections).toHaveLength(5);
  });

  test('without a close frame ends a call that does not reconnect', async () => {
    expect(await closing(() => on.socket.kill())).toMatchObject({
      reason: 'error_llm_websocket_runtime',
    });
    expect(on.server.connections).toHaveLength(1);
  });

  test('and is back asks again for what was not answered, with the whole transcript', async () => {
    const call = on.phone([{ waitForAgent: 'to-finish' }, { say: 'Book a table.' }, ...hears]);
    await opened();
    on.socket.send(autoReconnect);
    on.socket.respond(0, 'Hello.');
    await on.until('a request', () => on.socket.of('response_required').length > 0);
    on.socket.kill();
    await on.until('the way back', () => on.server.connections.length > 1);
    await on.until('a request', () => on.socket.of('response_required').length > 0);
    expect(on.socket.of('response_required')).toMatchObject([
      { response_id: 2, transcript: [{ content: 'Hello.' }, { content: 'Book a table.' }] },
    ]);
    on.socket.respond(2, 'Done.');
    expect(await on.outcome(call)).toMatchObject({ reason: 'user_hangup' });
    expect(on.said(call).at(-1)).toBe('Agent: Done.');
  });
});

describe('a frame', () => {
  test('that is binary closes the socket with 1007 and ends the call', async () => {
    const call = on.phone(waits);
    await opened();
    on.socket.send(Buffer.from('{"response_id":0,"content":"","content_complete":true}'));
    expect(await on.outcome(call)).toMatchObject({
      reason: 'error_llm_websocket_corrupt_payload',
    });
    expect(on.socket.closeCode).toBe(1_007);
  });

  test('of a wrong type counts for nothing, and the socket stays open', async () => {
    const call = on.phone(waits);
    await opened();
    on.socket.respond(0, 'No.', { content_complete: 'true' });
    on.socket.send({ response_id: '0', content: 'No.', content_complete: true });
    on.socket.send({ response_id: 0.5, content: 'No.', content_complete: true });
    on.socket.send({ response_type: 'shout', content: 'No.' });
    on.socket.send('no JSON');
    on.socket.send([]);
    await on.pass(2_000);
    expect(on.said(call)).toEqual([]);
    expect(on.dropped(call)).toHaveLength(6);
    on.socket.send({ response_id: 0, content: 'Yes.', content_complete: true });
    await on.pass(2_000);
    expect(on.said(call)).toEqual(['Agent: Yes.']);
  });

  test('of metadata reaches web calls alone', async () => {
    const call = on.phone(waits);
    await opened();
    on.socket.send({ response_type: 'metadata', metadata: { a: 1 } });
    await on.pass(100);
    expect(on.dropped(call)).toEqual(['metadata reaches web calls alone']);
  });
});
