import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutMediaPayload, readTwilioMessage, writeMedia } from './media-streams.ts';

const frame = (mulaw: Uint8Array): Buffer =>
  Buffer.from(
    JSON.stringify({
      event: 'media',
      sequenceNumber: '3',
      streamSid: 'MZ1',
      media: {
        track: 'inbound',
        chunk: '1',
        timestamp: '5',
        payload: Buffer.from(mulaw).toString('base64'),
      },
    }),
  );

describe('cutting the sound out of a media frame', () => {
  const target = Buffer.alloc(65_536);

  test('gives what parsing gives, for sound of any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (mulaw) => {
        const bytes = cutMediaPayload(frame(mulaw), target);
        expect(bytes).toBe(mulaw.length);
        expect([...target.subarray(0, bytes)]).toEqual([...mulaw]);
      }),
    );
  });

  test('never says anything else than parsing, whatever comes', () => {
    const piece = fc.constantFrom(
      '{"event":"media"',
      '"track":"inbound"',
      '"payload":"',
      'AAAA',
      '/w==',
      '=',
      '"',
      '}',
      ',',
      String.raw`\/`,
      '"media":{',
      '{',
      ':',
      '"event":"stop"',
      ' ',
      'é',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const bytes = cutMediaPayload(Buffer.from(text), target);
        const message = readTwilioMessage(text);
        if (bytes >= 0 && message?.event === 'media')
          expect([...target.subarray(0, bytes)]).toEqual([...message.mulaw]);
      }),
    );
  });

  test('leaves what does not fit to the parser', () => {
    expect(cutMediaPayload(frame(new Uint8Array(160)), Buffer.alloc(100))).toBe(-1);
  });

  test('never throws on anything a socket can bring', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        cutMediaPayload(Buffer.from(bytes), target);
        readTwilioMessage(Buffer.from(bytes).toString('utf8'));
      }),
    );
    fc.assert(fc.property(fc.json(), (text) => void readTwilioMessage(text)));
  });
});

test('a media message is JSON and its sound survives', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 500 }),
      fc.string(),
      (mulaw, streamSid) => {
        const message: {
          streamSid: string;
          media: { payload: string };
        } = JSON.parse(writeMedia(streamSid, mulaw));
        expect(message.streamSid).toBe(streamSid);
        expect([...Buffer.from(message.media.payload, 'base64')]).toEqual([...mulaw]);
      },
    ),
  );
});
