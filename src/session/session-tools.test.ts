import { beforeAll, describe, expect, test } from 'vitest';
import { dtmf } from '#audio/dtmf.ts';
import { phoneMs } from '#audio/g711.ts';
import type { TransferAtCarrier } from '#contracts/incoming-call.ts';
import type { ThinkRequest, Thought } from '#contracts/language-model.ts';
import { compileSchema } from '#lib/json-schema.ts';
import { silentLog } from '#lib/log.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { phoneCall, words } from '#test/support/session-call.ts';
import { newClock } from '#test/support/session-world.ts';
import { transferCall, sendDigits } from './tools/built-in-tools.ts';
import { createToolRunner } from './tools/runner.ts';
import { result, ToolFault } from './tools/tool.ts';
import type { Tool } from './tools/tool.ts';
import type { OpenTools } from './tools/toolbox.ts';

// The validator is loaded when it is first needed, which virtual time does not wait for.
beforeAll(() => compileSchema({ type: 'object' }));

type Call = ReturnType<typeof phoneCall>;

/** A call whose tools are these; they run on the call's own clock. */
function callWith(
  tools: (clock: VirtualClock, around: Parameters<OpenTools>[0]) => readonly Tool[],
): Call {
  const clock = newClock();
  return phoneCall({
    clock,
    openTools: (around) => {
      const mine = tools(clock, around);
      return createToolRunner({ ...around, tools: () => mine, clock, log: silentLog });
    },
  });
}

/** Calls a tool once, then says what came of it. */
const useOnce =
  (name: string, given: object, before = '') =>
  ({ context }: ThinkRequest): readonly Thought[] => {
    const last = context.at(-1);
    if (last?.role === 'tool-result') return words(`It says ${last.result}`);
    return [
      ...(before === '' ? [] : [{ type: 'delta', text: before } as const]),
      { type: 'tool-call', callId: 't1', name, arguments: JSON.stringify(given) },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ];
  };

const numbers = [{ name: 'sales', number: '+15550177', description: '' }];
const transferTo = (transfer: TransferAtCarrier) => (): readonly Tool[] =>
  [transferCall(numbers, transfer) ?? []].flat();
const notesOf = (call: Call): readonly unknown[] =>
  call.journal.flatMap((entry) => (entry['type'] === 'note' ? [entry['text']] : []));

describe('a session hands a call over', () => {
  const words = 'I will put you through.';

  test('once its words were heard, and does not hang up on the others', async () => {
    const asked: string[] = [];
    const call = callWith(
      transferTo(async (number) => {
        asked.push(number);
        return { ok: true };
      }),
    );
    call.vendors.answer(useOnce('transfer_call', { to: 'sales' }, words));
    await call.say('Sales, please.');
    await call.clock.advance(400 + 150 + 900);
    expect(asked).toEqual([]);
    await call.clock.advance(500);
    expect(asked).toEqual(['+15550177']);
    await call.session.ended;
    expect(call.end).toEqual({ reason: 'transferred', detail: 'to sales' });
    expect(call.done).toEqual(['stored']);
    expect(call.turns.at(-1)).toMatchObject({ heard: words, interrupted: false });
    expect(call.states).toContain('transferring');
    expect(call.vendors.open).toBe(0);
  });

  test('also if the line is gone before the carrier has said so', async () => {
    const answered = Promise.withResolvers<{ ok: true }>();
    const call = callWith(transferTo(() => answered.promise));
    call.vendors.answer(useOnce('transfer_call', { to: 'sales' }));
    await call.say('Sales, please.');
    await call.clock.advance(600);
    call.line.hangUp('caller');
    await call.clock.advance(300);
    expect(call.end).toBeUndefined();
    answered.resolve({ ok: true });
    await call.session.ended;
    expect(call.end?.reason).toBe('transferred');
  });

  test('unless it was the caller who left', async () => {
    const answered = Promise.withResolvers<{ ok: false; message: string }>();
    const call = callWith(transferTo(() => answered.promise));
    call.vendors.answer(useOnce('transfer_call', { to: 'sales' }));
    await call.say('Sales, please.');
    await call.clock.advance(600);
    call.line.hangUp('caller');
    answered.resolve({ ok: false, message: 'The call is over.' });
    await call.clock.advance(10);
    await call.session.ended;
    expect(call.end?.reason).toBe('caller_hangup');
  });

  test('or tells the caller that it could not', async () => {
    const call = callWith(transferTo(async () => ({ ok: false, message: 'Twilio says no.' })));
    call.vendors.answer(useOnce('transfer_call', { to: 'sales' }));
    await call.say('Sales, please.');
    await call.clock.advance(5_000);
    expect(call.turns.at(-1)?.heard).toContain('could not be handed over. Twilio says no.');
    expect(call.end).toBeUndefined();
  });
});

