import { describe, expect, test } from 'vitest';
import { compileSchema } from './json-schema.ts';

async function problem(schema: Record<string, unknown>, value: unknown): Promise<string> {
  const compiled = await compileSchema(schema);
  if (!compiled.ok) throw new Error(compiled.message);
  return compiled.check(value);
}

describe('a JSON Schema', () => {
  const schema = {
    type: 'object',
    properties: { day: { enum: ['mon', 'tue'] }, guest: { $ref: '#/$defs/guest' } },
    required: ['day'],
    additionalProperties: false,
    $defs: { guest: { type: 'object', properties: { age: { type: 'number' } } } },
  };

  test.each([
    [{ day: 'mon' }, ''],
    [{ day: 'mon', guest: { age: 7 } }, ''],
    [{}, "the arguments must have required property 'day'"],
    [{ day: 'sun' }, 'day must be equal to one of the allowed values: ["mon","tue"]'],
    [{ day: 'mon', guest: { age: '7' } }, 'guest.age must be number'],
    [{ day: 'mon', x: 1 }, 'the arguments must NOT have additional properties (x)'],
  ])('judges %j', async (value, said) => {
    expect(await problem(schema, value)).toBe(said);
  });

  test('of any draft that tools are described in is understood', async () => {
    for (const $schema of [
      'https://json-schema.org/draft/2020-12/schema',
      'http://json-schema.org/draft-07/schema#',
    ])
      expect(await problem({ $schema, type: 'object', required: ['a'] }, {})).toContain("'a'");
  });

  test('with words that nobody knows is taken without them', async () => {
    expect(await problem({ type: 'object', colour: 'blue', format: 'x-car' }, {})).toBe('');
  });

  test.each([
    { type: 'nothing' },
    { type: 'object', properties: 7 },
    { $ref: 'https://elsewhere.example.com/schema' },
    { $ref: '#/$defs/missing' },
    { type: 'object', $defs: { a: { $id: 'https://example.com/a' } } },
  ])('that is none is refused: %j', async (schema) => {
    expect(await compileSchema(schema)).toMatchObject({ ok: false });
  });

  // Checked for real these take longer than the test, and anybody, has time.
  test('cannot hold the process up with a pattern', async () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string', pattern: '^(a+)+$' } },
      patternProperties: { '^(b+)+$': { type: 'string' } },
    };
    expect(await problem(schema, { a: `${'a'.repeat(60)}!`, [`${'b'.repeat(60)}!`]: 'x' })).toBe(
      '',
    );
  });

  test('may call itself what another one does', async () => {
    const $id = 'https://example.com/same';
    expect(await problem({ $id, type: 'object', required: ['a'] }, {})).toContain("'a'");
    expect(await problem({ $id, type: 'object', required: ['b'] }, {})).toContain("'b'");
  });
});
