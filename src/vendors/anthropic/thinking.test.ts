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
import { anthropicLanguageModel } from './language-model.ts';

/** Answers that a simulator gives only by accident. */
describe('an answer of Anthropic', () => {
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
    model = anthropicLanguageModel({
      apiKey: 'sk-ant-0123456789',
      baseUrl: `http://127.0.0.1:${portOf(server)}`,
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
  const event = (type: string, fields: object = {}): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
  const blockStart = (content_block: object): string =>
    event('content_block_start', { index: 0, content_block });
  const blockDelta = (delta: object): string => event('content_block_delta', { index: 0, delta });
  const BLOCK_STOP = event('content_block_stop', { index: 0 });
  const text = (words: string): string => blockDelta({ type: 'text_delta', text: words });
  const stop = (stop_reason: string): string =>
    event('message_delta', { delta: { stop_reason }, usage: { output_tokens: 5 } }) +
    event('message_stop');
  const isEnd = ({ type }: Thought): boolean => type === 'done' || type === 'failed';

  test('may hold events and blocks that nobody knows yet', async () => {
    const thoughts = think();
    (await response.promise).end(
      event('mood_changed') +
        blockStart({ type: 'hologram' }) +
        blockDelta({ type: 'hologram_delta', text: 'Boo' }) +
        BLOCK_STOP +
        text('Well.') +
        stop('end_turn'),
    );
    await thoughts.until(isEnd);
    expect(thoughts.all).toEqual([
      { type: 'delta', text: 'Well.' },
      { type: 'done', inputTokens: 0, outputTokens: 5 },
    ]);
  });

  test('that thinks in spite of us is waited for, and its thoughts are not spoken', async () => {
    const thoughts = think();
    const answer = await response.promise;
    answer.write(blockStart({ type: 'thinking', thinking: '' }));
    await clock.advance(9_000);
    answer.write(blockDelta({ type: 'thinking_delta', thinking: 'Hm.' }));
    // A second deadline begins with every piece; the first one is over by now.
    await expect.poll(() => clock.pending).toBe(1);
    answer.end(BLOCK_STOP + text('Yes.') + stop('end_turn'));
    expect(await thoughts.until(isEnd)).toMatchObject({ type: 'done' });
    expect(thoughts.all[0]).toEqual({ type: 'delta', text: 'Yes.' });
  });

  test('joins the pieces of a tool call, and calls a tool without arguments', async () => {
    const thoughts = think();
    (await response.promise).end(
      blockStart({ type: 'tool_use', id: 'toolu_1', name: 'book', input: {} }) +
        blockDelta({ type: 'input_json_delta', partial_json: '' }) +
        blockDelta({ type: 'input_json_delta', partial_json: '{"peo' }) +
        blockDelta({ type: 'input_json_delta', partial_json: 'ple":2}' }) +
        BLOCK_STOP +
        blockStart({ type: 'tool_use', id: 'toolu_2', name: 'end_call', input: {} }) +
        BLOCK_STOP +
        stop('tool_use'),
    );
    await thoughts.until(isEnd);
    expect(thoughts.all.slice(0, 2)).toEqual([
      { type: 'tool-call', callId: 'toolu_1', name: 'book', arguments: '{"people":2}' },
      { type: 'tool-call', callId: 'toolu_2', name: 'end_call', arguments: '{}' },
    ]);
  });

  test('cut at the limit of tokens stands as far as it goes', async () => {
    const thoughts = think();
    (await response.promise).end(text('Well, to begin') + stop('max_tokens'));
    expect((await thoughts.until(isEnd)).type).toBe('done');
  });

  test('a refusal is a failure only where nothing was said', async () => {
    const silent = think();
    (await response.promise).end(stop('refusal'));
    expect(await silent.until(isEnd)).toMatchObject({ failure: { code: 'invalid' } });
    response = Promise.withResolvers();
    const spoken = think();
    (await response.promise).end(text('I cannot.') + stop('refusal'));
    expect((await spoken.until(isEnd)).type).toBe('done');
  });

  test.each([
    [{ type: 'rate_limit_error', message: 'Slow down.' }, 'limited'],
    [{ type: 'overloaded_error', message: 'Overloaded' }, 'unreachable'],
    [{ type: 'api_error', message: 'Oops.' }, 'unreachable'],
    [{ type: 'billing_error', message: 'No money.' }, 'quota'],
    [{ type: 'authentication_error', message: 'sk-ant-0123456789 is wrong' }, 'refused'],
    [{ type: 'invalid_request_error', message: 'No.' }, 'invalid'],
    [{ type: 'timeout_error', message: 'Late.' }, 'timeout'],
    [{ type: 'error_of_tomorrow', message: 'Oh.' }, 'unreachable'],
    ['nothing to say', 'garbled'],
  ])('an error of %o in the stream means %s', async (error, code) => {
    const thoughts = think();
    (await response.promise).end(text('Well') + event('error', { error }));
    const end = await thoughts.until(isEnd);
    expect(end).toMatchObject({ type: 'failed', failure: { code } });
    expect(JSON.stringify(end)).not.toContain('sk-ant-0123456789');
  });

  test.each([
    [400, 'Your credit balance is too low to access the Anthropic API.', 'quota'],
    [400, 'You have reached your specified API usage limits.', 'quota'],
    [400, 'messages: too many', 'invalid'],
    [529, 'Overloaded', 'unreachable'],
  ])('HTTP %i with "%s" means %s', async (status, message, code) => {
    const thoughts = think();
    (await response.promise)
      .writeHead(status)
      .end(JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } }));
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code } });
  });

  test.each([
    ['a block without content', event('content_block_start')],
    ['a delta without content', event('content_block_delta')],
    ['a tool call without a name', blockStart({ type: 'tool_use', id: 'toolu_1' })],
  ])('%s is garbled', async (_, garbage) => {
    const thoughts = think();
    (await response.promise).end(garbage);
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code: 'garbled' } });
  });

  test('that ends without an end was cut', async () => {
    const thoughts = think();
    (await response.promise).end(text('Well'));
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code: 'closed' } });
  });

  test('pings alone do not keep it alive', async () => {
    const thoughts = think();
    const answer = await response.promise;
    answer.write(event('ping'));
    await clock.advance(10_000);
    expect(await thoughts.until(isEnd)).toMatchObject({ failure: { code: 'timeout' } });
  });

  test('warm opens the connection that every question uses', async () => {
    model.warm();
    (await response.promise).end('{}');
    for (let i = 0; i < 3; i++) {
      response = Promise.withResolvers();
      await expect.poll(() => clock.pending).toBe(0);
      await new Promise((resolve) => setImmediate(resolve));
      const thoughts = think();
      (await response.promise).end(stop('end_turn'));
      await thoughts.until(isEnd);
    }
    expect(connectionCount).toBe(1);
  });
});
