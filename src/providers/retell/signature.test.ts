import { Retell } from 'retell-sdk';
import { describe, expect, test } from 'vitest';
import { isSignedByRetell, mayBeSignedByRetell } from './signature.ts';

const KEY = 'key_0123456789abcdef';
const BODY = '{"event":"call_started","call":{"call_id":"call_1","x":"é 🙂"}}';

const signed = await Retell.sign(BODY, KEY);
const signedAtMs = Number(/^v=(\d+)/.exec(signed)?.[1]);

describe('the signature of Retell', () => {
  test('as the SDK makes it is taken, of text and of bytes', () => {
    expect(isSignedByRetell(BODY, signed, [KEY], signedAtMs)).toBe(true);
    expect(isSignedByRetell(Buffer.from(BODY), signed, [KEY], signedAtMs)).toBe(true);
  });

  test('by any of the keys is taken', () => {
    expect(isSignedByRetell(BODY, signed, ['another', KEY], signedAtMs)).toBe(true);
    expect(isSignedByRetell(BODY, signed, [KEY, 'another'], signedAtMs)).toBe(true);
  });

  test('is good for five minutes, either way', () => {
    for (const offMs of [-300_000, 300_000])
      expect(isSignedByRetell(BODY, signed, [KEY], signedAtMs + offMs)).toBe(true);
    for (const offMs of [-300_001, 300_001])
      expect(isSignedByRetell(BODY, signed, [KEY], signedAtMs + offMs)).toBe(false);
  });

  test('of another key, an empty one, or none at all is refused', async () => {
    const byNobody = signed.replace(/d=.*/, `d=${'0'.repeat(64)}`);
    expect(isSignedByRetell(BODY, signed, ['another'], signedAtMs)).toBe(false);
    expect(isSignedByRetell(BODY, signed, [], signedAtMs)).toBe(false);
    expect(isSignedByRetell(BODY, byNobody, [KEY, ''], signedAtMs)).toBe(false);
  });

  test('of another body, or the same JSON written otherwise, is refused', () => {
    expect(isSignedByRetell(`${BODY} `, signed, [KEY], signedAtMs)).toBe(false);
    const rewritten = JSON.stringify(JSON.parse(BODY), null, 1);
    expect(isSignedByRetell(rewritten, signed, [KEY], signedAtMs)).toBe(false);
  });

  test('with its time moved is refused', () => {
    const moved = signed.replace(/v=\d+/, `v=${signedAtMs + 1}`);
    expect(isSignedByRetell(BODY, moved, [KEY], signedAtMs)).toBe(false);
  });

  test.each([
    undefined,
    '',
    'v=1',
    signed.slice(0, -2),
    `${signed}00`,
    ` ${signed}`,
    signed.replace(',', ', '),
    signed.replace(/v=\d+/, 'v=1e9'),
    signed.replace(/d=../, 'd=zz'),
  ])('that reads %j is refused, and known to be wrong before the body', (header) => {
    expect(isSignedByRetell(BODY, header, [KEY], signedAtMs)).toBe(false);
    expect(mayBeSignedByRetell(header, signedAtMs)).toBe(false);
  });

  test('that is too old is known to be wrong before the body', () => {
    expect(mayBeSignedByRetell(signed, signedAtMs)).toBe(true);
    expect(mayBeSignedByRetell(signed, signedAtMs + 300_001)).toBe(false);
  });
});
