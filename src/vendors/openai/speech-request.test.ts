import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Spoken, TextToSpeech } from '#contracts/text-to-speech.ts';
import { silentLog } from '#lib/log.ts';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { portOf } from '#test/support/port.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { openaiTextToSpeech } from './text-to-speech.ts';

/** Answers that a simulator gives only by accident. */
describe('a speech request to OpenAI', () => {
  let exchange: PromiseWithResolvers<{ asked: JsonRecord | undefined; answer: ServerResponse }>;
  let clock: VirtualClock;
  let vendors: TextToSpeech[];
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      exchange.resolve({ asked: parseRecord(Buffer.concat(chunks).toString()), answer }),
    );
  });
  beforeEach(async () => {
    exchange = Promise.withResolvers();
    clock = virtualClock();
    vendors = [];
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const vendor of vendors) vendor.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const speak = (model = 'gpt-4o-mini-tts'): Recorder<Spoken> => {
    const vendor = openaiTextToSpeech({
      apiKey: 'sk-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(server)}/v1`,
      clock,
      log: silentLog,
      model,
    });
    vendors.push(vendor);
    const spoken = recorder<Spoken>();
    const utterance = vendor.speak({ voice: 'marin', language: 'en' }, spoken.on);
    utterance.push('Hello.');
    utterance.finish();
    return spoken;
  };
  const event = (fields: object): string => `data: ${JSON.stringify(fields)}\n\n`;
  const delta = (pcm: Buffer): string =>
    event({ type: 'speech.audio.delta', audio: pcm.toString('base64') });
  const isEnd = ({ type }: Spoken): boolean => type === 'done' || type === 'failed';
  const lengthOf = (spoken: Recorder<Spoken>): number =>
    spoken.all.reduce((sum, said) => sum + (said.type === 'audio' ? said.audio.length : 0), 0);

  test('asks for events where the model has them, for samples where it has none', async () => {
    speak();
    expect((await exchange.promise).asked).toEqual({
      model: 'gpt-4o-mini-tts',
      voice: 'marin',
      input: 'Hello.',
      response_format: 'pcm',
      stream_format: 'sse',
    });
    exchange = Promise.withResolvers();
    speak('tts-1');
    expect((await exchange.promise).asked).toMatchObject({ stream_format: 'audio' });
  });

  test('becomes a third of its samples, however they are cut', async () => {
    const spoken = speak();
    const { answer } = await exchange.promise;
    const pcm = Buffer.alloc(2 * 24_000);
    for (let from = 0; from < pcm.length; from += 3_331)
      answer.write(delta(pcm.subarray(from, from + 3_331)));
    answer.end(event({ type: 'speech.audio.done', usage: {} }));
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(lengthOf(spoken)).toBe(8_000);
  });

  test('of the first models ends with its body', async () => {
    const spoken = speak('tts-1');
    (await exchange.promise).answer.end(Buffer.alloc(2 * 2_400));
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(lengthOf(spoken)).toBe(800);
  });

  test.each([
    [event({ type: 'error', error: { type: 'server_error', message: 'Oops.' } }), 'unreachable'],
    [event({ type: 'error', code: 'insufficient_quota', message: 'Pay.' }), 'quota'],
    ['data: {"type":\n\n', 'garbled'],
    [event({ type: 'speech.audio.delta' }), 'garbled'],
    [event({ type: 'from.the.future' }), 'closed'],
    [delta(Buffer.alloc(4_800)), 'closed'],
  ])('with the answer %j has failed as %s', async (body, code) => {
    const spoken = speak();
    (await exchange.promise).answer.end(body);
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code } });
    expect(clock.pending).toBe(0);
  });

  test('that is broken off in the middle has closed', async () => {
    const spoken = speak('tts-1');
    const { answer } = await exchange.promise;
    answer.write(Buffer.alloc(4_800));
    await spoken.until(({ type }) => type === 'audio');
    answer.socket?.resetAndDestroy();
    expect(await spoken.until(isEnd)).toMatchObject({ failure: { code: 'closed' } });
  });

  test('that stalls has failed by the deadline, and the connection is gone', async () => {
    const spoken = speak();
    const { answer } = await exchange.promise;
    answer.write(delta(Buffer.alloc(4_800)));
    await spoken.until(({ type }) => type === 'audio');
    const gone = new Promise((resolve) => answer.on('close', resolve));
    await clock.advance(5_000);
    expect(spoken.all.at(-1)).toMatchObject({ failure: { code: 'timeout' } });
    await gone;
  });
});
