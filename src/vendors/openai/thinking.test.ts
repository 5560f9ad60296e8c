import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LanguageModel, Thought } from '#contracts/language-model.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { portOf } from '#test/support/port.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { openaiLanguageModel } from './language-model.ts';

/** Answers that a simulator gives only by accident. */
describe('an answer of OpenAI', () => {
  let response: PromiseWithResolvers<ServerResponse>;
  let clock: VirtualClock;
  let model: LanguageModel;
  let connectionCount: number;
  const server = createServer((request, answer) => {
    request.resume().on('end', () => response.resolve(answer));
  });
  server.on('connection', () => (connectionCount += 1));
  beforeEach(async () => {
    response = Promise.withResolvers();
    connectionCount = 0;
    clock = virtualClock();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    model = openaiLanguageModel({
      apiKey: 'sk-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(server)}/v1`,
      clock,
      log: silentLog,
    });
  });
  afterEach(async () => {
    model.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const think = (): Recorder<Thought> => {
    const thoughts = recorder<Thought>();
    model.think(
      {
        systemPrompt: 'You answer the phone.',
        context: [{ role: 'caller', text: 'Hello?' }],
        tools: [],
        maxOutputTokens: 64,
      },
      thoughts.on,
    );
    return thoughts;
  };
  const event = (fields: object): string => `data: ${JSON.stringify(fields)}\n\n`;
  const delta = (text: string): string =>
    event({ type: 'response.output_text.delta', delta: text });
  const isEnd = ({ type }: Thought): boolean => type === 'done' || type === 'failed';

  test('that stalls after some words has failed by the deadline, and the connection is gone', async () => {
    const thoughts = think();
    const answer = await response.promise;
    answer.write(delta('Well'));
    await thoughts.until(({ type }) => type === 'delta');
    const gone = new Promise((resolve) => answer.on('close', resolve));
    await clock.advance(6_000);
    expect(thoughts.all.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'timeout' } });
    await gone;
    expect(clock.pending).toBe(0);
  });

  test('that reasons in silence may take longer for its first word', async () => {
    const thoughts = think();
    const answer = await response.promise;
    answer.write(event({ type: 'response.created' }));
    await clock.advance(9_000);
    answer.write(delta('Well'));
    await thoughts.until(({ type }) => type === 'delta');
    answer.end(
      event({
        type: 'response.completed',
        response: { usage: { input_tokens: 3, output_tokens: 2 } },
      }),
    );
    expect(await thoughts.until(isEnd)).toEqual({ type: 'done', inputTokens: 3, outputTokens: 2 });
  });

  test('cut at the limit of tokens stands as far as it goes', async () => {
    const thoughts = think();
    (await response.promise).end(
      delta('Well, to begin') + event({ type: 'response.incomplete', response: {} }),
    );
    expect((await thoughts.until(isEnd)).type).toBe('done');
  });

  test('a refusal in words is spoken', async () => {
    const thoughts = think();
    (await response.promise).end(
      event({ type: 'response.refusal.delta', delta: 'I cannot.' }) +
        event({ type: 'response.completed', response: {} }),
    );
    await thoughts.until(isEnd);
    expect(thoughts.all[0]).toEqual({ type: 'delta', text: 'I cannot.' });
  });

  test.each([
    [
      {
        type: 'response.failed',
        response: { error: { code: 'rate_limit_exceeded', message: 'Slow down.' } },
      },
      'limited',
    ],
    [
      { type: 'response.failed', response: { error: { code: 'server_error', message: 'Oops.' } } },
      'unreachable',
    ],
    [{ type: 'response.failed', response: {} }, 'garbled'],
    [{ type: 'error', code: 'insufficient_quota', message: 'No money.' }, 'quota'],
    [{ type: 'error', error: { code: 'invalid_prompt', message: 'No.' } }, 'invalid'],
    [{ type: 'response.output_item.done', item: { type: 'function_call', name: 'a' } }, 'garbled'],
  ])('%o means %s', async (message, code) => {
    const thoughts = think();
    (await response.promise).end(event(message));
    expect(await thoughts.until(isEnd)).toMatchObject({ type: 'failed', failure: { code } });
  });

  test('that ends without an end was cut', async () => {
    const thoughts = think();
    (await response.promise).end(delta('Well'));
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code: 'closed' } });
  });

  test('the next question goes over the connection that is there', async () => {
    for (let i = 0; i < 3; i++) {
      response = Promise.withResolvers();
      const thoughts = think();
      (await response.promise).end(event({ type: 'response.completed', response: {} }));
      await thoughts.until(isEnd);
      // The rest of the body is read in the next turns of the event loop.
      await expect.poll(() => clock.pending).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(connectionCount).toBe(1);
  });

  test('warm opens the connection that the first question uses', async () => {
    model.warm();
    (await response.promise).end('{}');
    response = Promise.withResolvers();
    await expect.poll(() => clock.pending).toBe(0);
    const thoughts = think();
    (await response.promise).end(event({ type: 'response.completed', response: {} }));
    await thoughts.until(isEnd);
    expect(connectionCount).toBe(1);
  });
});
