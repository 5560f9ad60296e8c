import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeAudioFrame, writeMessageFrame } from '#protocol/rtvi-frames.ts';
import { openRtviLine } from './support/rtvi-line.ts';

const TYPES = [
  'client-ready',
  'send-text',
  'append-to-context',
  'dtmf',
  'client-message',
  'llm-function-call-result',
  'raw-audio',
  'raw-audio-batch',
  'ui-event',
  '__proto__',
  'constructor',
  '',
];

const message = fc
  .record(
    {
      label: fc.constantFrom('rtvi-ai', 'rtvi-ai', 'rtvi-ai', 'other', 7),
      type: fc.constantFrom(...TYPES),
      id: fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.constant(null)),
      data: fc.oneof(
        fc.jsonValue({ maxDepth: 3 }),
        fc.record(
          {
            content: fc.oneof(fc.string(), fc.integer(), fc.constant({})),
            version: fc.oneof(fc.string(), fc.constantFrom('2.1.0', '1.0.0', '99.0.0')),
            buttons: fc.oneof(fc.array(fc.constantFrom('1', 'X', 9)), fc.string()),
            role: fc.constantFrom('user', 'assistant', 'system'),
            base64Audio: fc.base64String({ maxLength: 64 }),
            sampleRate: fc.oneof(fc.integer(), fc.double()),
            numChannels: fc.integer(),
            options: fc.jsonValue({ maxDepth: 1 }),
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

const anything: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  message,
  message.map(writeMessageFrame),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.json(),
  fc.uint8Array({ maxLength: 80 }),
  fc.string().map(writeMessageFrame),
  fc
    .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(200_000))
    .map(([pcm, rateHz]) => writeAudioFrame(pcm, rateHz)),
  // A frame that breaks off.
  fc
    .tuple(message.map(writeMessageFrame), fc.nat(30))
    .map(([frame, cut]) => frame.subarray(0, cut)),
);

const LINES = 100;
const PER_LINE = 100;

describe('10,000 malformed frames and messages', () => {
  test('are answered or end the connection, and leave neither a timer nor a fault behind', async () => {
    const faults: unknown[] = [];
    const onFault = (fault: unknown): void => void faults.push(fault);
    process.on('uncaughtException', onFault);
    process.on('unhandledRejection', onFault);
    let answers = 0;
    let ends = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('binary', 'plain'),
          fc.boolean(),
          fc.array(anything, { minLength: PER_LINE, maxLength: PER_LINE }),
          async (form, isReady, pieces) => {
            const line = await openRtviLine(form);
            if (isReady) await line.ready();
            for (const piece of pieces) line.sendRaw(piece);
            await line.settled();
            await line.clock.advance(200);
            answers += line.received.length;
            const isOver = line.told.some(({ type }) => type === 'closed');
            if (line.closedWith !== undefined) ends += 1;
            // One that is still there is still served.
            if (!isOver && line.closedWith === undefined && isReady) {
              await line.clock.advance(20_000);
              const before = line.received.length;
              line.say('client-message', { t: 'call' }, 'alive');
              await line.settled();
              expect(line.received.slice(before)).toMatchObject([{ id: 'alive' }]);
            }
            await line.close();
            await line.clock.advance(60_000);
            expect(line.clock.pending).toBe(0);
          },
        ),
        { numRuns: LINES, endOnFailure: true },
      );
    } finally {
      process.off('uncaughtException', onFault);
      process.off('unhandledRejection', onFault);
    }
    expect(faults).toEqual([]);
    expect(answers).toBeGreaterThan(LINES);
    expect(ends).toBeLessThan(LINES);
  }, 120_000);

  test('and nothing else end the connection after a hundred', async () => {
    const line = await openRtviLine('plain');
    await line.ready();
    for (let count = 0; count < 120; count += 1) line.sendRaw('{');
    await line.settled();
    expect(line.told.at(-1)).toEqual({ type: 'closed', reason: 'broken' });
    await line.close();
  });
});
