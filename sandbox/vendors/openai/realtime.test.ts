import { once } from 'node:events';
import { connect } from 'node:net';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { clipMulaw, silence } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { parseObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { during } from '../test-time.ts';
import { startOpenAI } from './server.ts';
import type { OpenAISimulator } from './server.ts';
import { KEY } from './test-fixtures.ts';

const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;
const TEXT = 'I would like to book a table.';

let bank: VoiceBank & AsyncDisposable;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let simulator: OpenAISimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  simulator = await startOpenAI({
    brain: () => ({}),
    clock,
    keys: [KEY],
    faults,
    speech: { bank, openEar: openEar(bank) },
  });
});
afterEach(async () => {
  await simulator.close();
  expect(clock.pending).toBe(0);
});

/** The words an ear finds in mu-law audio. */
function heard(audio: Buffer): string {
  const ear = openEar(bank)(PHONE);
  ear.write(audio);
  ear.end();
  return ear.words.map(({ text }) => text).join(' ');
}

const LIVE = {
  type: 'transcription',
  audio: {
    input: {
      format: { type: 'audio/pcmu' },
      transcription: { model: 'gpt-live-transcribe', language: 'en' },
      turn_detection: null,
    },
  },
} as const;

describe("OpenAI's realtime SDK", () => {
  const connected = async (query: { intent: 'transcription' } | { model: string }) => {
    const port = Number(new URL(simulator.url).port);
    const realtime = new OpenAIRealtimeWS(
      { ...query, options: { createConnection: () => connect(port, '127.0.0.1') } },
      new OpenAI({ apiKey: KEY, baseURL: simulator.url }),
    );
    const events: RealtimeServerEvent[] = [];
    realtime.on('error', () => undefined);
    realtime.on('event', (event) => events.push(event));
    await new Promise((resolve) => realtime.socket.once('open', resolve));
    /** Virtual time passes until the simulator has said so much of this type. */
    const until = async (type: RealtimeServerEvent['type'], count = 1): Promise<void> => {
      const all = Promise.withResolvers<void>();
      const look = (): void => {
        if (events.filter((event) => event.type === type).length >= count) all.resolve();
      };
      realtime.on('event', look);
      look();
      await during(clock, all.promise);
      realtime.off('event', look);
    };
    return { realtime, events, until };
  };

  it('has speech transcribed while it is spoken, and for good once it is committed', async () => {
    const { realtime, events, until } = await connected({ intent: 'transcription' });
    realtime.send({ type: 'session.update', session: LIVE });
    const clip = await bank.speak(TEXT, 'rms');
    const audio = Buffer.concat([silence(300, PHONE), clipMulaw(clip), silence(200, PHONE)]);
    for (let from = 0; from < audio.length; from += 640)
      realtime.send({
        type: 'input_audio_buffer.append',
        audio: audio.subarray(from, from + 640).toString('base64'),
      });
    await until('conversation.item.input_audio_transcription.delta');
    realtime.send({ type: 'input_audio_buffer.commit' });
    await until('conversation.item.input_audio_transcription.completed');
    realtime.close();

    const types = events.map(({ type }) => type);
    expect(types.filter((type) => !type.endsWith('.delta'))).toEqual([
      'session.created',
      'session.updated',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'conversation.item.input_audio_transcription.completed',
    ]);
    const committed = events.find((event) => event.type === 'input_audio_buffer.committed');
    const written = events.flatMap((event) =>
      event.type === 'conversation.item.input_audio_transcription.delta' ? [event] : [],
    );
    expect(new Set(written.map(({ item_id }) => item_id))).toEqual(new Set([committed?.item_id]));
    expect(
      written
        .map(({ delta }) => delta)
        .join('')
        .trim(),
    ).toBe(TEXT);
    expect(events.at(-1)).toMatchObject({
      transcript: TEXT,
      item_id: committed?.item_id,
      usage: { type: 'duration', seconds: Math.ceil(audio.length / 8_000) },
    });
  });

  it('has two texts spoken at once, each by its own response', async () => {
    const { realtime, events, until } = await connected({ model: 'gpt-realtime-2.1-mini' });
    realtime.send({
      type: 'session.update',
      session: {
        type: 'realtime',
        output_modalities: ['audio'],
        audio: { output: { format: { type: 'audio/pcmu' }, voice: 'marin' } },
      },
    });
    const say = (text: string, part: string): void =>
      realtime.send({
        type: 'response.create',
        response: {
          conversation: 'none',
          metadata: { part },
          input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
        },
      });
    say(TEXT, 'one');
    say('Thank you, goodbye.', 'two');
    await until('response.done', 2);
    await until('rate_limits.updated', 2);
    realtime.close();

    const idOf = (part: string): string | undefined =>
      events
        .flatMap((event) => (event.type === 'response.created' ? [event.response] : []))
        .find(({ metadata }) => metadata?.['part'] === part)?.id;
    const audioOf = (id: string | undefined): Buffer =>
      Buffer.concat(
        events.flatMap((event) =>
          event.type === 'response.output_audio.delta' && event.response_id === id
            ? [Buffer.from(event.delta, 'base64')]
            : [],
        ),
      );
    expect(heard(audioOf(idOf('one')))).toBe(TEXT);
    expect(heard(audioOf(idOf('two')))).toBe('Thank you, goodbye.');
    const one = events.filter(
      (event) => 'response_id' in event && event.response_id === idOf('one'),
    );
    expect([...new Set(one.map(({ type }) => type))]).toEqual([
      'response.output_item.added',
      'response.content_part.added',
      'response.output_audio_transcript.delta',
      'response.output_audio.delta',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
    ]);
    const done = events.find(
      (event) => event.type === 'response.done' && event.response.id === idOf('one'),
    );
    expect(done).toMatchObject({ response: { status: 'completed', metadata: { part: 'one' } } });
    expect(simulator.speeches().map(({ text, outcome }) => [text, outcome])).toEqual([
      [TEXT, 'completed'],
      ['Thank you, goodbye.', 'completed'],
    ]);
  });

  it('stops a response that it cancels, and is told so if there is none', async () => {
    const { realtime, events, until } = await connected({ model: 'gpt-realtime-2.1-mini' });
    realtime.send({
      type: 'response.create',
      response: {
        conversation: 'none',
        input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: TEXT }] }],
      },
    });
    await until('response.output_audio.delta');
    const created = events.find((event) => event.type === 'response.created');
    if (!created?.response.id) throw new Error('no response');
    realtime.send({ type: 'response.cancel', response_id: created.response.id });
    await until('response.done');
    expect(events.find((event) => event.type === 'response.done')).toMatchObject({
      response: {
        status: 'cancelled',
        status_details: { type: 'cancelled', reason: 'client_cancelled' },
      },
    });
    expect(simulator.speeches()[0]?.outcome).toBe('cancelled');
    const refused = new Promise((resolve) => realtime.on('error', resolve));
    realtime.send({ type: 'response.cancel', response_id: created.response.id });
    expect(await refused).toMatchObject({ error: { code: 'response_cancel_not_active' } });
    realtime.close();
  });
});

