import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newKey, seal, unseal, unsealText } from './crypto.ts';

const CONTEXT = ['channel secret', 'tenant', 'instance', 'api_key'];

describe('a sealed value', () => {
  test('opens under its key and context, whatever it holds', () => {
    const key = newKey();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.string()), (plain, context) => {
        expect(Buffer.from(unseal(key, seal(key, plain, context), context))).toEqual(
          Buffer.from(plain),
        );
      }),
    );
    expect(unsealText(key, seal(key, 'Grüezi 🙂', CONTEXT), CONTEXT)).toBe('Grüezi 🙂');
  });

  test('does not open when a single bit has changed', () => {
    const key = newKey();
    const sealed = seal(key, 'a secret', CONTEXT);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => unseal(key, changed, CONTEXT)).toThrow('a sealed value');
    }
    for (const length of [0, 1, 28, sealed.length - 1])
      expect(() => unseal(key, sealed.subarray(0, length), CONTEXT)).toThrow('a sealed value');
  });

  test('does not open under another key or for another place', () => {
    const key = newKey();
    const sealed = seal(key, 'a secret', CONTEXT);
    expect(() => unseal(newKey(), sealed, CONTEXT)).toThrow('does not open');
    for (const [index] of CONTEXT.entries())
      expect(() => unseal(key, sealed, CONTEXT.with(index, 'other'))).toThrow('does not open');
    expect(() => unseal(key, sealed, ['channel secret', 'tenantinstance', '', 'api_key'])).toThrow(
      'does not open',
    );
  });

  test('is never the same twice and says nothing of its content in an error', () => {
    const key = newKey();
    const sealed = Array.from({ length: 200 }, () => seal(key, 'canary', CONTEXT));
    expect(new Set(sealed.map((one) => Buffer.from(one).toString('hex'))).size).toBe(200);
    expect(() => unseal(newKey(), sealed[0] ?? newKey(), CONTEXT)).toThrow(/^((?!canary).)*$/s);
  });
});
