import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw, clipPcm } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import type { JsonObject } from '../json.ts';
import { startDeepgram } from './server.ts';
import type { DeepgramSimulator } from './server.ts';
import { FLUX, KEY, events, listen, ofType, silence, transcribe } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
let booking: SpeechClip;
let hesitation: SpeechClip;
let digits: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booking = await bank.speak('Hello there, I would like to book a table.', 'rms');
  hesitation = await bank.speak('My number is', 'rms');
  digits = await bank.speak('five five nine two.', 'rms');
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

describe('Flux', () => {
  it('says the same whatever the size of the chunks', async () => {
    const audio = [silence(300), clipMulaw(booking), silence(600)];
    const strip = ({ request_id: _requestId, ...rest }: JsonObject) => rest;
    const small = await transcribe(deepgram, FLUX, audio, 137);
    const large = await transcribe(deepgram, FLUX, audio, 1_000_000);
    expect(small.messages.map(strip)).toEqual(large.messages.map(strip));
  });

  it('numbers every message, and closes without a close code', async () => {
    const { messages, end } = await transcribe(deepgram, FLUX, [clipMulaw(booking)]);
    expect(messages[0]).toMatchObject({ type: 'Connected', sequence_id: 0 });
    expect(messages.map((message) => message['sequence_id'])).toEqual(messages.map((_, i) => i));
    expect(end.code).toBe(1005);
    expect(messages.at(-1)).toMatchObject({ event: 'Update', transcript: booking.text });
  });

  it('confirms the end of a turn 350 ms after the last word, and guesses it after 150', async () => {
    const { messages } = await transcribe(deepgram, FLUX, [clipMulaw(booking), silence(600)]);
    const lastWordEnd = (booking.words.at(-1)?.endMs ?? 0) / 1_000;
    const windowEnd = (event: string): number =>
      Number(messages.find((message) => message['event'] === event)?.['audio_window_end']);
    expect(windowEnd('EagerEndOfTurn') - lastWordEnd).toBeGreaterThanOrEqual(0.15);
    expect(windowEnd('EagerEndOfTurn') - lastWordEnd).toBeLessThan(0.2);
    expect(windowEnd('EndOfTurn') - lastWordEnd).toBeGreaterThanOrEqual(0.35);
    expect(windowEnd('EndOfTurn') - lastWordEnd).toBeLessThan(0.4);
  });

  it('waits through a hesitation, and hears both halves as one turn', async () => {
    const { messages } = await transcribe(deepgram, FLUX, [
      clipMulaw(hesitation),
      silence(2_000),
      clipMulaw(digits),
      silence(600),
    ]);
    expect(events(messages).map(({ event }) => event)).toEqual([
      'StartOfTurn',
      'EagerEndOfTurn',
      'EndOfTurn',
    ]);
    expect(events(messages).at(-1)).toMatchObject({
      transcript: 'My number is five five nine two.',
      trigger: 'model',
      turn_index: 0,
    });
  });

  it('takes an eager end back when the caller goes on', async () => {
    const { messages } = await transcribe(deepgram, FLUX, [
      clipMulaw(booking),
      silence(150),
      clipMulaw(digits),
      silence(600),
    ]);
    expect(events(messages).map(({ event }) => event)).toEqual([
      'StartOfTurn',
      'EagerEndOfTurn',
      'TurnResumed',
      'EagerEndOfTurn',
      'EndOfTurn',
    ]);
    expect(events(messages).at(-1)?.['transcript']).toBe(`${booking.text} ${digits.text}`);
  });

  it('ends an unfinished turn by the timeout, and counts turns', async () => {
    const { messages } = await transcribe(deepgram, `${FLUX}&eot_timeout_ms=1000`, [
      clipMulaw(hesitation),
      silence(1_500),
      clipMulaw(digits),
      silence(600),
    ]);
    const ends = events(messages).filter(({ event }) => event === 'EndOfTurn');
    expect(ends).toMatchObject([
      { turn_index: 0, trigger: 'timeout', transcript: hesitation.text },
      { turn_index: 1, trigger: 'model', transcript: digits.text },
    ]);
  });

  it('hears no word in silence, and reports every 240 ms all the same', async () => {
    const { messages } = await transcribe(deepgram, FLUX, [silence(1_000)]);
    expect(events(messages)).toEqual([]);
    expect(ofType(messages, 'TurnInfo').map((one) => one['audio_window_end'])).toEqual([
      0.24, 0.48, 0.72, 0.96, 1,
    ]);
  });

  it('hears linear samples at 16 kHz as well', async () => {
    const path = '/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000';
    const { messages } = await transcribe(
      deepgram,
      path,
      [clipPcm(booking, 16_000), Buffer.alloc(16_000 * 2)],
      1_281,
    );
    expect(events(messages).at(-1)).toMatchObject({
      event: 'EndOfTurn',
      transcript: booking.text,
    });
  });

  it('changes its thresholds by Configure, and refuses wrong ones whole', async () => {
    const { socket, messages, closed } = await listen(deepgram, FLUX);
    socket.send('{"type":"Configure","thresholds":{"eot_threshold":0.9},"keyterms":["Flite"]}');
    socket.send('{"type":"Configure","thresholds":{"eager_eot_threshold":0.95}}');
    socket.send('{"type":"Configure","thresholds":{"eot_timeout":1}}');
    socket.send('{"type":"CloseStream"}');
    await closed;
    expect(messages.slice(1, 4)).toMatchObject([
      {
        type: 'ConfigureSuccess',
        thresholds: { eot_threshold: 0.9, eager_eot_threshold: 0.5, eot_timeout_ms: 5_000 },
        keyterms: ['Flite'],
        sequence_id: 1,
      },
      { type: 'ConfigureFailure', sequence_id: 2 },
      { type: 'ConfigureFailure', sequence_id: 3 },
    ]);
  });

  it.each(['{"type":"KeepAlive"}', '{"type":"ForceEndTurn"}', 'hello'])(
    'ends the stream with an error on %s',
    async (text) => {
      const { socket, messages, closed } = await listen(deepgram, FLUX);
      socket.send(text);
      expect(await closed).toMatchObject({ code: 1011 });
      expect(messages.at(-1)).toMatchObject({ type: 'Error', code: 'UNPARSABLE_CLIENT_MESSAGE' });
    },
  );
});
