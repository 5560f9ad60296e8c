import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { readRtviFrame, writeAudioFrame, writeMessageFrame } from './rtvi-frames.ts';

const schema = `syntax = "proto3"; package pipecat;
message TextFrame { uint64 id = 1; string name = 2; string text = 3; }
message AudioRawFrame { uint64 id = 1; string name = 2; bytes audio = 3; uint32 sample_rate = 4; uint32 num_channels = 5; optional uint64 pts = 6; }
message MessageFrame { string data = 1; }
message InterruptionFrame { uint64 id = 1; string name = 2; }
message Frame { oneof frame { TextFrame text = 1; AudioRawFrame audio = 2; MessageFrame message = 4; InterruptionFrame interruption = 5; } }`;
const Frame = protobuf.parse(schema).root.lookupType('pipecat.Frame');
const encode = (frame: object): Uint8Array =>
  Uint8Array.from(Frame.encode(Frame.fromObject(frame)).finish());
const decode = (bytes: Uint8Array): unknown =>
  Frame.toObject(Frame.decode(bytes), { longs: Number, bytes: Array });

describe('a frame of the binary form', () => {
  test('is read as protobuf has it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3_000 }),
        fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        fc.integer({ min: 1, max: 8 }),
        fc.option(fc.nat()),
        (audio, sampleRate, numChannels, pts) => {
          const given = { id: 7, name: 'audio', audio, sampleRate, numChannels };
          const bytes = encode({ audio: { ...given, ...(pts !== null && { pts }) } });
          expect(readRtviFrame(bytes)).toEqual({
            kind: 'audio',
            audio,
            sampleRateHz: sampleRate,
            channels: numChannels,
          });
        },
      ),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (data) => {
        expect(readRtviFrame(encode({ message: { data } }))).toEqual({
          kind: 'message',
          json: data,
        });
      }),
    );
  });

  test('is written as protobuf reads it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), fc.nat(192_000), (audio, sampleRate) => {
        expect(decode(writeAudioFrame(audio, sampleRate))).toEqual({
          audio: { name: 'audio', audio: [...audio], sampleRate, numChannels: 1 },
        });
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (data) => {
        expect(decode(writeMessageFrame(data))).toEqual({ message: { data } });
      }),
    );
  });

  test('that says nothing of its sound has 16 kHz and one channel', () => {
    expect(readRtviFrame(encode({ audio: { audio: [1, 2] } }))).toEqual({
      kind: 'audio',
      audio: Uint8Array.of(1, 2),
      sampleRateHz: 16_000,
      channels: 1,
    });
  });

  test('of a kind that we do not use is known as such', () => {
    expect(readRtviFrame(encode({ text: { text: 'hello' } }))).toEqual({ kind: 'other' });
    expect(readRtviFrame(encode({ interruption: {} }))).toEqual({ kind: 'other' });
  });

  test.each([
    ['nothing at all', []],
    ['half a length', [0x12, 0x80]],
    ['less than it says', [0x12, 5, 0x1a]],
    ['a length beyond all bounds', [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    ['a number without end', Array.from({ length: 20 }, () => 0xff)],
    ['field 0', [0x02, 0]],
    ['a group, which proto3 has none of', [0x13, 0x14]],
    ['text that is no UTF-8', [0x22, 4, 0x0a, 2, 0xc3, 0x28]],
  ])('that is %s is none', (_what, bytes) => {
    expect(readRtviFrame(Uint8Array.from(bytes))).toBeUndefined();
  });

  test('is never more than protobuf finds in it, and never makes the reader throw', () => {
    const start = fc.constantFrom([0x12], [0x22], [0x22, 5, 0x0a, 3], [0x12, 8, 0x1a], []);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), (head, rest) => {
        const bytes = Uint8Array.from([...head, ...rest]);
        const read = readRtviFrame(bytes);
        if (read?.kind === 'audio') expect(read.audio.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 10_000 },
    );
  });
});
