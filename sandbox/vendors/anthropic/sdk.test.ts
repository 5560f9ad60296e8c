import Anthropic, { APIConnectionError } from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { Brain } from '../brain.ts';
import { during } from '../test-time.ts';
import { startAnthropic } from './server.ts';
import type { AnthropicSimulator } from './server.ts';
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

const hello = {
  model: 'claude-haiku-5-5',
  max_tokens: 256,
  thinking: { type: 'disabled' },
  system: 'Sir.',
  messages: [{ role: 'user', content: 'Hello' }],
} as const satisfies Anthropic.MessageCreateParams;

let clock = virtualClock();
let faults = createFaults();
let simulator: AnthropicSimulator;
let client: Anthropic;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  simulator = await startAnthropic({ brain, clock, keys: [KEY], faults });
  client = new Anthropic({ apiKey: KEY, baseURL: simulator.url, maxRetries: 0, logLevel: 'off' });
});
afterEach(async () => {
  await simulator.close();
  expect(clock.pending).toBe(0);
});

type StreamParams = Anthropic.MessageCreateParamsNonStreaming;

async function streamAll(body: StreamParams): Promise<Anthropic.RawMessageStreamEvent[]> {
  const events: Anthropic.RawMessageStreamEvent[] = [];
  for await (const event of await client.messages.create({ ...body, stream: true }))
    events.push(event);
  return events;
}

