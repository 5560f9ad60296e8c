import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { FROM, paramsOf, respond, ring, STATUS, TO, VOICE } from './call-rig.ts';
import { twimlAnswer } from './fake-server.ts';
import { NetworkFault } from './network.ts';
import type { WebResponse } from './network.ts';

describe('a number that is rung', () => {
  test('asks its voice URL with a signed form, and tells its status callback when it is over', async () => {
    await using rig = await ring(respond('<Say>Hello</Say><Pause length="1"/><Hangup/>'));
    const { clock, server, phone, call, codes } = rig;
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
    await using rig = await ring(({ url }) =>
      url.pathname === '/twiml'
        ? twimlAnswer(
            '<Response><Say>One moment</Say><Redirect>next?a=1&amp;b=2</Redirect></Response>',
          )
        : twimlAnswer('<Response><Hangup/></Response>'),
    );
    const { clock, server, call } = rig;
    await clock.advance(2_000);
    await call.done;
    expect(server.requests[1]?.url.href).toBe('https://voice.example.test/next?a=1&b=2');
    expect(paramsOf(server.requests[1])['CallStatus']).toBe('in-progress');
  });

  test('speaks to the caller what Say says, as often as it says', async () => {
    await using rig = await ring(respond('<Say loop="2">Please call again</Say>'));
    const { clock, phone, call, said } = rig;
    await clock.advance(3_000);
    await call.done;
    expect(said).toEqual(['Please call again', 'Please call again']);
    expect(phone.soundMs()).toBe(2_000);
  });

  test('rings on through a pause that comes first, and is silent through a later one', async () => {
    await using rig = await ring(respond('<Pause length="5"/><Say>Hi</Say><Pause length="2"/>'));
    const { clock, phone, call } = rig;
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
    await using rig = await ring(respond(`${verb}<Say>unreachable</Say>`));
    const { server, phone, call } = rig;
    await call.done;
    expect(call.status).toBe(status);
    expect(call.answeredAtMs).toBeUndefined();
    expect(phone.heard).toEqual([]);
    expect(paramsOf(server.requests[1])).toMatchObject({ CallStatus: status, CallDuration: '0' });
  });

  test('without a voice URL fails', async () => {
    await using rig = await ring(respond(''), { voiceUrl: '' });
    const { call, codes } = rig;
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
    await using rig = await ring(({ url }) => {
      if (url.pathname === '/status') return twimlAnswer('');
      if (answer instanceof Error) throw answer;
      return answer;
    });
    const { clock, phone, call, said, codes } = rig;
    await clock.advance(1_500);
    await call.done;
    expect(codes()).toEqual([code]);
    expect(said[0]).toContain('application error');
    expect(phone.soundMs()).toBe(1_000);
    expect(phone.endedBy).toBe('other-side');
  });

  test('that hangs is given up after 15 s', async () => {
    await using rig = await ring(({ url }) =>
      url.pathname === '/status' ? twimlAnswer('') : new Promise(() => undefined),
    );
    const { clock, codes, paths } = rig;
    await clock.advance(14_999);
    expect(codes()).toEqual([]);
    await clock.advance(1);
    expect(codes()).toEqual([11_205]);
    expect(paths()).toEqual(['/twiml']);
  });

  test('that takes no connection is tried once more, with the same idempotency token', async () => {
    let tries = 0;
    await using rig = await ring(({ url }) => {
      if (url.pathname === '/twiml' && ++tries === 1)
        throw new NetworkFault('no-connection', 'refused');
      return twimlAnswer('<Response/>');
    });
    const { server, call, codes } = rig;
    await call.done;
    expect(codes()).toEqual([]);
    const tokens = server.requests
      .slice(0, 2)
      .map(({ headers }) => headers['i-twilio-idempotency-token']);
    expect(tokens[0]).toBeTruthy();
    expect(tokens[0]).toBe(tokens[1]);
  });

  test('hands over to the fallback URL, which is told why', async () => {
    await using rig = await ring(
      ({ url }) =>
        url.pathname === '/twiml'
          ? twimlAnswer('', 503)
          : twimlAnswer('<Response><Say>Back soon</Say></Response>'),
      { fallbackUrl: 'https://backup.example.test/twiml2' },
    );
    const { clock, server, call, said } = rig;
    await clock.advance(1_500);
    await call.done;
    expect(said).toEqual(['Back soon']);
    expect(paramsOf(server.requests[1])).toMatchObject({ ErrorCode: '11200', ErrorUrl: VOICE });
  });

  test('that redirects by HTTP is followed, and signed anew for the new URL', async () => {
    await using rig = await ring(({ url }) =>
      url.pathname === '/twiml'
        ? { status: 307, headers: { location: '/moved' }, body: '' }
        : twimlAnswer('<Response/>'),
    );
    const { server, call } = rig;
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
    await using rig = await ring(() => ({
      status: 302,
      headers: { location: '/twiml' },
      body: '',
    }));
    const { clock, call, codes } = rig;
    await clock.advance(1_500);
    await call.done;
    expect(codes()[0]).toBe(11_215);
  });
});
