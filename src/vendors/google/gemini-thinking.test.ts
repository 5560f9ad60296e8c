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
import { googleLanguageModel } from './language-model.ts';

/** Answers that a simulator gives only by accident. */
describe('an answer of Gemini', () => {
  let response: PromiseWithResolvers<ServerResponse>;
  let clock: VirtualClock;
  let model: LanguageModel;
  const server = createServer((request, answer) => {
    request.resume().on('end', () => response.resolve(answer));
  });
  beforeEach(async () => {
    response = Promise.withResolvers();
    clock = virtualClock();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    model = googleLanguageModel({
      apiKey: 'AIza0123456789',
      baseUrl: `http://127.0.0.1:${portOf(server)}`,
      clock,
      log: silentLog,
    });
  });
  afterEach(async () => {
    model.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(clock.pending).toBe(0);
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
  const event = (fields: object): string => `data: ${JSON.stringify(fields)}\r\n\r\n`;
  const said = (parts: readonly object[], rest: object = {}): string =>
    event({ candidates: [{ content: { role: 'model', parts }, ...rest }] });
  const isEnd = ({ type }: Thought): boolean => type === 'done' || type === 'failed';

  test('that stalls after some words has failed by the deadline, and the connection is gone', async () => {
    const thoughts = think();
    const answer = await response.promise;
    answer.write(said([{ text: 'Well' }]));
    await thoughts.until(({ type }) => type === 'delta');
    const gone = new Promise((resolve) => answer.on('close', resolve));
    await clock.advance(6_000);
    expect(thoughts.all.at(-1)).toMatchObject({ type: 'failed', failure: { code: 'timeout' } });
    await gone;
  });

  test('keeps its thoughts to itself, and counts them', async () => {
    const thoughts = think();
    (await response.promise).end(
      said([{ text: 'The caller greets me.', thought: true }, { text: 'Hello!' }]) +
        event({
          candidates: [{ finishReason: 'STOP' }],
          usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 2, thoughtsTokenCount: 5 },
        }),
    );
    expect(await thoughts.until(isEnd)).toEqual({ type: 'done', inputTokens: 9, outputTokens: 7 });
    expect(thoughts.all[0]).toEqual({ type: 'delta', text: 'Hello!' });
  });

  test('cut at the limit of tokens, or by a filter, stands as far as it goes', async () => {
    for (const finishReason of ['MAX_TOKENS', 'SAFETY', 'RECITATION']) {
      response = Promise.withResolvers();
      const thoughts = think();
      (await response.promise).end(said([{ text: 'Well, to begin' }], { finishReason }));
      expect((await thoughts.until(isEnd)).type).toBe('done');
    }
  });

  test('calls of tools without ids get ids of their own', async () => {
    const thoughts = think();
    const functionCall = { name: 'book', args: { people: 2 } };
    (await response.promise).end(
      said([{ functionCall }, { functionCall }], { finishReason: 'STOP' }),
    );
    await thoughts.until(isEnd);
    const ids = thoughts.all.flatMap((thought) =>
      thought.type === 'tool-call' ? thought.callId : [],
    );
    expect(new Set(ids).size).toBe(2);
  });

  test.each([
    [{ candidates: [{ finishReason: 'SAFETY' }] }, 'invalid'],
    [{ candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL' }] }, 'garbled'],
    [{ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } }, 'invalid'],
    [{ candidates: [{ content: { parts: [{ functionCall: {} }] } }] }, 'garbled'],
    [{ error: { code: 503, status: 'UNAVAILABLE', message: 'Overloaded.' } }, 'unreachable'],
    [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Slow down.' } }, 'limited'],
  ])('%o means %s', async (message, code) => {
    const thoughts = think();
    (await response.promise).end(event(message));
    expect(await thoughts.until(isEnd)).toMatchObject({ type: 'failed', failure: { code } });
  });

  test('that ends without an end was cut', async () => {
    const thoughts = think();
    (await response.promise).end(said([{ text: 'Well' }]));
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code: 'closed' } });
  });

  test('aborted by who hears its first word says no second', async () => {
    const texts: Thought[] = [];
    const thinking = model.think(
      { systemPrompt: '', context: [], tools: [], maxOutputTokens: 64 },
      (thought) => {
        texts.push(thought);
        thinking.abort();
      },
    );
    const answer = await response.promise;
    const gone = new Promise((resolve) => answer.on('close', resolve));
    answer.write(said([{ text: 'Well' }, { text: ', hello' }]));
    await gone;
    expect(texts).toEqual([{ type: 'delta', text: 'Well' }]);
  });
});