describe('a session presses keys', () => {
  test('on the line, after what it said', async () => {
    const call = callWith((_, around) => [sendDigits(around.play)]);
    call.vendors.answer(useOnce('send_digits', { digits: '12#' }, 'One moment. '));
    await call.say('Press one two.');
    await call.clock.advance(400 + 150 + 400 + 100);
    const saidMs = 400;
    expect(call.line.heardMs).toBeGreaterThan(saidMs);
    await call.clock.advance(phoneMs(dtmf('12#').length) + 60);
    expect(call.vendors.asked.at(-1)?.context.at(-1)).toMatchObject({ result: 'Sent.' });
    expect(call.line.heardMs).toBe(saidMs + 600);
  });

  test('but none that there are not', async () => {
    const call = callWith((_, around) => [sendDigits(around.play)]);
    call.vendors.answer(useOnce('send_digits', { digits: '12y' }));
    await call.say('Press.');
    await call.clock.advance(700);
    expect(call.vendors.asked.at(-1)?.context.at(-1)).toMatchObject({
      result: '{"error":"Only 0 to 9, *, #, A to D and w can be sent."}',
    });
    expect(call.line.heardMs).toBe(0);
  });
});

describe('a session runs tools', () => {
  /** Answers after so long; Infinity: never. Notes when it is called off. */
  const slow = (
    clock: VirtualClock,
    afterMs: number,
    change: Partial<Tool> = {},
    aborted: string[] = [],
  ): Tool => ({
    definition: { name: 'look_up', description: '', parameters: { type: 'object' } },
    lasting: false,
    timeoutMs: 8_000,
    secrets: [],
    async run(_, signal) {
      signal.addEventListener('abort', () => aborted.push(String(signal.reason)));
      if (afterMs === Infinity) await new Promise(() => undefined);
      await clock.sleep(afterMs);
      return result('seven');
    },
    ...change,
  });

  test('and tells the owner and the journal of them, without what was said', async () => {
    const call = callWith((clock) => [slow(clock, 300)]);
    call.vendors.answer(useOnce('look_up', { q: 'x' }));
    await call.say('When?');
    await call.clock.advance(3_000);
    expect(call.turns.at(-1)?.heard).toBe('It says seven');
    expect(call.events.filter(({ type }) => type.startsWith('tool'))).toMatchObject([
      { type: 'tool', name: 'look_up', arguments: '{"q":"x"}' },
      { type: 'tool-result', name: 'look_up', outcome: 'done', duration_ms: 300, result_chars: 5 },
    ]);
    expect(notesOf(call)).toEqual([
      'tool look_up: started, 9 characters of arguments',
      'tool look_up: 5 characters after 300 ms',
    ]);
  });

  test('that hang, and gives them up after their time', async () => {
    const call = callWith((clock) => [slow(clock, Infinity)]);
    call.vendors.answer(useOnce('look_up', {}));
    await call.say('When?');
    await call.clock.advance(13_000);
    expect(call.turns.at(-1)?.heard).toContain('There was no result within 8 seconds.');
    expect(call.end).toBeUndefined();
  });

  test('and calls them off when the caller interrupts', async () => {
    const aborted: string[] = [];
    const call = callWith((clock) => [slow(clock, 5_000, {}, aborted)]);
    call.vendors.answer(useOnce('look_up', {}));
    await call.say('When?');
    await call.clock.advance(600);
    call.vendors.answer(() => words('Fine.'));
    await call.say('Never mind.');
    await call.clock.advance(7_000);
    expect(aborted).toHaveLength(1);
    expect(call.events.filter(({ type }) => type === 'tool-result')).toMatchObject([
      { outcome: 'cancelled' },
    ]);
    expect(call.turns.filter(({ role }) => role === 'agent').at(-1)?.heard).not.toContain('seven');
  });

  test('but not those that are to go on, whose result the model sees later', async () => {
    const call = callWith((clock) => [slow(clock, 2_000, { lasting: true })]);
    call.vendors.answer(useOnce('look_up', {}));
    await call.say('When?');
    await call.clock.advance(600);
    call.vendors.answer(() => words('Fine.'));
    await call.say('Never mind.');
    await call.clock.advance(3_000);
    await call.say('And now?');
    await call.clock.advance(1_000);
    expect(call.vendors.asked.at(-1)?.context).toContainEqual({
      role: 'tool-result',
      callId: 't1',
      result: 'seven',
    });
  });

  test('whose faults are told to the model, and ours are not', async () => {
    for (const [error, told] of [
      [new ToolFault('Closed on Mondays.'), 'Closed on Mondays.'],
      [new TypeError('undefined is not a function'), 'The tool failed.'],
    ] as const) {
      const call = callWith((clock) => [slow(clock, 0, { run: () => Promise.reject(error) })]);
      call.vendors.answer(useOnce('look_up', {}));
      await call.say('When?');
      await call.clock.advance(1_000);
      expect(call.vendors.asked.at(-1)?.context.at(-1)).toMatchObject({
        result: JSON.stringify({ error: told }),
      });
    }
  });

  test('and stops them at the end of the call', async () => {
    const aborted: string[] = [];
    const call = callWith((clock) => [slow(clock, Infinity, {}, aborted)]);
    call.vendors.answer(useOnce('look_up', {}));
    await call.say('When?');
    await call.clock.advance(600);
    call.line.hangUp('caller');
    await call.session.ended;
    expect(aborted).toHaveLength(1);
    await call.clock.advance(100);
    expect(call.end?.reason).toBe('caller_hangup');
  });
});
