import { beforeAll, describe, expect, test } from 'vitest';
import type { ThinkRequest, Thought } from '#contracts/language-model.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { compileSchema } from '#lib/json-schema.ts';
import { silentLog } from '#lib/log.ts';
import { sendDigits, transferCall } from '#session/tools/built-in-tools.ts';
import { createToolRunner } from '#session/tools/runner.ts';
import { result } from '#session/tools/tool.ts';
import type { Tool } from '#session/tools/tool.ts';
import { newClock } from '#test/support/session-world.ts';
import { words } from '#test/support/session-call.ts';
import { wordedCall } from '#test/support/worded-call.ts';

const numbers = agentConfigSchema.parse({
  transfer_numbers: [{ name: 'sales', number: '+14155550123', description: '' }],
}).transfer_numbers;

const bookParameters = { type: 'object', properties: { guests: { type: 'integer' } } };
// Loading the compiler takes real time, which these calls do not have.
beforeAll(async () => {
  const nobody = (): Promise<never> => Promise.reject(new Error('not called'));
  const tools = [sendDigits(nobody), transferCall(numbers, nobody)];
  await compileSchema(bookParameters);
  for (const tool of tools) await compileSchema(tool?.definition.parameters ?? {});
});

/** A call whose agent can book a table (which takes so long), transfer and press keys. */
function callWithTools(takesMs = 500, lasting = false) {
  const clock = newClock();
  const booked: string[] = [];
  let aborted = 0;
  const book: Tool = {
    definition: {
      name: 'book',
      description: 'Books a table.',
      parameters: bookParameters,
    },
    lasting,
    timeoutMs: 8_000,
    secrets: [],
    async run(given, signal) {
      booked.push(JSON.stringify(given));
      signal.addEventListener('abort', () => void (aborted += 1));
      await clock.sleep(takesMs, signal);
      return result('table 7');
    },
  };
  const call = wordedCall({
    clock,
    openTools: (around) => {
      const tools = [
        book,
        sendDigits(around.play),
        transferCall(numbers, around.transfer) ?? [],
      ].flat();
      return createToolRunner({
        tools: () => tools,
        clock,
        log: silentLog,
        note: around.note,
        on: around.on,
      });
    },
  });
  return {
    call,
    booked,
    get aborted() {
      return aborted;
    },
  };
}

/** Calls a tool where the last thing said is the caller's, then says something. */
const useThen =
  (name: string, given: object, said = 'All is done.', before = '') =>
  ({ context }: Pick<ThinkRequest, 'context'>): readonly Thought[] =>
    context.at(-1)?.role === 'tool-result'
      ? words(said)
      : [
          ...(before === '' ? [] : [{ type: 'delta' as const, text: before }]),
          {
            type: 'tool-call',
            callId: `t${context.length}`,
            name,
            arguments: JSON.stringify(given),
          },
          { type: 'done', inputTokens: 1, outputTokens: 1 },
        ];

