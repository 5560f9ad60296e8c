import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { paramsOf, respond, ring } from './call-rig.ts';

const CONNECT =
  '<Connect><Stream url="wss://voice.example.test/stream?x=1"><Parameter name="token" value="t1"/></Stream></Connect>';

describe('a call on a media stream', () => {
  test('opens the signed socket without the query string, with the parameters in start', async () => {
    await using rig = await ring(respond(CONNECT));
    const { clock, server, call } = rig;
    const [socket] = server.sockets;
    expect(socket?.url).toBe('wss://voice.example.test/stream');
    const signature = socket?.headers['x-twilio-signature'] ?? '';
    expect(twilio.validateRequest('secret', signature, socket?.url ?? '', {})).toBe(true);
    expect(socket?.received[1]).toMatchObject({
      event: 'start',
      start: { callSid: call.sid, accountSid: call.accountSid, customParameters: { token: 't1' } },
    });
    await clock.advance(100);
    expect(socket?.received.filter(({ event }) => event === 'media')).toHaveLength(5);
  });

  test('the caller hears what the server sends, in real time, and the mark comes back then', async () => {
    await using rig = await ring(respond(CONNECT));
    const { clock, server, phone } = rig;
    const [socket] = server.sockets;
    socket?.play(new Uint8Array(8_000).fill(5));
    socket?.mark('m');
    const marks = () => socket?.received.filter(({ event }) => event === 'mark').length;
    await clock.advance(1_019);
    expect(marks()).toBe(0);
    await clock.advance(21);
    expect(marks()).toBe(1);
    expect(phone.soundMs()).toBe(1_000);
  });

  test('the caller’s keys and hang-up reach the server: dtmf, stop, a closed socket', async () => {
    await using rig = await ring(respond(`${CONNECT}<Say>unreachable</Say>`));
    const { clock, server, phone, call, said, paths } = rig;
    const [socket] = server.sockets;
    await clock.advance(100);
    phone.handset.press('7');
    phone.handset.hangUp();
    await call.done;
    expect(socket?.received.at(-2)).toMatchObject({ event: 'dtmf', dtmf: { digit: '7' } });
    expect(socket?.received.at(-1)).toMatchObject({ event: 'stop', stop: { callSid: call.sid } });
    expect(socket?.open).toBe(false);
    expect(phone.endedBy).toBe('caller');
    expect(call.status).toBe('completed');
    expect(said).toEqual([]);
    expect(paths()).toEqual(['/twiml', '/status']);
    expect(clock.pending).toBe(0);
  });

  test('goes on with the next verb when the server closes the socket', async () => {
    await using rig = await ring(respond(`${CONNECT}<Say>Goodbye</Say>`));
    const { clock, server, call, said, codes } = rig;
    await clock.advance(100);
    server.sockets[0]?.close();
    await clock.advance(1_500);
    await call.done;
    expect(said).toEqual(['Goodbye']);
    expect(server.sockets[0]?.received.some(({ event }) => event === 'stop')).toBe(false);
    expect(codes()).toEqual([]);
  });

  test('asks the action of Connect when the stream is over, and does not go on with the document', async () => {
    await using rig = await ring(
      respond(`${CONNECT.replace('<Connect>', '<Connect action="/after">')}<Say>unreachable</Say>`),
    );
    const { clock, server, said, paths } = rig;
    server.sockets[0]?.close();
    await clock.advance(0);
    expect(paths().slice(0, 2)).toEqual(['/twiml', '/after']);
    expect(said).toEqual([]);
  });

  test.each<[string, string, (() => number | 'hang') | undefined, number]>([
    ['the scheme is https', CONNECT.replace('wss:', 'https:'), undefined, 31_922],
    ['the scheme is ws', CONNECT.replace('wss:', 'ws:'), undefined, 31_922],
    [
      'the track is not inbound',
      CONNECT.replace('?x=1"', '" track="both_tracks"'),
      undefined,
      31_941,
    ],
    ['the URL is missing', '<Connect><Stream/></Connect>', undefined, 11_100],
    ['the server answers 403', CONNECT, () => 403, 31_920],
    ['the server takes no connection', CONNECT, () => 0, 31_902],
    ['the server never answers', CONNECT, () => 'hang', 31_901],
  ])('does not come about when %s, and the next verb follows', async (_, verb, upgrade, code) => {
    await using rig = await ring(respond(`${verb}<Say>Sorry</Say>`), upgrade ? { upgrade } : {});
    const { clock, call, said, codes } = rig;
    await clock.advance(17_000);
    await call.done;
    expect(codes()).toEqual([code]);
    expect(said).toEqual(['Sorry']);
  });

  test('a second stream of the same call is another stream, after a redirect', async () => {
    await using rig = await ring(respond(`${CONNECT}<Redirect>/twiml</Redirect>`), {
      faults: { socketDiesAtMs: 500 },
    });
    const { clock, server, call, codes, paths } = rig;
    await clock.advance(1_000);
    expect(codes()).toEqual([31_903]);
    expect(paths()).toEqual(['/twiml', '/twiml']);
    expect(server.sockets.map(({ open }) => open)).toEqual([false, true]);
    const sids = call.streams.map(({ streamSid }) => streamSid);
    expect(new Set(sids).size).toBe(2);
    await clock.advance(5_000);
    expect(server.sockets[1]?.open).toBe(true);
  });

  test('tells the stream’s status callback of its start and its end', async () => {
    await using rig = await ring(
      respond(CONNECT.replace('?x=1"', '" name="s1" statusCallback="/stream-status"')),
    );
    const { clock, server } = rig;
    server.sockets[0]?.close();
    await clock.advance(0);
    const events = server.requests
      .filter(({ url }) => url.pathname === '/stream-status')
      .map(paramsOf);
    expect(events.map(({ StreamEvent }) => StreamEvent)).toEqual([
      'stream-started',
      'stream-stopped',
    ]);
    expect(events[0]?.['StreamName']).toBe('s1');
  });
});