describe('a realtime session', () => {
  const opened = async (query: string, headers: object = { authorization: `Bearer ${KEY}` }) => {
    const socket = new WebSocket(`${simulator.url.replace('http', 'ws')}/realtime?${query}`, {
      headers: { ...headers },
    });
    const events: JsonObject[] = [];
    socket.on('message', (data: Buffer) => events.push(parseObject(data.toString()) ?? {}));
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    await once(socket, 'open');
    const send = (event: object): void => socket.send(JSON.stringify(event));
    /** What is wrong with an event. */
    const refusal = async (event: object | string): Promise<unknown> => {
      const before = events.length;
      socket.send(typeof event === 'string' ? event : JSON.stringify(event));
      await expect
        .poll(() => events.slice(before).find(({ type }) => type === 'error'))
        .toBeDefined();
      return events.slice(before).find(({ type }) => type === 'error')?.['error'];
    };
    return { socket, events, closed, send, refusal };
  };

  it.each([
    ['intent=transcription', 'Bearer wrong', 3_000, 'invalid_request_error.invalid_api_key'],
    ['intent=transcription', undefined, 3_000, 'invalid_request_error'],
    ['model=gpt-nope', `Bearer ${KEY}`, 4_000, 'invalid_request_error.invalid_model'],
    ['', `Bearer ${KEY}`, 4_000, 'invalid_request_error.missing_model'],
    [
      'intent=transcription&model=gpt-live-transcribe',
      `Bearer ${KEY}`,
      4_000,
      'invalid_request_error.invalid_model',
    ],
  ])('?%s with %s is opened, told why, and closed', async (query, authorization, code, reason) => {
    const { events, closed } = await opened(query, authorization ? { authorization } : {});
    expect(await closed).toEqual({ code, reason });
    expect(events.map(({ type }) => type)).toEqual(['error']);
  });

  it('does not speak the protocol of the beta any more', async () => {
    const { closed } = await opened('intent=transcription', {
      authorization: `Bearer ${KEY}`,
      'openai-beta': 'realtime=v1',
    });
    expect(await closed).toEqual({
      code: 4_000,
      reason: 'invalid_request_error.beta_api_shape_disabled',
    });
  });

  const input = (fields: object) => ({
    type: 'session.update',
    event_id: 'mine',
    session: { ...LIVE, audio: { input: { ...LIVE.audio.input, ...fields } } },
  });
  it.each([
    ['not JSON', { code: 'invalid_json', event_id: null }],
    [{ type: 'nope' }, { code: 'invalid_value', param: 'type' }],
    [{ type: 'transcription_session.update' }, { code: 'invalid_value', param: 'type' }],
    [
      { type: 'input_audio_buffer.commit', x: 1 },
      { code: 'unknown_parameter', param: 'x' },
    ],
    [
      input({ x: 1 }),
      { code: 'unknown_parameter', param: 'session.audio.input.x', event_id: 'mine' },
    ],
    [
      input({ format: { type: 'g711_ulaw' } }),
      { code: 'invalid_value', param: 'session.audio.input.format.type' },
    ],
    [
      input({ transcription: { model: 'gpt-live-transcribe', delay: 'bogus' } }),
      { code: 'invalid_value', param: 'session.audio.input.transcription.delay' },
    ],
    [
      input({ transcription: { model: 'gpt-nonsense-9' } }),
      { code: 'invalid_value', param: 'session.audio.input.transcription.model' },
    ],
    [
      input({ transcription: { model: 'gpt-4o-transcribe', keywords: ['Sole'] } }),
      { code: 'unsupported_parameter', param: 'session.audio.input.transcription.keywords' },
    ],
    [
      input({ turn_detection: { type: 'server_vad' } }),
      { code: 'invalid_value', param: 'session.audio.input.turn_detection' },
    ],
    [
      { type: 'session.update', session: { type: 'realtime' } },
      { code: 'invalid_session_type', param: 'session.type' },
    ],
    [{ type: 'response.create' }, { code: 'invalid_event_type' }],
    [
      { type: 'input_audio_buffer.append', audio: '!' },
      { code: 'invalid_value', param: 'audio' },
    ],
  ])('of transcription refuses %j and stays open', async (event, error) => {
    const { socket, refusal } = await opened('intent=transcription');
    expect(await refusal(event)).toMatchObject(error);
    expect(socket.readyState).toBe(socket.OPEN);
    socket.close();
  });

  it('does not commit less than 100 ms, and names the commit', async () => {
    const { socket, send, refusal } = await opened('intent=transcription');
    send(input({}));
    const audio = silence(80, PHONE).toString('base64');
    send({ type: 'input_audio_buffer.append', audio });
    expect(await refusal({ type: 'input_audio_buffer.commit', event_id: 'c1' })).toMatchObject({
      code: 'input_audio_buffer_commit_empty',
      event_id: 'c1',
      message: expect.stringContaining('only has 80.00ms'),
    });
    socket.close();
  });

  it.each([
    [{ audio: { output: { voice: 'nobody' } } }, 'response.audio.output.voice'],
    [{ voice: 'marin' }, 'response.voice'],
    [{ conversation: 'auto' }, 'response.conversation'],
  ])('of a voice model refuses a response with %j', async (fields, param) => {
    const { socket, refusal } = await opened('model=gpt-realtime-2.1-mini');
    expect(
      await refusal({ type: 'response.create', response: { conversation: 'none', ...fields } }),
    ).toMatchObject({ param });
    socket.close();
  });

  it('keeps the voice that was heard', async () => {
    const { socket, events, send, refusal } = await opened('model=gpt-realtime-2.1-mini');
    const response = (voice: string) => ({
      type: 'response.create',
      response: {
        conversation: 'none',
        audio: { output: { voice } },
        input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: TEXT }] }],
      },
    });
    send(response('marin'));
    await expect.poll(() => events.some(({ type }) => type === 'response.created')).toBe(true);
    expect(await refusal(response('cedar'))).toMatchObject({ code: 'cannot_update_voice' });
    socket.close();
    await expect.poll(() => simulator.speeches()[0]?.outcome).toBe('aborted');
  });

  it('ends after 60 minutes, and says so', async () => {
    const { events, closed } = await opened('intent=transcription');
    await clock.advance(60 * 60_000);
    expect(await closed).toEqual({
      code: 1_001,
      reason: 'Your session hit the maximum duration of 60 minutes.',
    });
    expect(events.at(-1)).toMatchObject({ error: { code: 'session_expired' } });
  });
});
