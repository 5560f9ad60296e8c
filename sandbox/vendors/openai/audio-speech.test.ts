import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { openEar } from '../../speech/ear.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { isObject, parseObject } from '../json.ts';
import { during } from '../test-time.ts';
import { startOpenAI } from './server.ts';
import type { OpenAISimulator } from './server.ts';
import { KEY } from './test-fixtures.ts';

const TEXT = 'I would like to book a table.';

let bank: VoiceBank & AsyncDisposable;
beforeAll(async () => void (bank = await createVoiceBank()));
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let simulator: OpenAISimulator;
let client: OpenAI;
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
  client = new OpenAI({ apiKey: KEY, baseURL: simulator.url, maxRetries: 0, logLevel: 'off' });
});
afterEach(async () => {
  await simulator.close();
  expect(clock.pending).toBe(0);
});

function heard(pcm: Buffer): string {
  const ear = openEar(bank)({ encoding: 'linear16', sampleRateHz: 24_000 });
  ear.write(pcm);
  ear.end();
  return ear.words.map(({ text }) => text).join(' ');
}

const asked = { model: 'gpt-4o-mini-tts', voice: 'marin', input: TEXT } as const;

describe("OpenAI's speech SDK", () => {
  it('streams samples', async () => {
    const pcm = await during(
      clock,
      (async () => {
        const answer = await client.audio.speech.create({ ...asked, response_format: 'pcm' });
        return Buffer.from(await answer.arrayBuffer());
      })(),
    );
    expect(heard(pcm)).toBe(TEXT);
    expect(simulator.speeches()).toMatchObject([{ text: TEXT, outcome: 'completed' }]);
  });

  it('streams events, and the cost at their end', async () => {
    const text = await during(
      clock,
      (async () => {
        const answer = await client.audio.speech.create({
          ...asked,
          response_format: 'pcm',
          stream_format: 'sse',
        });
        expect(answer.headers.get('content-type')).toContain('text/event-stream');
        return answer.text();
      })(),
    );
    const events = text
      .split('\n\n')
      .filter((block) => block !== '')
      .map((block) => parseObject(block.replace(/^data: /, '')) ?? {});
    const done = events.pop();
    expect(done).toMatchObject({ type: 'speech.audio.done' });
    expect(isObject(done?.['usage'])).toBe(true);
    const chunks = events.map(({ audio }) => Buffer.from(String(audio), 'base64'));
    expect(chunks.length).toBeGreaterThan(5);
    expect(heard(Buffer.concat(chunks))).toBe(TEXT);
  });

  it.each([
    [{ model: 'tts-9' }, { status: 404, code: 'model_not_found' }],
    [{ voice: 'nobody' }, { status: 400, param: 'voice' }],
    [
      { model: 'tts-1', voice: 'marin' },
      { status: 400, param: 'voice' },
    ],
    [{ model: 'tts-1', voice: 'nova', stream_format: 'sse' }, { param: 'stream_format' }],
    [{ input: '' }, { param: 'input', code: 'string_below_min_length' }],
    [{ input: 'a'.repeat(4_097) }, { param: 'input', code: 'string_above_max_length' }],
    [{ speed: 5 }, { param: 'speed' }],
    [{ language: 'en' }, { param: 'language', code: 'unknown_parameter' }],
  ] as const)('is refused %j', async (fields, error) => {
    await expect(
      client.audio.speech.create({ ...asked, response_format: 'pcm', ...fields }),
    ).rejects.toMatchObject(error);
  });

  it('understands every refusal', async () => {
    const ask = () => client.audio.speech.create({ ...asked, response_format: 'pcm' });
    faults.plan(1, { kind: 'limit' });
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    faults.plan(1, { kind: 'quota' });
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
    faults.plan(1, { kind: 'server-error' });
    await expect(ask()).rejects.toMatchObject({ status: 500 });
  });

  it('stops the voice when it aborts', async () => {
    const abort = new AbortController();
    const answer = await during(
      clock,
      client.audio.speech.create(
        { ...asked, input: `${TEXT} `.repeat(20).trim(), response_format: 'pcm' },
        { signal: abort.signal },
      ),
    );
    expect(answer.status).toBe(200);
    abort.abort();
    await expect.poll(() => simulator.speeches()[0]?.outcome).toBe('aborted');
  });
});