describe('a tool in a call of words', () => {
  test('is told of with its invocation and its result, under one id', async () => {
    const { call, booked } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(useThen('book', { guests: 2 }));
    const id = call.peer.say('A table for two.');
    await call.clock.advance(3_000);
    expect(booked).toEqual(['{"guests":2}']);
    expect(call.peer.frames.filter((one) => one.response_type.startsWith('tool_call'))).toEqual([
      {
        response_type: 'tool_call_invocation',
        tool_call_id: 't1',
        name: 'book',
        arguments: '{"guests":2}',
      },
      {
        response_type: 'tool_call_result',
        tool_call_id: 't1',
        content: 'table 7',
        successful: true,
      },
    ]);
    expect(call.peer.response(id)).toMatchObject({ text: 'All is done.', completions: 1 });
  });

  test('that takes its time is bridged with a word, in the same response', async () => {
    const { call } = callWithTools(3_000);
    await call.clock.advance(1);
    call.vendors.answer(useThen('book', {}));
    const id = call.peer.say('A table.');
    await call.clock.advance(8_000);
    expect(call.peer.response(id)).toMatchObject({
      text: 'One moment, I am looking that up. All is done.',
      completions: 1,
    });
  });

  test('runs once where the same is asked for in a request that supersedes', async () => {
    const tools = callWithTools(1_000);
    const { call, booked } = tools;
    await call.clock.advance(1);
    call.vendors.answer(useThen('book', { guests: 2 }));
    call.peer.say('A table for two');
    await call.clock.advance(600);
    const id = call.peer.say('please.');
    await call.clock.advance(4_000);
    expect(booked).toHaveLength(1);
    expect(tools.aborted).toBe(0);
    expect(call.peer.response(id)).toMatchObject({ text: 'All is done.', completions: 1 });
  });

  test('gives its result also if it came while nobody was asking', async () => {
    const { call, booked } = callWithTools(500);
    await call.clock.advance(1);
    call.vendors.answer(useThen('book', { guests: 2 }));
    call.peer.say('A table for two');
    await call.clock.advance(850);
    call.peer.say('please.');
    await call.clock.advance(4_000);
    expect(booked).toHaveLength(1);
    expect(call.turns.at(-1)?.heard).toBe('All is done.');
  });

  test('that nobody asks for again is called off', async () => {
    const tools = callWithTools(7_500);
    const { call } = tools;
    await call.clock.advance(1);
    call.vendors.answer(useThen('book', { guests: 2 }));
    call.peer.say('A table for two.');
    await call.clock.advance(450);
    call.vendors.answer(() => words('As you like.'));
    call.peer.say('No, wait.');
    await call.clock.advance(4_000);
    expect(tools.aborted).toBe(0);
    await call.clock.advance(2_000);
    expect(tools.aborted).toBe(1);
    expect(call.peer.frames).toContainEqual(
      expect.objectContaining({ response_type: 'tool_call_result', successful: false }),
    );
  });

  test('hands the call over with the last words, and Retell does the rest', async () => {
    const { call } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(useThen('transfer_call', { to: 'sales' }, '', 'I connect you. '));
    const id = call.peer.say('Sales, please.');
    await call.clock.advance(420);
    expect(call.peer.response(id)).toMatchObject({
      text: 'I connect you. ',
      completions: 1,
      last: { transfer_number: '+14155550123', content_complete: true },
    });
    expect(call.session?.state).toBe('transferring');
    await call.clock.advance(3_000);
    expect(call.peer.done).toEqual(['transferred to +14155550123']);
    expect(call.end?.reason).toBe('transferred');
    expect(call.turns.at(-1)).toMatchObject({ heard: 'I connect you.', interrupted: false });
  });

  test('a transfer that the caller objects to does not come about, and the model is told', async () => {
    const { call } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(
      useThen('transfer_call', { to: 'sales' }, '', 'I connect you with sales now. '),
    );
    call.peer.say('Sales, please.');
    await call.clock.advance(900);
    call.vendors.answer(() => words('As you like.'));
    const id = call.peer.say('No, wait!');
    await call.clock.advance(3_000);
    expect(call.peer.done).toEqual([]);
    expect(call.peer.response(id)).toMatchObject({ text: 'As you like.', completions: 1 });
    expect(call.vendors.asked.at(-1)?.context).toContainEqual(
      expect.objectContaining({
        role: 'tool-result',
        result: 'Cancelled: the caller interrupted.',
      }),
    );
    expect(call.end).toBeUndefined();
  });

  test('presses keys with the last words; without words, too', async () => {
    const { call } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(useThen('send_digits', { digits: '1w2#' }));
    const id = call.peer.say('Press one for sales.');
    await call.clock.advance(1_000);
    expect(call.peer.response(id).last).toMatchObject({ digit_to_press: '12#', content: '' });
    expect(call.peer.done).toEqual(['pressed 12#']);
    call.vendors.answer(() => words('Hello.'));
    call.peer.say('You are in sales.');
    await call.clock.advance(1_000);
    expect(call.vendors.asked.at(-1)?.context).toContainEqual(
      expect.objectContaining({
        role: 'tool-result',
        result: 'The keys are pressed after your last words.',
      }),
    );
  });

  test('is told where the line has no such key, and goes on', async () => {
    const { call } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(useThen('send_digits', { digits: '1A' }, 'I cannot.'));
    const id = call.peer.say('Press one A.');
    await call.clock.advance(2_000);
    expect(call.peer.response(id)).toMatchObject({ text: 'I cannot.', completions: 1 });
    expect(call.vendors.asked.at(-1)?.context.at(-1)).toMatchObject({
      result: '{"error":"Only 0 to 9, * and # can be sent on this line."}',
    });
  });

  test('of several things to do after the words a hang-up goes first, then a transfer', async () => {
    const { call } = callWithTools();
    await call.clock.advance(1);
    call.vendors.answer(() => [
      { type: 'delta', text: 'One moment. ' },
      { type: 'tool-call', callId: 'a', name: 'send_digits', arguments: '{"digits":"1"}' },
      { type: 'tool-call', callId: 'b', name: 'transfer_call', arguments: '{"to":"sales"}' },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ]);
    const id = call.peer.say('Do it.');
    await call.clock.advance(420);
    expect(call.peer.response(id).last).toMatchObject({ transfer_number: '+14155550123' });
    expect(call.peer.response(id).last).not.toHaveProperty('digit_to_press');
  });
});
