import twilio from 'twilio';
import { describe, expect, test } from 'vitest';
import { parseTwiml } from './twiml.ts';

const verbsOf = (document: string) => {
  const twiml = parseTwiml(document);
  if (!twiml.ok) throw new Error(twiml.message);
  return twiml;
};

describe('TwiML', () => {
  test('that the official builder makes is carried out without a warning', () => {
    const response = new twilio.twiml.VoiceResponse();
    response.say({ voice: 'Polly.Joanna' }, 'Hello & welcome');
    response.pause({ length: 2 });
    const stream = response.connect({ action: '/after' }).stream({
      url: 'wss://voice.example.test/stream',
      name: 's1',
      statusCallback: 'https://voice.example.test/status',
    });
    stream.parameter({ name: 'token', value: 'a"<b' });
    response.redirect({ method: 'GET' }, '/next?a=1&b=2');
    response.hangup();
    const { verbs, warnings } = verbsOf(response.toString());
    expect(warnings).toEqual([]);
    expect(verbs).toEqual([
      { verb: 'Say', text: 'Hello & welcome', loop: 1 },
      { verb: 'Pause', lengthMs: 2_000 },
      {
        verb: 'Connect',
        action: '/after',
        method: 'POST',
        stream: {
          url: 'wss://voice.example.test/stream',
          name: 's1',
          track: 'inbound_track',
          statusCallback: 'https://voice.example.test/status',
          statusCallbackMethod: 'POST',
          parameters: { token: 'a"<b' },
        },
      },
      { verb: 'Redirect', url: '/next?a=1&b=2', method: 'GET' },
      { verb: 'Hangup' },
    ]);
  });

  test.each([
    ['no XML', 'hello'],
    ['nothing', ''],
    ['an element that is not closed', '<Response><Say>hi</Response>'],
    ['an attribute without quotes', '<Response><Pause length=1/></Response>'],
    ['another root', '<Answer><Hangup/></Answer>'],
    ['a root in lower case', '<response><Hangup/></response>'],
    ['two roots', '<Response/><Response/>'],
    ['text before the XML declaration', ' x<?xml version="1.0"?><Response/>'],
  ])('that is %s is refused', (_, document) => {
    expect(parseTwiml(document).ok).toBe(false);
  });

  test.each([
    ['an unknown verb', '<Sya>hi</Sya>', 'Sya'],
    ['an unknown attribute', '<Hangup now="yes"/>', 'now'],
    ['a verb inside a verb', '<Say>hi<Hangup/></Say>', 'Hangup'],
    ['text between verbs', 'hi', 'text'],
    ['a noun without its verb', '<Stream url="wss://x.test/"/>', 'Stream'],
    ['Connect without a noun', '<Connect/>', 'noun'],
    ['a Parameter without a value', stream('<Parameter name="a"/>'), 'value'],
    [
      'a Parameter that is too long',
      stream(`<Parameter name="a" value="${'b'.repeat(500)}"/>`),
      '500',
    ],
    ['a length that is no number', '<Pause length="soon"/>', 'soon'],
    ['a method that is none', '<Redirect method="PUT">/x</Redirect>', 'PUT'],
  ])('with %s is warned of, and the rest is carried out', (_, inside, word) => {
    const { verbs, warnings } = verbsOf(`<Response>${inside}<Hangup/></Response>`);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(word);
    expect(verbs.at(-1)).toEqual({ verb: 'Hangup' });
  });

  test('a Parameter that is too long does not reach the stream, one of 500 characters does', () => {
    const longest = 'b'.repeat(499);
    const { verbs } = verbsOf(
      `<Response>${stream(`<Parameter name="a" value="${longest}"/><Parameter name="c" value="${longest}d"/>`)}</Response>`,
    );
    expect(verbs[0]).toMatchObject({ stream: { parameters: { a: longest } } });
    expect(verbs[0]).not.toHaveProperty('stream.parameters.c');
  });

  test('a Dial of one number is understood, bare or as a noun', () => {
    for (const inside of ['+15550100', '<Number>+15550100</Number>'])
      expect(verbsOf(`<Response><Dial timeout="20">${inside}</Dial></Response>`)).toMatchObject({
        verbs: [{ verb: 'Dial', number: '+15550100', ringsMs: 20_000 }],
        warnings: [],
      });
  });

  test('a verb that this carrier does not know how to carry out is named, not passed over', () => {
    expect(verbsOf('<Response><Dial><Sip>sip:x@y</Sip></Dial></Response>').verbs).toEqual([
      { verb: 'NotCarried', name: 'Dial><Sip' },
    ]);
  });
});

function stream(inside: string): string {
  return `<Connect><Stream url="wss://x.test/s">${inside}</Stream></Connect>`;
}
