import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Caller, Handset } from '#sandbox/caller/caller.ts';
import type { SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { startCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { fakeServer, twimlAnswer } from './fake-server.ts';
import type { FakeServer } from './fake-server.ts';
import type { CallFaults } from './faults.ts';
import { NetworkFault } from './network.ts';
import type { WebRequest, WebResponse } from './network.ts';

const FROM = '+15550100001';
const TO = '+15550100002';
const VOICE = 'https://voice.example.test/twiml';
const STATUS = 'https://voice.example.test/status';
const CONNECT =
  '<Connect><Stream url="wss://voice.example.test/stream?x=1"><Parameter name="token" value="t1"/></Stream></Connect>';

let clock: VirtualClock;
let carrier: Carrier;

/** Says every text with one second of sound, so that what was said can be told by its length. */
const bank: VoiceBank & { readonly said: string[] } = {
  clips: [],
  said: [],
  async speak(text, voice): Promise<SpeechClip> {
    this.said.push(text);
    return { text, voice, pcm: new Int16Array(8_000).fill(5_000), words: [] };
  },
};

function person() {
  const heard: number[] = [];
  let handset: Handset | undefined;
  let endedBy: string | undefined;
  const caller: Caller = {
    answered: (given) => void (handset = given),
    hear: (frame) => void heard.push(frame[0] ?? 0),
    nextFrame: () => undefined,
    ended: (by) => void (endedBy = by),
  };
  return {
    caller,
    heard,
    get handset(): Handset {
      if (!handset) throw new Error('the call was not answered');
      return handset;
    },
    get endedBy() {
      return endedBy;
    },
    /** How long something sounded. */
    soundMs: () => heard.filter((byte) => byte !== 0xff).length * 20,
  };
}

/** Opens a carrier with one number in front of `answer`, and rings it. */
async function ring(
  answer: (request: WebRequest) => WebResponse | Promise<WebResponse>,
  options: {
    readonly faults?: CallFaults;
    readonly fallbackUrl?: string;
    readonly voiceUrl?: string;
    readonly upgrade?: () => number | 'hang';
  } = {},
) {
  const server: FakeServer = fakeServer(answer, options.upgrade);
  carrier = await startCarrier({ clock, bank, network: server.network });
  const account = carrier.addAccount({ authToken: 'secret' });
  carrier.addNumber({
    accountSid: account.accountSid,
    phoneNumber: TO,
    voiceUrl: options.voiceUrl ?? VOICE,
    statusCallback: STATUS,
    ...(options.fallbackUrl === undefined ? {} : { voiceFallbackUrl: options.fallbackUrl }),
  });
  const phone = person();
  const call = carrier.dial({
    from: FROM,
    to: TO,
    caller: phone.caller,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  await clock.advance(0);
  return { server, phone, call };
}

const respond =
  (inside: string) =>
  ({ url }: WebRequest): WebResponse =>
    url.pathname === '/status' ? twimlAnswer('') : twimlAnswer(`<Response>${inside}</Response>`);

const paramsOf = (request: WebRequest | undefined): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(request?.body));
const codes = (): number[] => carrier.warnings.map(({ code }) => code);
const paths = (server: FakeServer): string[] => server.requests.map(({ url }) => url.pathname);

beforeEach(() => {
  clock = virtualClock(1_700_000_000_000);
  bank.said.length = 0;
});
afterEach(async () => {
  await carrier.close();
});

describe('a number that is rung', () => {
  test('asks its voice URL with a signed form, and tells its status callback when it is over', async () => {
    const { server, call, phone } = await ring(
      respond('<Say>Hello</Say><Pause length="1"/><Hangup/>'),
    );
    const [voice] = server.requests;
    expect(voice?.url.href).toBe(VOICE);
    expect(voice?.headers['content-type']).toContain('application/x-www-form-urlencoded');
    const params = paramsOf(voice);
    expect(params).toMatchObject({
      CallSid: call.sid,
      From: FROM,
      To: TO,
      CallStatus: 'ringing',
      Direction: 'inbound',
    });
    expect(
      twilio.validateRequest('secret', voice?.headers['x-twilio-signature'] ?? '', VOICE, params),
    ).toBe(true);
    expect(call.status).toBe('in-progress');

    await clock.advance(4_000);
    await call.done;
    expect(phone.endedBy).toBe('other-side');
    const status = server.requests[1];
    expect(status?.url.href).toBe(STATUS);
    expect(paramsOf(status)).toMatchObject({
      CallSid: call.sid,
      CallStatus: 'completed',
      CallDuration: '3',
    });
    const signature = status?.headers['x-twilio-signature'] ?? '';
    expect(twilio.validateRequest('secret', signature, STATUS, paramsOf(status))).toBe(true);
    expect(codes()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('goes on at a redirect, relative to its document, with the call in progress', async () => {
    const { server, call } = await ring(({ url }) =>
      url.pathname === '/twiml'
        ? twimlAnswer(
            '<Response><Say>One moment</Say><Redirect>next?a=1&amp;b=2</Redirect></Response>',
          )
        : twimlAnswer('<Response><Hangup/></Response>'),
    );
    await clock.advance(2_000);
    await call.done;
    expect(server.requests[1]?.url.href).toBe('https://voice.example.test/next?a=1&b=2');
    expect(paramsOf(server.requests[1])['CallStatus']).toBe('in-progress');
  });

  test('speaks to the caller what Say says, as often as it says', async () => {
    const { call, phone } = await ring(respond('<Say loop="2">Please call again</Say>'));
    await clock.advance(3_000);
    await call.done;
    expect(bank.said).toEqual(['Please call again', 'Please call again']);
    expect(phone.soundMs()).toBe(2_000);
  });

  test('rings on through a pause that comes first, and is silent through a later one', async () => {
    const { call, phone } = await ring(
      respond('<Pause length="5"/><Say>Hi</Say><Pause length="2"/>'),
    );
    await clock.advance(4_999);
    expect(call.status).toBe('ringing');
    await clock.advance(1);
    expect(call.status).toBe('in-progress');
    await clock.advance(2_900);
    expect(call.status).toBe('in-progress');
    await clock.advance(500);
    expect(call.status).toBe('completed');
    expect(phone.soundMs()).toBe(1_000);
  });

  test.each([
    ['<Reject reason="busy"/>', 'busy'],
    ['<Reject/>', 'no-answer'],
  ])('that answers %s is never picked up', async (verb, status) => {
    const { call, phone, server } = await ring(respond(`${verb}<Say>unreachable</Say>`));
    await call.done;
    expect(call.status).toBe(status);
    expect(call.answeredAtMs).toBeUndefined();
    expect(phone.heard).toEqual([]);
    expect(paramsOf(server.requests[1])).toMatchObject({ CallStatus: status, CallDuration: '0' });
  });

  test('without a voice URL fails', async () => {
    const { call } = await ring(respond(''), { voiceUrl: '' });
    await call.done;
    expect(call.status).toBe('failed');
    expect(codes()).toEqual([11_100]);
  });
});

describe('a voice URL that does not answer with TwiML', () => {
  test.each<[string, WebResponse | NetworkFault, number]>([
    ['answers 404', twimlAnswer('', 404), 11_200],
    ['answers 500', twimlAnswer('<Response/>', 500), 11_200],
    ['has no such host', new NetworkFault('bad-host', 'none'), 11_210],
    ['breaks off', new NetworkFault('broken', 'reset'), 11_206],
    ['answers JSON', twimlAnswer('{}', 200, 'application/json'), 12_300],
    ['answers no content type', { status: 200, headers: {}, body: '<Response/>' }, 12_300],
    ['answers no XML', twimlAnswer('hello'), 12_100],
    ['answers nothing', twimlAnswer(''), 12_100],
    ['answers 65 KB', twimlAnswer(`<Response>${' '.repeat(66_000)}</Response>`), 11_750],
  ])('that %s: the caller hears of an error and the call ends', async (_, answer, code) => {
    const { call, phone } = await ring(({ url }) => {
      if (url.pathname === '/status') return twimlAnswer('');
      if (answer instanceof Error) throw answer;
      return answer;
    });
    await clock.advance(1_500);
    await call.done;
    expect(codes()).toEqual([code]);
    expect(bank.said[0]).toContain('application error');
    expect(phone.soundMs()).toBe(1_000);
    expect(phone.endedBy).toBe('other-side');
  });

  test('that hangs is given up after 15 s', async () => {
    const { server } = await ring(({ url }) =>
      url.pathname === '/status' ? twimlAnswer('') : new Promise(() => undefined),
    );
    await clock.advance(14_999);
    expect(codes()).toEqual([]);
    await clock.advance(1);
    expect(codes()).toEqual([11_205]);
    expect(paths(server)).toEqual(['/twiml']);
  });

  test('that takes no connection is tried once more, with the same idempotency token', async () => {
    let tries = 0;
    const { server, call } = await ring(({ url }) => {
      if (url.pathname === '/twiml' && ++tries === 1)
        throw new NetworkFault('no-connection', 'refused');
      return twimlAnswer('<Response/>');
    });
    await call.done;
    expect(codes()).toEqual([]);
    const tokens = server.requests
      .slice(0, 2)
      .map(({ headers }) => headers['i-twilio-idempotency-token']);
    expect(tokens[0]).toBeTruthy();
    expect(tokens[0]).toBe(tokens[1]);
  });

  test('hands over to the fallback URL, which is told why', async () => {
    const { server, call } = await ring(
      ({ url }) =>
        url.pathname === '/twiml'
          ? twimlAnswer('', 503)
          : twimlAnswer('<Response><Say>Back soon</Say></Response>'),
      { fallbackUrl: 'https://backup.example.test/twiml2' },
    );
    await clock.advance(1_500);
    await call.done;
    expect(bank.said).toEqual(['Back soon']);
    expect(paramsOf(server.requests[1])).toMatchObject({ ErrorCode: '11200', ErrorUrl: VOICE });
  });

  test('that redirects by HTTP is followed, and signed anew for the new URL', async () => {
    const { server, call } = await ring(({ url }) =>
      url.pathname === '/twiml'
        ? { status: 307, headers: { location: '/moved' }, body: '' }
        : twimlAnswer('<Response/>'),
    );
    await call.done;
    const moved = server.requests[1];
    expect(moved?.method).toBe('POST');
    const signature = moved?.headers['x-twilio-signature'] ?? '';
    expect(
      twilio.validateRequest(
        'secret',
        signature,
        'https://voice.example.test/moved',
        paramsOf(moved),
      ),
    ).toBe(true);
  });

  test('that redirects in a circle is given up', async () => {
    const { call } = await ring(() => ({ status: 302, headers: { location: '/twiml' }, body: '' }));
    await clock.advance(1_500);
    await call.done;
    expect(codes()[0]).toBe(11_215);
  });
});

describe('a call on a media stream', () => {
  test('opens the signed socket without the query string, with the parameters in start', async () => {
    const { server, call } = await ring(respond(CONNECT));
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
    const { server, phone } = await ring(respond(CONNECT));
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
    const { server, phone, call } = await ring(respond(`${CONNECT}<Say>unreachable</Say>`));
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
    expect(bank.said).toEqual([]);
    expect(paths(server)).toEqual(['/twiml', '/status']);
    expect(clock.pending).toBe(0);
  });

  test('goes on with the next verb when the server closes the socket', async () => {
    const { server, call } = await ring(respond(`${CONNECT}<Say>Goodbye</Say>`));
    await clock.advance(100);
    server.sockets[0]?.close();
    await clock.advance(1_500);
    await call.done;
    expect(bank.said).toEqual(['Goodbye']);
    expect(server.sockets[0]?.received.some(({ event }) => event === 'stop')).toBe(false);
    expect(codes()).toEqual([]);
  });

  test('asks the action of Connect when the stream is over, and does not go on with the document', async () => {
    const { server } = await ring(
      respond(`${CONNECT.replace('<Connect>', '<Connect action="/after">')}<Say>unreachable</Say>`),
    );
    server.sockets[0]?.close();
    await clock.advance(0);
    expect(paths(server).slice(0, 2)).toEqual(['/twiml', '/after']);
    expect(bank.said).toEqual([]);
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
    const { call } = await ring(respond(`${verb}<Say>Sorry</Say>`), upgrade ? { upgrade } : {});
    await clock.advance(17_000);
    await call.done;
    expect(codes()).toEqual([code]);
    expect(bank.said).toEqual(['Sorry']);
  });

  test('a second stream of the same call is another stream, after a redirect', async () => {
    const { server, call } = await ring(respond(`${CONNECT}<Redirect>/twiml</Redirect>`), {
      faults: { socketDiesAtMs: 500 },
    });
    await clock.advance(1_000);
    expect(codes()).toEqual([31_903]);
    expect(paths(server)).toEqual(['/twiml', '/twiml']);
    expect(server.sockets.map(({ open }) => open)).toEqual([false, true]);
    const sids = call.streams.map(({ streamSid }) => streamSid);
    expect(new Set(sids).size).toBe(2);
    await clock.advance(5_000);
    expect(server.sockets[1]?.open).toBe(true);
  });

  test('tells the stream’s status callback of its start and its end', async () => {
    const { server } = await ring(
      respond(CONNECT.replace('?x=1"', '" name="s1" statusCallback="/stream-status"')),
    );
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
    const { server } = await ring(respond(CONNECT), {
      faults: { delayMs: 100, jitterMs: 200, seed: 3 },
    });
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
    const { server, phone } = await ring(respond(CONNECT), { faults: { socketFreezesAtMs: 210 } });
    await clock.advance(1_000);
    const [socket] = server.sockets;
    expect(socket?.open).toBe(true);
    expect(socket?.received.filter(({ event }) => event === 'media')).toHaveLength(10);
    socket?.play(new Uint8Array(1_600).fill(5));
    await clock.advance(500);
    expect(phone.soundMs()).toBe(0);
  });

  test('webhooks arrive twice with one token, and the call takes one way only', async () => {
    const { server, call } = await ring(respond(CONNECT), { faults: { duplicateWebhooks: true } });
    expect(paths(server)).toEqual(['/twiml', '/twiml']);
    const tokens = server.requests.map(({ headers }) => headers['i-twilio-idempotency-token']);
    expect(tokens[0]).toBe(tokens[1]);
    expect(server.sockets).toHaveLength(1);
    call.hangUp();
    await call.done;
    expect(paths(server)).toEqual(['/twiml', '/twiml', '/status', '/status']);
  });

  test('status callbacks are late by as much as was asked', async () => {
    const { server, call } = await ring(respond('<Hangup/>'), { faults: { lateStatusMs: 5_000 } });
    await clock.advance(4_999);
    expect(paths(server)).toEqual(['/twiml']);
    await clock.advance(1);
    await call.done;
    expect(paths(server)).toEqual(['/twiml', '/status']);
  });
});
