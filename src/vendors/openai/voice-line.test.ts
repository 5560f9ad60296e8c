import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Spoken, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import type { Clock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { isRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startRealtimeService } from '#test/support/realtime-service.ts';
import type { RealtimePeer, RealtimeService } from '#test/support/realtime-service.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { openaiTextToSpeech } from './text-to-speech.ts';

/** What is asked of a voice model, and the answers no simulator would give at that moment. */
describe('a voice of OpenAI', () => {
  let service: RealtimeService;
  let clock: VirtualClock;
  let vendor: TextToSpeech;
  let offsetMs: number;
  beforeEach(async () => {
    service = await startRealtimeService();
    clock = virtualClock();
    offsetMs = 0;
    const late: Clock = { ...clock, now: () => clock.now() + offsetMs };
    vendor = openaiTextToSpeech({
      apiKey: 'sk-0123456789',
      baseUrl: service.url,
      clock: late,
      log: silentLog,
    });
  });
  afterEach(async () => {
    vendor.close();
    await service.close();
  });

  const speak = (voice = 'marin'): { spoken: Recorder<Spoken>; utterance: Utterance } => {
    const spoken = recorder<Spoken>();
    return { spoken, utterance: vendor.speak({ voice, language: 'en-US' }, spoken.on) };
  };
  const isCreate = ({ type }: JsonRecord): boolean => type === 'response.create';
  const creates = (peer: RealtimePeer): readonly JsonRecord[] => peer.events.all.filter(isCreate);
  /** The n-th response asked for, from 0. */
  const create = async (peer: RealtimePeer, nth = 0): Promise<JsonRecord> => {
    await peer.events.until(() => creates(peer).length > nth);
    const found = creates(peer)[nth]?.['response'];
    if (!isRecord(found)) throw new Error('no response was asked for');
    return found;
  };
  const created = (id: string, response: JsonRecord) => ({
    type: 'response.created',
    response: { id, metadata: response['metadata'] },
  });
  const transcript = (response_id: string, delta: string) => ({
    type: 'response.output_audio_transcript.delta',
    response_id,
    delta,
  });
  const audio = (response_id: string, bytes: number) => ({
    type: 'response.output_audio.delta',
    response_id,
    delta: Buffer.alloc(bytes, 0xff).toString('base64'),
  });
  const done = (id: string, fields: object = { status: 'completed' }) => ({
    type: 'response.done',
    response: { id, ...fields },
  });
  /** Answers a response as it should be. */
  const perform = async (peer: RealtimePeer, nth: number, text: string): Promise<void> => {
    const response = await create(peer, nth);
    const id = `resp_${nth}`;
    for (const event of [created(id, response), transcript(id, text), audio(id, 160), done(id)])
      peer.say(event);
  };
  const isEnd = ({ type }: Spoken): boolean => type === 'done' || type === 'failed';

  test('is asked outside of any conversation, for mu-law, and told to read', async () => {
    const { utterance } = speak();
    utterance.push('Where are you?');
    const peer = await service.peer();
    expect(peer.url.search).toBe('?model=gpt-realtime-2.1-mini');
    const { instructions, metadata, ...response } = await create(peer);
    expect(response).toEqual({
      conversation: 'none',
      input: [
        {
          type: 'message',
          role: 'user',
          content: [{ type: 'input_text', text: 'Where are you?' }],
        },
      ],
      audio: { output: { format: { type: 'audio/pcmu' }, voice: 'marin' } },
    });
    expect(instructions).toContain('American English');
    expect(instructions).toContain('word for word');
    expect(isRecord(metadata) && metadata['speech']).toEqual(creates(peer)[0]?.['event_id']);
    expect(peer.events.all[0]).toEqual({
      type: 'session.update',
      session: {
        type: 'realtime',
        output_modalities: ['audio'],
        audio: {
          input: { turn_detection: null },
          output: { format: { type: 'audio/pcmu' } },
        },
      },
    });
  });

  test('has one line for one utterance after the other, and none for another voice', async () => {
    vendor.warm();
    vendor.warm();
    const peer = await service.peer();
    await peer.events.until(({ type }) => type === 'session.update');
    for (const nth of [0, 1]) {
      const { spoken, utterance } = speak();
      utterance.push('Hello.');
      utterance.finish();
      await perform(peer, nth, 'Hello.');
      expect((await spoken.until(isEnd)).type).toBe('done');
    }
    expect(service.peers.all).toHaveLength(1);
    speak('cedar').utterance.push('Hello.');
    await create(await service.peer(2));
  });

  test('two utterances at once have a line each', async () => {
    speak().utterance.push('One.');
    speak().utterance.push('Two.');
    await create(await service.peer(1));
    await create(await service.peer(2));
    expect(service.peers.all).toHaveLength(2);
  });

  test('what was cancelled before it had a name is cancelled as soon as it has one', async () => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    const peer = await service.peer();
    const response = await create(peer);
    utterance.cancel();
    peer.say(created('resp_0', response));
    const cancel = await peer.events.until(({ type }) => type === 'response.cancel');
    expect(cancel).toMatchObject({ response_id: 'resp_0' });
    peer.say(audio('resp_0', 160));
    peer.say({
      type: 'error',
      error: { type: 'invalid_request_error', code: 'response_cancel_not_active', message: 'x' },
    });
    // Only once its last response is over is a line used again.
    speak().utterance.push('Two.');
    await create(await service.peer(2));
    peer.say(done('resp_0', { status: 'cancelled' }));
    // The answer to a ping shows that what went before it has been read.
    const read = new Promise((resolve) => peer.socket.once('pong', resolve));
    peer.socket.ping();
    await read;
    speak().utterance.push('Three.');
    await create(peer, 1);
    expect(spoken.all).toEqual([]);
  });

  test('a cancelled response that never ends costs its line', async () => {
    const { utterance } = speak();
    utterance.push('One.');
    const peer = await service.peer();
    await create(peer);
    utterance.cancel();
    await clock.advance(3_000);
    await expect.poll(() => peer.socket.readyState).toBe(peer.socket.CLOSED);
    expect(clock.pending).toBe(0);
  });

  test('a line is given up before the service ends its session', async () => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    utterance.finish();
    const peer = await service.peer();
    offsetMs = 55 * 60_000;
    await perform(peer, 0, 'One.');
    await spoken.until(isEnd);
    await expect.poll(() => peer.socket.readyState).toBe(peer.socket.CLOSED);
  });

  test('an idle line is closed after a while', async () => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    utterance.finish();
    const peer = await service.peer();
    await perform(peer, 0, 'One.');
    await spoken.until(isEnd);
    await clock.advance(240_000);
    await expect.poll(() => peer.socket.readyState).toBe(peer.socket.CLOSED);
    await expect.poll(() => clock.pending).toBe(0);
  });

  test('audio of responses that nobody asked for is dropped', async () => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    const peer = await service.peer();
    const response = await create(peer);
    peer.say(created('other', { metadata: { speech: 'unknown' } }));
    peer.say(audio('other', 800));
    peer.say(created('resp_0', response));
    peer.say(transcript('resp_0', 'One.'));
    peer.say(audio('resp_0', 160));
    const first = await spoken.until(({ type }) => type === 'audio');
    expect(first).toMatchObject({ audio: { length: 160 } });
  });

  test.each([
    [
      { status: 'failed', status_details: { error: { code: 'insufficient_quota', message: 'x' } } },
      'quota',
    ],
    [{ status: 'failed', status_details: {} }, 'garbled'],
    [{ status: 'incomplete', status_details: { reason: 'content_filter' } }, 'invalid'],
  ])('a response that ends %j means %s', async (fields, code) => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    const peer = await service.peer();
    peer.say(created('resp_0', await create(peer)));
    peer.say(done('resp_0', fields));
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code } });
  });

  test('an error about one request ends its utterance, one about the session its line', async () => {
    const one = speak();
    one.utterance.push('One.');
    const peer = await service.peer();
    await create(peer);
    const event_id = creates(peer)[0]?.['event_id'];
    const error = { type: 'invalid_request_error', code: 'invalid_value', message: 'No.' };
    peer.say({ type: 'error', error: { ...error, event_id } });
    expect(await one.spoken.until(isEnd)).toMatchObject({ failure: { code: 'invalid' } });
    expect(peer.socket.readyState).toBe(peer.socket.OPEN);
    const two = speak();
    two.utterance.push('Two.');
    await create(peer, 1);
    peer.say({ type: 'error', error: { ...error, event_id: null } });
    // Nothing had been said, and the line was an old one: perhaps another one works.
    const fresh = await service.peer(2);
    await create(fresh);
    fresh.say({ type: 'error', error: { ...error, event_id: null } });
    expect(await two.spoken.until(isEnd)).toMatchObject({ failure: { code: 'invalid' } });
  });

  test.each([
    { type: 'response.created' },
    { type: 'response.done' },
    { type: 'response.output_audio.delta', response_id: 'resp_0' },
  ])('%j is garbled', async (event) => {
    const { spoken, utterance } = speak();
    utterance.push('One.');
    const peer = await service.peer();
    await create(peer);
    peer.say(event);
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code: 'garbled' } });
  });
});