describe('faults', () => {
  test('a slow and uneven network delivers late, in order and nothing twice', async () => {
    await using rig = await ring(respond(CONNECT), {
      faults: { delayMs: 100, jitterMs: 200, seed: 3 },
    });
    const { clock, server } = rig;
    await clock.advance(90);
    expect(server.sockets[0]?.received).toEqual([]);
    await clock.advance(3_000);
    const chunks = server.sockets[0]?.received
      .filter(({ event }) => event === 'media')
      .map(({ media }) => Number(media?.chunk));
    expect(chunks?.length).toBeGreaterThan(130);
    expect(chunks).toEqual(chunks?.map((_, index) => index + 1));
  });

  test('a frozen socket stays open and carries nothing either way', async () => {
    await using rig = await ring(respond(CONNECT), { faults: { socketFreezesAtMs: 210 } });
    const { clock, server, phone } = rig;
    await clock.advance(1_000);
    const [socket] = server.sockets;
    expect(socket?.open).toBe(true);
    expect(socket?.received.filter(({ event }) => event === 'media')).toHaveLength(10);
    socket?.play(new Uint8Array(1_600).fill(5));
    await clock.advance(500);
    expect(phone.soundMs()).toBe(0);
  });

  test('webhooks arrive twice with one token, and the call takes one way only', async () => {
    await using rig = await ring(respond(CONNECT), { faults: { duplicateWebhooks: true } });
    const { server, call, paths } = rig;
    expect(paths()).toEqual(['/twiml', '/twiml']);
    const tokens = server.requests.map(({ headers }) => headers['i-twilio-idempotency-token']);
    expect(tokens[0]).toBe(tokens[1]);
    expect(server.sockets).toHaveLength(1);
    call.hangUp();
    await call.done;
    expect(paths()).toEqual(['/twiml', '/twiml', '/status', '/status']);
  });

  test('status callbacks are late by as much as was asked', async () => {
    await using rig = await ring(respond('<Hangup/>'), { faults: { lateStatusMs: 5_000 } });
    const { clock, call, paths } = rig;
    await clock.advance(4_999);
    expect(paths()).toEqual(['/twiml']);
    await clock.advance(1);
    await call.done;
    expect(paths()).toEqual(['/twiml', '/status']);
  });
});
