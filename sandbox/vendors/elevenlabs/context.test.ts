import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startElevenLabs } from './server.ts';
import type { ElevenLabsSimulator } from './server.ts';
import { KEY, audioOf, charactersOf, heard, isAudio, isFinal, open, phone } from './test-client.ts';

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
let elevenlabs: ElevenLabsSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  elevenlabs = await startElevenLabs({ bank, clock, keys: [KEY], faults: createFaults() });
});
afterEach(async () => {
  await elevenlabs.close();
  expect(elevenlabs.activeContexts()).toBe(0);
  expect(clock.pending).toBe(0);
});

describe('a context of ElevenLabs', () => {
  it('speaks text as it comes, and is final once it is closed', async () => {
    const { send, until, messages, socket } = await open(elevenlabs, clock);
    send({ text: ' ', context_id: 'c' });
    send({ text: `${first.text} `, context_id: 'c', flush: true });
    send({ text: `${second.text} `, context_id: 'c', flush: true });
    send({ context_id: 'c', close_context: true });
    await until(isFinal('c'));
    expect(audioOf(messages, 'c')).toEqual(Buffer.concat([clipMulaw(first), clipMulaw(second)]));
    expect(messages.at(-1)).toEqual({ isFinal: true, contextId: 'c' });
    socket.close();
  });

  it.each(['true', 'false'])(
    'gives times of characters that count from their piece of audio (sync_alignment=%s)',
    async (sync_alignment) => {
      const { send, until, messages, socket } = await open(elevenlabs, clock, {
        ...phone,
        sync_alignment,
      });
      send({ text: `${first.text} `, context_id: 'c', flush: true });
      send({ text: `${second.text} `, context_id: 'c', flush: true });
      send({ context_id: 'c', close_context: true });
      await until(isFinal('c'));
      let fromMs = 0;
      const spoken = [];
      for (const message of messages.filter(isAudio('c'))) {
        const characters = charactersOf(message);
        if (sync_alignment === 'true') expect(characters.length).toBeLessThan(20);
        for (const one of characters)
          spoken.push({ ...one, startMs: fromMs + one.startMs, endMs: fromMs + one.endMs });
        fromMs += Buffer.from(String(message['audio']), 'base64').length / 8;
      }
      const text = spoken.map(({ character }) => character).join('');
      expect(text).toBe(`${first.text} ${second.text} `);
      const offset = first.pcm.length / 8;
      const words = [
        ...first.words,
        ...second.words.map((word) => ({
          ...word,
          startMs: word.startMs + offset,
          endMs: word.endMs + offset,
        })),
      ];
      let at = 0;
      for (const word of words) {
        expect(Math.abs((spoken[at]?.startMs ?? NaN) - word.startMs)).toBeLessThanOrEqual(1);
        at += word.text.length;
        expect(Math.abs((spoken[at - 1]?.endMs ?? NaN) - word.endMs)).toBeLessThanOrEqual(1);
        at += 1;
      }
      socket.close();
    },
  );

  it.each([
    ['pcm_8000', 8_000],
    ['pcm_16000', 16_000],
    ['pcm_24000', 24_000],
  ] as const)('speaks %s', async (output_format, sampleRateHz) => {
    const { send, until, messages, socket } = await open(elevenlabs, clock, {
      ...phone,
      output_format,
    });
    send({ text: `${first.text} `, context_id: 'c' });
    send({ context_id: 'c', flush: true });
    send({ context_id: 'c', close_context: true });
    await until(isFinal('c'));
    expect(heard(bank, audioOf(messages, 'c'), { encoding: 'linear16', sampleRateHz })).toBe(
      first.text,
    );
    socket.close();
  });

  it('without auto_mode says nothing before 120 characters or a flush', async () => {
    const { auto_mode: _, ...scheduled } = phone;
    const { send, until, messages, socket } = await open(elevenlabs, clock, scheduled);
    send({ text: `${first.text} `, context_id: 'short' });
    await during(clock, clock.sleep(3_000));
    expect(messages).toEqual([]);
    send({ text: `${second.text} `.repeat(5), context_id: 'long' });
    await until(isAudio('long'));
    send({ context_id: 'short', flush: true });
    await until(isAudio('short'));
    socket.close();
  });

  it('takes a schedule of its own from the first message', async () => {
    const { auto_mode: _, ...scheduled } = phone;
    const { send, until, socket } = await open(elevenlabs, clock, scheduled);
    send({ text: ' ', context_id: 'c', generation_config: { chunk_length_schedule: [50] } });
    send({ text: `${first.text} ${second.text} Bye.`, context_id: 'c' });
    await until(isAudio('c'));
    socket.close();
  });

  it('goes on with what was flushed when it is closed, and forgets what was not', async () => {
    const { send, until, messages, socket } = await open(elevenlabs, clock);
    send({ text: `${first.text} `, context_id: 'flushed', flush: true });
    send({ text: `${first.text} ${second.text} `, context_id: 'not' });
    await until(isAudio('not'));
    send({ context_id: 'not', close_context: true });
    send({ context_id: 'flushed', close_context: true });
    await until(isFinal('not'));
    await until(isFinal('flushed'));
    expect(heard(bank, audioOf(messages, 'flushed'))).toBe(first.text);
    expect(heard(bank, audioOf(messages, 'not'))).toBe(first.text);
    socket.close();
  });

  it('is closed when it hears nothing for a while, and kept alive by an empty text', async () => {
    const { send, until, messages, socket } = await open(elevenlabs, clock);
    send({ text: ' ', context_id: 'kept' });
    send({ text: ' ', context_id: 'left' });
    await during(clock, clock.sleep(15_000), 1_000);
    send({ text: '', context_id: 'kept' });
    await until(isFinal('left'));
    send({ text: `${first.text} `, context_id: 'kept' });
    await until(isAudio('kept'));
    expect(messages.some(isFinal('kept'))).toBe(false);
    socket.close();
  });

  it('may take the name of one that is gone', async () => {
    const { send, until, messages, socket } = await open(elevenlabs, clock);
    for (const { text } of [first, second]) {
      messages.length = 0;
      send({ text: `${text} `, context_id: 'c', flush: true });
      send({ context_id: 'c', close_context: true });
      await until(isFinal('c'));
      expect(heard(bank, audioOf(messages, 'c'))).toBe(text);
    }
    socket.close();
  });

  it('ends with its socket, spoken to the end', async () => {
    const { send, messages, closed } = await open(elevenlabs, clock);
    send({ text: `${first.text} `, context_id: 'c' });
    send({ close_socket: true });
    expect((await during(clock, closed))[0]).toBe(1_000);
    expect(heard(bank, audioOf(messages, 'c'))).toBe(first.text);
  });
});
