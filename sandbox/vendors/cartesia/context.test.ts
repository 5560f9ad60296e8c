import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startCartesia } from './server.ts';
import type { CartesiaSimulator } from './server.ts';
import { KEY, audioOf, base, heard, isType, open, wordsOf } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let first: SpeechClip;
let second: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  first = await bank.speak('Your table is booked.', 'slt');
  second = await bank.speak('We will see you on Friday.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let cartesia: CartesiaSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  cartesia = await startCartesia({ bank, clock, keys: [KEY], faults, maxContexts: 2 });
});
afterEach(async () => {
  await cartesia.close();
  expect(cartesia.activeContexts()).toBe(0);
  expect(clock.pending).toBe(0);
});

describe('a context of Cartesia', () => {
  it('gives word times that are exact to the audio, through all its pieces', async () => {
    const { send, until, messages, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: `${first.text} ${second.text}` });
    await until(isType('done'));
    const audio = audioOf(messages, 'c');
    expect(audio).toEqual(Buffer.concat([clipMulaw(first), clipMulaw(second)]));
    const offset = first.pcm.length / 8;
    const expected = [
      ...first.words,
      ...second.words.map(({ text, startMs, endMs }) => ({
        text,
        startMs: startMs + offset,
        endMs: endMs + offset,
      })),
    ];
    const words = wordsOf(messages, 'c');
    expect(words.map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    for (const [index, { startMs, endMs }] of expected.entries()) {
      expect(words[index]?.start).toBeCloseTo(startMs / 1_000, 5);
      expect(words[index]?.end).toBeCloseTo(endMs / 1_000, 5);
    }
    socket.close();
  });

  it.each([
    ['pcm_s16le', 8_000],
    ['pcm_s16le', 16_000],
    ['pcm_s16le', 24_000],
  ] as const)('speaks %s at %d Hz', async (encoding, sampleRateHz) => {
    const { send, until, messages, socket } = await open(cartesia, clock);
    const output_format = { container: 'raw', encoding, sample_rate: sampleRateHz };
    send({ ...base, output_format, context_id: 'c', transcript: first.text });
    await until(isType('done'));
    expect(heard(bank, audioOf(messages, 'c'), { encoding: 'linear16', sampleRateHz })).toBe(
      first.text,
    );
    socket.close();
  });

  it('waits for the rest of a sentence no longer than it was told', async () => {
    const { send, until, messages, socket } = await open(cartesia, clock);
    await bank.speak('Your table is', 'slt');
    send({
      ...base,
      context_id: 'c',
      transcript: 'Your table is',
      continue: true,
      max_buffer_delay_ms: 500,
    });
    await during(clock, clock.sleep(450));
    expect(messages).toEqual([]);
    await until(isType('chunk'));
    socket.close();
  });

  it('numbers its flushes, from 1', async () => {
    const { send, until, messages, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text, continue: true });
    send({ ...base, context_id: 'c', transcript: '', continue: true, flush: true });
    send({ ...base, context_id: 'c', transcript: second.text, continue: false });
    await until(isType('done'));
    const chunks = messages.filter(isType('chunk'));
    expect(chunks[0]?.['flush_id']).toBe(1);
    expect(chunks.at(-1)?.['flush_id']).toBe(2);
    expect(messages.filter(isType('flush_done'))).toMatchObject([
      { flush_id: 1, flush_done: true, done: false },
    ]);
    socket.close();
  });

  it('begins nothing new once it is cancelled', async () => {
    const { send, until, messages, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: `${first.text} ${second.text}` });
    await until(isType('chunk'));
    send({ context_id: 'c', cancel: true });
    await during(clock, clock.sleep(3_000));
    expect(audioOf(messages, 'c').length).toBeLessThanOrEqual(first.pcm.length);
    expect(messages.some(isType('done'))).toBe(false);
    expect(cartesia.activeContexts()).toBe(0);
    socket.close();
  });

  it('expires a second after its last audio, and its name is spent', async () => {
    const { send, until, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: first.text, continue: true });
    await until(isType('chunk'));
    await until(isType('done'));
    send({ ...base, context_id: 'c', transcript: second.text });
    expect(await until(isType('error'))).toMatchObject({ status_code: 400, context_id: 'c' });
    socket.close();
  });

  it('must keep its fields', async () => {
    const { send, until, socket } = await open(cartesia, clock);
    send({ ...base, context_id: 'c', transcript: 'Your table', continue: true });
    send({ ...base, add_timestamps: false, context_id: 'c', transcript: ' is booked.' });
    expect(await until(isType('error'))).toMatchObject({ context_id: 'c', status_code: 400 });
    expect(cartesia.activeContexts()).toBe(0);
    socket.close();
  });

  it('counts against the limit of the account until it is done', async () => {
    const { send, until, socket } = await open(cartesia, clock);
    for (const context_id of ['a', 'b', 'c'])
      send({ ...base, context_id, transcript: 'Your table', continue: true });
    expect(await until(isType('error'))).toMatchObject({
      context_id: 'c',
      status_code: 429,
      error_code: 'concurrency_limited',
      done: true,
    });
    send({ context_id: 'a', cancel: true });
    send({ ...base, context_id: 'd', transcript: first.text });
    await until(isType('done', 'd'));
    socket.close();
  });
});