describe("Anthropic's SDK", () => {
  it('streams a reply as the service does, event by event', async () => {
    const events = await during(clock, streamAll(hello));
    expect(events.map(({ type }) => type).filter((type) => type !== 'content_block_delta')).toEqual(
      [
        'message_start',
        'content_block_start',
        'content_block_stop',
        'message_delta',
        'message_stop',
      ],
    );
    const text = events
      .map((event) =>
        event.type === 'content_block_delta' && event.delta.type === 'text_delta'
          ? event.delta.text
          : '',
      )
      .join('');
    expect(text).toBe('Sir. You said: Hello');
    expect(events.find((event) => event.type === 'message_delta')).toMatchObject({
      delta: { stop_reason: 'end_turn' },
      usage: { output_tokens: simulator.messages()[0]?.tokens },
    });
  });

  it('carries a tool call there and back', async () => {
    const question = { role: 'user', content: 'What is the weather?' } as const;
    const asked = {
      ...hello,
      tools: [{ ...weather, input_schema: { ...weather.input_schema, required: ['city'] } }],
    };
    const first = await during(
      clock,
      client.messages.stream({ ...asked, messages: [question] }).finalMessage(),
    );
    expect(first.stop_reason).toBe('tool_use');
    const call = first.content.find((block) => block.type === 'tool_use');
    if (!call) throw new Error('no tool was called');
    expect(call).toMatchObject({ name: 'weather', input: { city: 'Riga' } });

    const second = await during(
      clock,
      client.messages.create({
        ...asked,
        messages: [
          question,
          { role: 'assistant', content: first.content },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }],
          },
        ],
      }),
    );
    expect(second.content).toMatchObject([{ type: 'text', text: 'It is sunny.' }]);
  });

  it('waits for the thinking of a model that was not told to leave it', async () => {
    const { thinking: _, ...thoughtful } = hello;
    const message = await during(clock, client.messages.stream(thoughtful).finalMessage());
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
  });

  it('gets as much as the budget of tokens allows', async () => {
    const message = await during(clock, client.messages.create({ ...hello, max_tokens: 3 }));
    expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 3 } });
  });

  it('reads a long prompt from the cache until it is forgotten', async () => {
    const text = 'You answer the phone of a small restaurant. '.repeat(400);
    const ask = () =>
      during(
        clock,
        client.messages.create({
          ...hello,
          max_tokens: 16,
          system: [{ type: 'text', text, cache_control: { type: 'ephemeral' } }],
        }),
      );
    const first = (await ask()).usage;
    expect(first.cache_creation_input_tokens).toBeGreaterThan(2_000);
    expect(first.cache_read_input_tokens).toBe(0);
    const second = (await ask()).usage;
    expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens);
    await clock.advance(300_000);
    expect((await ask()).usage.cache_read_input_tokens).toBe(0);
  });

  it('stops the generation at once when it aborts', async () => {
    const abort = new AbortController();
    const stream = await during(
      clock,
      client.messages.create(
        { ...hello, messages: [{ role: 'user', content: 'word '.repeat(200) }], stream: true },
        { signal: abort.signal },
      ),
    );
    let deltas = 0;
    await during(
      clock,
      (async () => {
        for await (const event of stream)
          if (event.type === 'content_block_delta' && ++deltas === 3) abort.abort();
      })(),
    );
    await during(clock, untilAborted());
    const tokens = simulator.messages()[0]?.tokens ?? 0;
    await clock.advance(10_000);
    expect(simulator.messages()[0]).toMatchObject({ outcome: 'aborted', tokens });
    expect(tokens).toBeLessThan(200);
  });

  it('lists the models, and finds one', async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list({ limit: 4 })) ids.push(id);
    expect(ids).toContain('claude-haiku-5-5');
    expect(ids.length).toBeGreaterThan(4);
    expect(await client.models.retrieve('claude-haiku-5-5')).toMatchObject({ type: 'model' });
    await expect(client.models.retrieve('claude-0')).rejects.toMatchObject({ status: 404 });
  });

  it('understands every refusal', async () => {
    const ask = () => client.messages.create(hello);
    const wrong = new Anthropic({ apiKey: 'sk-ant-wrong', baseURL: simulator.url, maxRetries: 0 });
    await expect(wrong.messages.create(hello)).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    faults.plan(1, { kind: 'refuse' });
    await expect(ask()).rejects.toMatchObject({ status: 401, type: 'authentication_error' });
    faults.plan(1, { kind: 'limit' });
    await expect(ask()).rejects.toMatchObject({ status: 429, type: 'rate_limit_error' });
    faults.plan(1, { kind: 'quota' });
    await expect(ask()).rejects.toMatchObject({ status: 402, type: 'billing_error' });
    faults.plan(1, { kind: 'server-error' });
    await expect(ask()).rejects.toMatchObject({ status: 500, type: 'api_error' });
    faults.plan(1, { kind: 'reset' });
    await expect(ask()).rejects.toBeInstanceOf(APIConnectionError);
    await expect(client.messages.create({ ...hello, max_tokens: -1 })).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
    });
  });

  it('meets the ways a stream can break', async () => {
    const ask = () => during(clock, streamAll(hello));
    faults.plan(1, { kind: 'die', afterMessages: 5 });
    await expect(ask()).rejects.toThrow();
    faults.plan(1, { kind: 'fail', afterMessages: 5 });
    await expect(ask()).rejects.toMatchObject({ type: 'overloaded_error' });
    faults.plan(1, { kind: 'garble', message: 5 });
    await expect(ask()).rejects.toThrow();
    faults.plan(1, { kind: 'reorder', message: 1 });
    expect((await ask()).map(({ type }) => type).slice(0, 2)).toEqual([
      'content_block_start',
      'message_start',
    ]);
  });

  it('gets the first token when it is due, and the others at their pace', async () => {
    const arrivals: number[] = [];
    const startedAtMs = clock.now();
    await during(
      clock,
      (async () => {
        for await (const event of await client.messages.create({ ...hello, stream: true }))
          if (event.type === 'content_block_delta') arrivals.push(clock.now() - startedAtMs);
      })(),
      1,
    );
    expect(arrivals[0]).toBeGreaterThanOrEqual(500);
    const spanMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
    expect(spanMs).toBeGreaterThanOrEqual(((arrivals.length - 1) * 1_000) / 80 - 10);
  });
});

/** Resolves once the simulator has seen its first client go. */
async function untilAborted(): Promise<void> {
  while (simulator.messages()[0]?.outcome !== 'aborted') await clock.sleep(1);
}
