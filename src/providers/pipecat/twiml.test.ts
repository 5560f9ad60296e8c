import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import VoiceResponse from 'twilio/lib/twiml/VoiceResponse.js';
import { parseTwiml } from '#sandbox/carrier/twiml.ts';
import { connectToStream, hangUpTwiml, rejectTwiml, sayAndHangUp } from './twiml.ts';

const options = {
  streamUrl: 'wss://voice.example.test/hooks/voice/1/stream',
  parameters: { token: 'abc', caller: '+15550001' },
  afterwardsUrl: 'https://voice.example.test/hooks/voice/1/twiml?resume=2',
};

describe('TwiML', () => {
  test('to connect a call is what Twilio’s own builder writes', () => {
    const response = new VoiceResponse();
    const stream = response.connect().stream({ url: options.streamUrl });
    for (const [name, value] of Object.entries(options.parameters))
      stream.parameter({ name, value });
    response.redirect({ method: 'POST' }, options.afterwardsUrl);
    expect(connectToStream(options)).toBe(response.toString());
  });

  test('to speak and hang up is what Twilio’s own builder writes', () => {
    const response = new VoiceResponse();
    response.say('Please <call> again & again');
    response.hangup();
    expect(sayAndHangUp('Please <call> again & again')).toBe(response.toString());
  });

  test('always comes back to us after the stream', () => {
    const read = parseTwiml(connectToStream(options));
    expect(read).toMatchObject({ ok: true, warnings: [] });
    expect(read.ok && read.verbs.map(({ verb }) => verb)).toEqual(['Connect', 'Redirect']);
  });

  test('of every kind passes the carrier’s schema', () => {
    for (const twiml of [
      connectToStream(options),
      sayAndHangUp('Hi'),
      hangUpTwiml(),
      rejectTwiml(),
    ])
      expect(parseTwiml(twiml)).toMatchObject({ ok: true, warnings: [] });
  });

  test('stays well-formed whatever a caller is called, and keeps what XML can keep', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (caller) => {
        const read = parseTwiml(connectToStream({ ...options, parameters: { caller } }));
        expect(read).toMatchObject({ ok: true, warnings: [] });
      }),
    );
    const read = parseTwiml(
      connectToStream({ ...options, parameters: { caller: `"><Dial>&'\u0000\u001F` } }),
    );
    expect(read.ok && read.verbs[0]).toMatchObject({
      stream: { parameters: { caller: `"><Dial>&'` } },
    });
  });
});
