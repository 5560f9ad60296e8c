import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventStreamParser } from './server-sent-events.ts';
import type { ServerSentEvent } from './server-sent-events.ts';

const parse = (text: string): readonly ServerSentEvent[] =>
  eventStreamParser()(Buffer.from(text, 'utf8'));

test('an event has a name and data; without a name it is a message', () => {
  expect(parse('event: delta\ndata: {"a":1}\n\ndata: x\n\n')).toEqual([
    { event: 'delta', data: '{"a":1}' },
    { event: 'message', data: 'x' },
  ]);
});

test('lines of data are joined, one space after the colon is no data', () => {
  expect(parse('data: a\ndata:b\ndata:  c\n\n')).toEqual([{ event: 'message', data: 'a\nb\n c' }]);
});

test('comments, ids and events without data say nothing', () => {
  expect(parse(': ping\n\nid: 7\n\nevent: empty\n\nretry: 10\n\n')).toEqual([]);
});

test('an event that has not ended is not said', () => {
  expect(parse('data: half\n')).toEqual([]);
});

test('a stream without line ends is refused before it fills the memory', () => {
  const read = eventStreamParser();
  expect(() => {
    for (let i = 0; i < 5; i++) read(Buffer.alloc(1_000_000, 'x'));
  }).toThrow(RangeError);
});

test('the same events come however the bytes are cut, and whatever ends the lines', () => {
  const events = fc.array(
    fc.record({
      event: fc.constantFrom('message', 'response.output_text.delta'),
      data: fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\r\n]/.test(text)),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      events,
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.array(fc.nat(40), { minLength: 1 }),
      (expected, end, cuts) => {
        const stream = expected
          .map(({ event, data }) => `event: ${event}${end}data: ${data}${end}${end}`)
          .join('');
        // A final CR could be half of a CRLF; what follows it decides.
        const bytes = Buffer.from(`${stream}:${end}`, 'utf8');
        const read = eventStreamParser();
        const got: ServerSentEvent[] = [];
        for (let from = 0, i = 0; from < bytes.length; i++) {
          const size = 1 + (cuts[i % cuts.length] ?? 0);
          got.push(...read(bytes.subarray(from, from + size)));
          from += size;
        }
        expect(got).toEqual(expected);
      },
    ),
  );
});
