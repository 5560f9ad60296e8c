import OpenAI, { APIConnectionError } from 'openai';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import { during } from '../test-time.ts';
import type { Brain } from '../brain.ts';
import { startOpenAI } from './server.ts';
import type { OpenAISimulator } from './server.ts';
import { KEY, weather } from './test-fixtures.ts';

/** Asks for the weather before it speaks of it; otherwise repeats what it was told. */
const brain: Brain = ({ instructions, items, tools }) => {
  const last = items.at(-1);
  if (last?.type === 'function_call_output') return { text: `It is ${last.output}.` };
  const text = last?.type === 'message' ? last.text : '';
  if (text.includes('weather') && tools.includes('weather'))
    return { text: 'One moment.', toolCalls: [{ name: 'weather', arguments: { city: 'Riga' } }] };
  return { text: `${instructions} You said: ${text}` };
};

let clock = virtualClock();
let faults = createFaults();
let simulator: OpenAISimulator;
let client: OpenAI;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  simulator = await startOpenAI({ brain, clock, keys: [KEY], faults });
  client = new OpenAI({ apiKey: KEY, baseURL: simulator.url, maxRetries: 0, logLevel: 'off' });
});
afterEach(async () => {
  await simulator.close();
  expect(clock.pending).toBe(0);
});

async function streamAll(
  body: OpenAI.Responses.ResponseCreateParamsStreaming,
): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = [];
  for await (const event of await client.responses.create(body)) events.push(event);
  return events;
}

describe("OpenAI's SDK", () => {
  it('streams a reply as the service does, event by event', async () => {
    const events = await during(
      clock,
      streamAll({ model: 'gpt-5.4-mini', instructions: 'Sir.', input: 'Hello', stream: true }),
    );
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    const text = events
      .map((event) => (event.type === 'response.output_text.delta' ? event.delta : ''))
      .join('');
    expect(text).toBe('Sir. You said: Hello');
    const last = events.at(-1);
    if (last?.type !== 'response.completed') throw new Error('it did not complete');
    expect(last.response).toMatchObject({ status: 'completed', model: 'gpt-5.4-mini' });
    expect(last.response.usage?.output_tokens).toBe(
      types.filter((type) => type === 'response.output_text.delta').length,
    );
  });

  it('carries a tool call there and back', async () => {
    const first = await during(
      clock,
      streamAll({
        model: 'gpt-5.4-mini',
        input: [{ role: 'user', content: 'What is the weather?' }],
        tools: [weather],
        stream: true,
        store: false,
      }),
    );
    const call = first
      .flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []))
      .find((item) => item.type === 'function_call');
    if (!call) throw new Error('no tool was called');
    const written = first
      .map((event) => (event.type === 'response.function_call_arguments.delta' ? event.delta : ''))
      .join('');
    expect(JSON.parse(written)).toEqual({ city: 'Riga' });
    expect(call).toMatchObject({ name: 'weather', arguments: written });

    const second = await during(
      clock,
      client.responses.create({
        model: 'gpt-5.4-mini',
        input: [
          { role: 'user', content: 'What is the weather?' },
          {
            type: 'function_call',
            call_id: call.call_id,
            name: call.name,
            arguments: call.arguments,
          },
          { type: 'function_call_output', call_id: call.call_id, output: 'sunny' },
        ],
        tools: [weather],
      }),
    );
    expect(second.output_text).toBe('It is sunny.');
    expect(second.status).toBe('completed');
  });

  it('helps itself to the accumulated stream', async () => {
    const stream = client.responses.stream({ model: 'gpt-6-luna', input: 'Hello' });
    const final = await during(clock, stream.finalResponse());
    expect(final.output_text).toBe(' You said: Hello');
  });

  it('gets an incomplete response when the budget of tokens is used up', async () => {
    const response = await during(
      clock,
      client.responses.create({
        model: 'gpt-4.1',
        input: 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen',
        max_output_tokens: 16,
      }),
    );
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 16 },
    });
  });

  it('stops the generation at once when it aborts', async () => {
    const abort = new AbortController();
    const stream = await during(
      clock,
      client.responses.create(
        { model: 'gpt-5.4-mini', input: 'word '.repeat(400), stream: true },
        { signal: abort.signal },
      ),
    );
    let deltas = 0;
    await during(
      clock,
      (async () => {
        for await (const event of stream)
          if (event.type === 'response.output_text.delta' && ++deltas === 3) abort.abort();
      })(),
    );
    await during(clock, untilAborted());
    const tokens = simulator.responses()[0]?.tokens ?? 0;
    await clock.advance(10_000);
    expect(simulator.responses()[0]).toMatchObject({ outcome: 'aborted', tokens });
    expect(tokens).toBeLessThan(400);
    expect(simulator.requests()[0]).toMatchObject({ status: 200, aborted: true });
  });

  it('lists the models, and finds one', async () => {
    expect((await client.models.list()).data.length).toBeGreaterThan(5);
    expect(await client.models.retrieve('gpt-5.4-mini')).toMatchObject({ id: 'gpt-5.4-mini' });
    await expect(client.models.retrieve('gpt-0')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
  });

  it('understands every refusal', async () => {
    const ask = () => client.responses.create({ model: 'gpt-5.4-mini', input: 'Hello' });
    faults.plan(1, { kind: 'refuse' });
    await expect(ask()).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    faults.plan(1, { kind: 'limit' });
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    faults.plan(1, { kind: 'quota' });
    await expect(ask()).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
    faults.plan(1, { kind: 'server-error' });
    await expect(ask()).rejects.toMatchObject({ status: 500, type: 'server_error' });
    faults.plan(1, { kind: 'reset' });
    await expect(ask()).rejects.toBeInstanceOf(APIConnectionError);
  });

  it('meets the ways a stream can break', async () => {
    const ask = () =>
      during(clock, streamAll({ model: 'gpt-5.4-mini', input: 'Hello', stream: true }));
    faults.plan(1, { kind: 'die', afterMessages: 6 });
    await expect(ask()).rejects.toThrow();
    faults.plan(1, { kind: 'fail', afterMessages: 6 });
    await expect(ask()).rejects.toMatchObject({ code: 'server_error' });
    faults.plan(1, { kind: 'garble', message: 6 });
    await expect(ask()).rejects.toThrow();
    faults.plan(1, { kind: 'reorder', message: 1 });
    expect((await ask()).map(({ type }) => type).slice(0, 2)).toEqual([
      'response.in_progress',
      'response.created',
    ]);
  });

  it('sends the first token when it is due, and the others at their pace', async () => {
    const arrivals: number[] = [];
    const startedAtMs = clock.now();
    await during(
      clock,
      (async () => {
        const stream = await client.responses.create({
          model: 'gpt-5.4-mini',
          input: 'Hello',
          stream: true,
        });
        for await (const event of stream)
          if (event.type === 'response.output_text.delta') arrivals.push(clock.now() - startedAtMs);
      })(),
      1,
    );
    expect(arrivals[0]).toBeGreaterThanOrEqual(400);
    const spanMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
    expect(spanMs).toBeGreaterThanOrEqual(((arrivals.length - 1) * 1_000) / 60 - 10);
  });
});

/** Resolves once the simulator has seen its first client go. */
async function untilAborted(): Promise<void> {
  while (simulator.responses()[0]?.outcome !== 'aborted') await clock.sleep(1);
}
