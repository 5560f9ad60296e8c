import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { startDeepgram } from './server.ts';
import type { DeepgramSimulator } from './server.ts';
import { KEY, NOVA, listen, silence, transcribe, transcriptOf } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let booking: SpeechClip;
let hesitation: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booking = await bank.speak('Hello there, I would like to book a table.', 'rms');
  hesitation = await bank.speak('My number is', 'rms');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let deepgram: DeepgramSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  deepgram = await startDeepgram({ openEar: openEar(bank), clock, keys: [KEY], faults });
});
afterEach(async () => {
  await deepgram.close();
  expect(clock.pending).toBe(0);
});

describe('Nova', () => {
  it('says when speech begins, what is final, and when the utterance is over', async () => {
    const { messages } = await transcribe(
      deepgram,
      `${NOVA}&vad_events=true&utterance_end_ms=1000`,
      [silence(500), clipMulaw(booking), silence(1_500)],
    );
    const final = messages.find((message) => message['speech_final'] === true);
    expect(transcriptOf(final)).toBe(booking.text);
    const kinds = messages
      .filter((message) => message['is_final'] !== false)
      .map((message) => message['type']);
    expect(kinds).toEqual(['SpeechStarted', 'Results', 'UtteranceEnd', 'Results', 'Metadata']);
  });

  it('writes bare words where no format was asked for', async () => {
    const { messages } = await transcribe(
      deepgram,
      '/v1/listen?model=nova-2&encoding=mulaw&sample_rate=8000&endpointing=300',
      [clipMulaw(booking), silence(600)],
    );
    expect(transcriptOf(messages[0])).toBe('hello there i would like to book a table');
  });

  it('answers Finalize at once with what it has', async () => {
    const { socket, messages, closed } = await listen(deepgram, NOVA);
    socket.send(Buffer.concat([clipMulaw(hesitation), silence(100)]));
    socket.send('{"type":"Finalize"}');
    socket.send('{"type":"CloseStream"}');
    expect(await closed).toMatchObject({ code: 1000 });
    const answer = messages.find((message) => message['from_finalize'] === true);
    expect(answer).toMatchObject({ is_final: true });
    expect(transcriptOf(answer)).toBe(hesitation.text);
  });

  it('does not answer a Finalize with nothing behind it', async () => {
    const { socket, messages, closed } = await listen(deepgram, NOVA);
    socket.send('{"type":"Finalize"}');
    socket.send('{"type":"CloseStream"}');
    await closed;
    expect(messages.map(({ type }) => type)).toEqual(['Metadata']);
  });

  it('takes an empty frame for the end', async () => {
    const { socket, messages, closed } = await listen(deepgram, NOVA);
    socket.send(Buffer.alloc(0));
    expect(await closed).toMatchObject({ code: 1000 });
    expect(messages.at(-1)).toMatchObject({ type: 'Metadata' });
  });

  it('hangs up after 10 s without audio or KeepAlive, not before', async () => {
    const { socket, closed } = await listen(deepgram, NOVA);
    await clock.advance(9_000);
    const ponged = once(socket, 'pong');
    socket.send('{"type":"KeepAlive"}');
    socket.ping();
    await ponged;
    await clock.advance(9_900);
    expect(deepgram.connections()[0]?.closedAtMs).toBeUndefined();
    await clock.advance(200);
    expect(await closed).toEqual({ code: 1011, reason: 'NET-0001' });
  });

  it('cannot decode audio of no named encoding, nor a message it does not know', async () => {
    const unnamed = await listen(deepgram, '/v1/listen?model=nova-3');
    unnamed.socket.send(silence(20));
    expect(await unnamed.closed).toEqual({ code: 1008, reason: 'DATA-0000' });
    const unknown = await listen(deepgram, NOVA);
    unknown.socket.send('{"type":"Configure"}');
    expect(await unknown.closed).toEqual({ code: 1008, reason: 'DATA-0000' });
  });
});
