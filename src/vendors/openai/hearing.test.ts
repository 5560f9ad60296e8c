import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MULAW_SILENCE, phoneBytes } from '#audio/g711.ts';
import type { Heard, HearingOptions, HearingStream } from '#contracts/speech-to-text.ts';
import type { Clock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { JsonRecord } from '#lib/record.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { startRealtimeService } from '#test/support/realtime-service.ts';
import type { RealtimePeer, RealtimeService } from '#test/support/realtime-service.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { openaiSpeechToText } from './speech-to-text.ts';

const FRAME_BYTES = 160;

/** What a client sends, and how it reacts to messages no simulator would send. */
describe('a stream of OpenAI', () => {
  let service: RealtimeService;
  let clock: VirtualClock;
  let vendors: { close(): void }[];
  beforeEach(async () => {
    service = await startRealtimeService();
    clock = virtualClock();
    vendors = [];
  });
  afterEach(async () => {
    for (const vendor of vendors) vendor.close();
    await service.close();
  });

  const listen = (
    options: Partial<HearingOptions> & { readonly model?: string; readonly clock?: Clock } = {},
  ): { stream: HearingStream; heard: Recorder<Heard> } => {
    const { model, ...asked } = options;
    const vendor = openaiSpeechToText({
      apiKey: 'sk-0123456789',
      baseUrl: service.url,
      clock: options.clock ?? clock,
      log: silentLog,
      model,
    });
    vendors.push(vendor);
    const heard = recorder<Heard>();
    const stream = vendor.listen({ language: 'en-GB', keyterms: [], ...asked }, heard.on);
    return { stream, heard };
  };
  const write = (stream: HearingStream, ms: number, byte = MULAW_SILENCE): void => {
    for (let at = 0; at < ms; at += 20) stream.write(new Uint8Array(FRAME_BYTES).fill(byte));
  };
  /** Loud, whatever it is. */
  const LOUD = 0x10;
  const isFailed = ({ type }: Heard): boolean => type === 'failed';
  const isCommit = ({ type }: JsonRecord): boolean => type === 'input_audio_buffer.commit';
  const settings = async (peer: RealtimePeer): Promise<JsonRecord> =>
    peer.events.until(({ type }) => type === 'session.update');
  /** Bytes of each append, and `commit`. */
  const sent = (peer: RealtimePeer): readonly (number | string)[] =>
    peer.events.all.flatMap((event) => {
      if (isCommit(event)) return 'commit';
      return event['type'] === 'input_audio_buffer.append'
        ? Buffer.from(String(event['audio']), 'base64').length
        : [];
    });
  const say = {
    committed: (item_id: string) => ({ type: 'input_audio_buffer.committed', item_id }),
    delta: (item_id: string, delta: string) => ({
      type: 'conversation.item.input_audio_transcription.delta',
      item_id,
      delta,
    }),
    completed: (item_id: string, transcript: string) => ({
      type: 'conversation.item.input_audio_transcription.completed',
      item_id,
      transcript,
    }),
    error: (error: object) => ({ type: 'error', error }),
  };

  test('is asked for untouched mu-law and no turns of the service’s own', async () => {
    listen({ keyterms: ['Trattoria Sole', '<b>', ' '] });
    const peer = await service.peer();
    expect(peer.url.pathname + peer.url.search).toBe('/v1/realtime?intent=transcription');
    expect(peer.headers['authorization']).toBe('Bearer sk-0123456789');
    expect(await settings(peer)).toEqual({
      type: 'session.update',
      session: {
        type: 'transcription',
        audio: {
          input: {
            format: { type: 'audio/pcmu' },
            transcription: {
              model: 'gpt-live-transcribe',
              language: 'en',
              keywords: ['Trattoria Sole'],
              delay: 'low',
            },
            turn_detection: null,
          },
        },
      },
    });
  });

  test.each([
    ['gpt-transcribe', { keywords: ['Sole'] }],
    ['whisper-1', { prompt: 'Sole' }],
    ['gpt-realtime-whisper', { delay: 'low' }],
  ])('%s is told what to expect in its own way', async (model, hints) => {
    listen({ model, keyterms: ['Sole'] });
    const { session } = await settings(await service.peer());
    expect(session).toMatchObject({ audio: { input: { transcription: { model, ...hints } } } });
  });

  test('audio goes out in pieces of 80 ms, and what is left of one with the commit', async () => {
    const { stream } = listen();
    write(stream, 180);
    stream.finalize();
    const peer = await service.peer();
    await peer.events.until(isCommit);
    expect(sent(peer)).toEqual([640, 640, 160, 'commit']);
  });

  test('what is too short for a commit is filled up with silence', async () => {
    const { stream, heard } = listen();
    write(stream, 20);
    stream.finalize();
    const peer = await service.peer();
    await peer.events.until(isCommit);
    expect(sent(peer)).toEqual([160, 640, 'commit']);
    peer.say(say.committed('a'));
    peer.say(say.completed('a', 'Yes.'));
    expect(await heard.until(({ type }) => type === 'final')).toEqual({
      type: 'final',
      text: 'Yes.',
      fromFinalize: true,
      untilMs: 20,
    });
  });

  test('a second finalize with nothing in between is answered by the first', async () => {
    const { stream, heard } = listen();
    write(stream, 240, LOUD);
    write(stream, 720);
    const peer = await service.peer();
    await peer.events.until(isCommit);
    stream.finalize();
    peer.say(say.committed('a'));
    peer.say(say.completed('a', 'Yes.'));
    expect(await heard.until(({ type }) => type === 'final')).toMatchObject({ fromFinalize: true });
    expect(sent(peer).filter((one) => one === 'commit')).toHaveLength(1);
  });

  test('a pause ends a segment unasked', async () => {
    const { stream, heard } = listen();
    write(stream, 400, LOUD);
    write(stream, 1_500);
    write(stream, 400, LOUD);
    const peer = await service.peer();
    await peer.events.until(isCommit);
    peer.say(say.committed('a'));
    peer.say(say.completed('a', 'Yes.'));
    expect(await heard.until(({ type }) => type === 'final')).toMatchObject({
      text: 'Yes.',
      fromFinalize: false,
    });
    expect(sent(peer).filter((one) => one === 'commit')).toHaveLength(1);
  });

  test('who asks for the end of a segment in the middle of a word gets it after that word', async () => {
    const { stream } = listen();
    const peer = await service.peer();
    write(stream, 400, LOUD);
    stream.finalize();
    stream.finalize();
    write(stream, 160, LOUD);
    write(stream, 160);
    await peer.events.until(isCommit);
    expect(sent(peer)).toEqual([640, 640, 640, 640, 640, 640, 640, 640, 'commit', 1_280]);
    write(stream, 80, LOUD);
    stream.finalize();
    await clock.advance(400);
    await expect.poll(() => sent(peer).slice(-2)).toEqual([640, 'commit']);
  });

  test('the next segment begins with the quiet before it, so that no soft beginning is cut off', async () => {
    const { stream } = listen();
    write(stream, 240, LOUD);
    write(stream, 240);
    stream.finalize();
    write(stream, 80, LOUD);
    stream.finalize();
    write(stream, 80);
    const peer = await service.peer();
    await peer.events.until(() => peer.events.all.filter(isCommit).length === 2);
    expect(sent(peer)).toEqual([640, 640, 640, 640, 640, 640, 'commit', 1_920, 640, 'commit']);
  });

  test('audio from before the connection is sent first, at most the last 10 s of it', async () => {
    const gate = Promise.withResolvers<void>();
    service.acceptAfter(gate.promise);
    const { stream } = listen();
    write(stream, 14_000);
    gate.resolve();
    stream.finalize();
    const peer = await service.peer();
    await peer.events.until(isCommit);
    const bytes = sent(peer).reduce<number>((sum, one) => sum + (Number(one) || 0), 0);
    expect(bytes).toBeLessThanOrEqual(phoneBytes(10_000));
    expect(bytes).toBeGreaterThan(phoneBytes(9_900));
    expect(peer.events.all[0]?.['type']).toBe('session.update');
  });

  test('words of a segment are an interim, and wait for the final of the one before', async () => {
    const { stream, heard } = listen();
    const peer = await service.peer();
    write(stream, 400);
    stream.finalize();
    await peer.events.until(isCommit);
    write(stream, 400);
    for (const event of [
      say.delta('a', ' My'),
      say.delta('a', ' name'),
      say.committed('a'),
      say.delta('b', ' And'),
      say.delta('a', ' is'),
      say.completed('a', 'My name is'),
      say.delta('b', ' then'),
    ])
      peer.say(event);
    await heard.until((one) => one.type === 'interim' && one.text === 'And then');
    expect(heard.all).toEqual([
      { type: 'interim', text: 'My' },
      { type: 'interim', text: 'My name' },
      { type: 'interim', text: 'My name is' },
      { type: 'final', text: 'My name is', fromFinalize: true, untilMs: 400 },
      { type: 'interim', text: 'And' },
      { type: 'interim', text: 'And then' },
    ]);
  });

  test('a commit that the service found too short counts as one without words', async () => {
    const { stream, heard } = listen();
    const peer = await service.peer();
    write(stream, 200);
    stream.finalize();
    const commit = await peer.events.until(isCommit);
    peer.say(
      say.error({
        type: 'invalid_request_error',
        code: 'input_audio_buffer_commit_empty',
        message: 'buffer too small',
        event_id: commit['event_id'],
      }),
    );
    expect(await heard.until(({ type }) => type === 'final')).toMatchObject({ text: '' });
  });

  test.each([
    [{ type: 'invalid_request_error', code: 'invalid_api_key', message: 'sk-0...6789' }, 'refused'],
    [{ type: 'invalid_request_error', code: 'invalid_value', message: 'No.' }, 'invalid'],
    [{ type: 'invalid_request_error', code: null, message: 'No.' }, 'invalid'],
    [{ type: 'insufficient_quota', code: 'insufficient_quota', message: 'Pay.' }, 'quota'],
    [{ type: 'requests', code: 'rate_limit_exceeded', message: 'Wait.' }, 'limited'],
    [{ type: 'server_error', code: null, message: 'Oops.' }, 'unreachable'],
    [{ type: 'invalid_request_error', code: 'session_expired', message: 'Over.' }, 'closed'],
    [undefined, 'garbled'],
  ])('an error %j means %s', async (error, code) => {
    const { heard } = listen();
    (await service.peer()).say({ type: 'error', error });
    const failed = await heard.until(isFailed);
    expect(failed).toMatchObject({ failure: { code } });
    expect(JSON.stringify(failed)).not.toContain('6789');
  });

  test.each([
    [3_000, 'invalid_request_error.invalid_api_key', 'refused'],
    [4_000, 'invalid_request_error.invalid_model', 'invalid'],
    [4_000, 'insufficient_quota.insufficient_quota', 'quota'],
    [1_001, 'Your session hit the maximum duration of 60 minutes.', 'closed'],
    [1_011, '', 'closed'],
  ])('an end with %i %s means %s', async (closeCode, reason, code) => {
    const { heard } = listen();
    (await service.peer()).socket.close(closeCode, reason);
    expect(await heard.until(isFailed)).toMatchObject({ failure: { code } });
  });

  test.each([
    { type: 'input_audio_buffer.committed' },
    { type: 'conversation.item.input_audio_transcription.completed', item_id: 'a' },
    { type: 'conversation.item.input_audio_transcription.delta', delta: 'a' },
  ])('%j is garbled', async (event) => {
    const { heard } = listen();
    (await service.peer()).say(event);
    expect(await heard.until(isFailed)).toMatchObject({ failure: { code: 'garbled' } });
  });

  test('a segment that could not be written is lost to this vendor', async () => {
    const { heard } = listen();
    (await service.peer()).say({
      type: 'conversation.item.input_audio_transcription.failed',
      item_id: 'a',
      error: { type: 'server_error', code: 'server_error', message: 'Oops.' },
    });
    expect(await heard.until(isFailed)).toMatchObject({ failure: { code: 'unreachable' } });
  });

  test('a transcript that does not come in time is a failure, and other answers are no transcript', async () => {
    const { stream, heard } = listen();
    const peer = await service.peer();
    write(stream, 200);
    stream.finalize();
    await peer.events.until(isCommit);
    peer.say(say.committed('a'));
    peer.say(say.delta('a', ' Yes'));
    await heard.until(({ type }) => type === 'interim');
    const alive = setInterval(() => peer.socket.pong(), 1);
    for (let i = 0; i < 9 && !heard.all.some(isFailed); i++) {
      await clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    clearInterval(alive);
    expect(heard.all.at(-1)).toMatchObject({
      type: 'failed',
      failure: { code: 'timeout', message: 'openai sent no transcript within 8000 ms' },
    });
    expect(clock.pending).toBe(0);
  });

  test('a session near its limit is replaced at a pause, and no word of the old one is lost', async () => {
    let offsetMs = 0;
    const late: Clock = { ...clock, now: () => clock.now() + offsetMs };
    const { stream, heard } = listen({ clock: late });
    const old = await service.peer();
    write(stream, 400);
    offsetMs = 55 * 60_000;
    stream.finalize();
    await old.events.until(isCommit);
    write(stream, 400);
    stream.finalize();
    const fresh = await service.peer(2);
    await fresh.events.until(isCommit);
    fresh.say(say.committed('b'));
    fresh.say(say.completed('b', 'Second.'));
    old.say(say.committed('a'));
    const closed = new Promise((resolve) => old.socket.on('close', resolve));
    old.say(say.completed('a', 'First.'));
    await heard.until((one) => one.type === 'final' && one.text === 'Second.');
    await closed;
    expect(heard.all).toEqual([
      { type: 'final', text: 'First.', fromFinalize: true, untilMs: 400 },
      { type: 'final', text: 'Second.', fromFinalize: true, untilMs: 800 },
    ]);
    expect(sent(old)).toEqual([640, 640, 640, 640, 640, 'commit']);
    expect(fresh.socket.readyState).toBe(fresh.socket.OPEN);
  });

  test('a stream that was closed is told no more of what was on its way', async () => {
    const { stream, heard } = listen();
    const peer = await service.peer();
    const listening = heard.until(({ type }) => type === 'interim').then(() => stream.close());
    peer.say(say.delta('a', ' Yes'));
    await listening;
    peer.say(say.delta('a', ' please'));
    await new Promise((resolve) => peer.socket.on('close', resolve));
    expect(heard.all).toHaveLength(1);
    await expect.poll(() => clock.pending).toBe(0);
  });
});
