import { describe, expect, test } from 'vitest';
import type { CarrierMessage } from './fake-server.ts';
import { mediaStream } from './media-stream.ts';

function openStream() {
  const sent: CarrierMessage[] = [];
  const warnings: number[] = [];
  const stream = mediaStream(
    { accountSid: 'AC1', callSid: 'CA1', streamSid: 'MZ1', customParameters: { token: 't' } },
    (text) => void sent.push(JSON.parse(text)),
    (code) => void warnings.push(code),
  );
  stream.start();
  const say = (message: unknown): void =>
    stream.receive(Buffer.from(JSON.stringify(message)), false);
  return {
    stream,
    sent,
    warnings,
    say,
    audio: (bytes: number, value = 1) =>
      say({
        event: 'media',
        streamSid: 'MZ1',
        media: { payload: Buffer.alloc(bytes, value).toString('base64') },
      }),
    mark: (name: string) => say({ event: 'mark', streamSid: 'MZ1', mark: { name } }),
    clear: () => say({ event: 'clear', streamSid: 'MZ1' }),
    marks: () => sent.filter(({ event }) => event === 'mark').map(({ mark }) => mark?.name),
    play: (frames: number) => Array.from({ length: frames }, () => stream.play()),
  };
}

describe('a media stream', () => {
  test('opens with connected and start, every field as documented', () => {
    expect(openStream().sent).toEqual([
      { event: 'connected', protocol: 'Call', version: '1.0.0' },
      {
        event: 'start',
        sequenceNumber: '1',
        streamSid: 'MZ1',
        start: {
          accountSid: 'AC1',
          streamSid: 'MZ1',
          callSid: 'CA1',
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
          customParameters: { token: 't' },
        },
      },
    ]);
  });

  test('numbers what the caller says, all numbers being strings; lost frames leave a hole in time only', () => {
    const { stream, sent } = openStream();
    const frame = new Uint8Array(160).fill(7);
    stream.hear(frame);
    stream.hear(undefined);
    stream.press('5');
    stream.hear(frame);
    stream.stop();
    const payload = Buffer.from(frame).toString('base64');
    expect(sent.slice(2)).toEqual([
      {
        event: 'media',
        sequenceNumber: '2',
        streamSid: 'MZ1',
        media: { track: 'inbound', chunk: '1', timestamp: '0', payload },
      },
      {
        event: 'dtmf',
        sequenceNumber: '3',
        streamSid: 'MZ1',
        dtmf: { track: 'inbound_track', digit: '5' },
      },
      {
        event: 'media',
        sequenceNumber: '4',
        streamSid: 'MZ1',
        media: { track: 'inbound', chunk: '2', timestamp: '40', payload },
      },
      {
        event: 'stop',
        sequenceNumber: '5',
        streamSid: 'MZ1',
        stop: { accountSid: 'AC1', callSid: 'CA1' },
      },
    ]);
  });

  test('says nothing after stop', () => {
    const { stream, sent, mark } = openStream();
    stream.stop();
    stream.hear(new Uint8Array(160));
    mark('late');
    expect(sent.at(-1)?.event).toBe('stop');
  });

  test('plays what it was given in pieces of 160 bytes, whatever pieces it came in', () => {
    const { audio, play } = openStream();
    audio(100, 1);
    audio(300, 2);
    const frames = play(4);
    expect(frames.map((frame) => frame?.[0])).toEqual([1, 2, 2, undefined]);
    expect(frames[0]?.[99]).toBe(1);
    expect(frames[0]?.[100]).toBe(2);
    // 80 bytes are left for the third frame; silence follows them.
    expect(frames[2]?.[79]).toBe(2);
    expect(frames[2]?.[80]).toBe(0xff);
  });

  test('echoes a mark when the audio before it has been played, and not before', () => {
    const { audio, mark, marks, play } = openStream();
    audio(320);
    mark('a');
    audio(160);
    mark('b');
    play(2);
    expect(marks()).toEqual([]);
    play(1);
    expect(marks()).toEqual(['a']);
    play(1);
    expect(marks()).toEqual(['a', 'b']);
  });

  test('echoes a mark at once when nothing is left to play before it', () => {
    const { audio, mark, marks, play } = openStream();
    mark('first');
    expect(marks()).toEqual(['first']);
    audio(160);
    play(2);
    mark('second');
    expect(marks()).toEqual(['first', 'second']);
  });

  test('clear throws the buffer away, echoes its marks in order and counts what was lost', () => {
    const { audio, mark, marks, clear, play, stream } = openStream();
    audio(800);
    mark('a');
    audio(160);
    mark('b');
    play(2);
    clear();
    expect(marks()).toEqual(['a', 'b']);
    expect(play(1)).toEqual([undefined]);
    expect(stream.clearedMs).toBe(80);
    expect(stream.playedMs).toBe(40);
    audio(160, 9);
    mark('c');
    expect(play(1)[0]?.[0]).toBe(9);
    expect(marks()).toEqual(['a', 'b']);
    play(1);
    expect(marks()).toEqual(['a', 'b', 'c']);
  });

  test('counts a gap inside an utterance, with its place and length', () => {
    const { audio, play, stream } = openStream();
    audio(320);
    play(5);
    audio(160);
    play(1);
    expect(stream.underruns).toEqual([{ atMs: 40, gapMs: 60 }]);
  });

  test('counts the rest of a frame that was only half filled when more follows', () => {
    const { audio, play, stream } = openStream();
    audio(80);
    play(1);
    audio(160);
    play(1);
    expect(stream.underruns).toEqual([{ atMs: 10, gapMs: 10 }]);
  });

  test('a new utterance after a pause, or after clear, is no gap', () => {
    const { audio, clear, play, stream } = openStream();
    audio(160);
    play(40);
    audio(800);
    play(1);
    clear();
    play(3);
    audio(160);
    play(1);
    expect(stream.underruns).toEqual([]);
  });

  test('warns of a binary frame once and ignores it', () => {
    const { stream, warnings, play } = openStream();
    stream.receive(Buffer.alloc(160, 1), true);
    stream.receive(Buffer.alloc(160, 1), true);
    expect(warnings).toEqual([31_950]);
    expect(play(1)).toEqual([undefined]);
  });

  test.each<[string, unknown]>([
    ['that is no object', 5],
    ['of an unknown event', { event: 'hello', streamSid: 'MZ1' }],
    ['of another stream', { event: 'clear', streamSid: 'MZ2' }],
    ['without a streamSid', { event: 'clear' }],
    ['with a field too many', { event: 'clear', streamSid: 'MZ1', sequenceNumber: '1' }],
    ['media without a payload', { event: 'media', streamSid: 'MZ1', media: {} }],
    ['media that is not base64', { event: 'media', streamSid: 'MZ1', media: { payload: 'a-_b' } }],
    ['media with nothing in it', { event: 'media', streamSid: 'MZ1', media: { payload: '' } }],
    [
      'media with a track',
      { event: 'media', streamSid: 'MZ1', media: { track: 'outbound', payload: 'AAAA' } },
    ],
    ['a mark without a name', { event: 'mark', streamSid: 'MZ1', mark: {} }],
  ])('warns of a message %s once and ignores it', (_, message) => {
    const { say, warnings, play, marks } = openStream();
    say(message);
    say(message);
    expect(warnings).toEqual([31_951]);
    expect(play(1)).toEqual([undefined]);
    expect(marks()).toEqual([]);
  });

  test('warns of text that is not JSON', () => {
    const { stream, warnings } = openStream();
    stream.receive(Buffer.from('{"event":'), false);
    expect(warnings).toEqual([31_951]);
  });
});
