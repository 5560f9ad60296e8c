import { describe, expect, test } from 'vitest';
import type { Call, Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { nextLiveCalls } from './live-calls.ts';
import type { CallEvent, LiveCalls } from './live-calls.ts';

const NONE: LiveCalls = new Map();
const turn = (index: number, role: Turn['role'], text: string): Turn => ({
  index,
  role,
  text,
  heard: text,
  interrupted: false,
  start_ms: index * 1_000,
  end_ms: index * 1_000 + 900,
  waterfall_ms: {},
});
const record = (callId: string, part: Partial<Call> = {}): Call => ({
  call_id: callId,
  instance_id: 'i',
  provider: 'pipecat',
  caller_phone: '+12025550188',
  state: 'speaking',
  started_at: '2026-11-20T12:00:00.000Z',
  ended_at: null,
  end_reason: null,
  end_detail: null,
  duration_seconds: 5,
  turns: [],
  ...part,
});
const after = (calls: LiveCalls, events: readonly CallEvent[], nowMs = 10_000): LiveCalls =>
  nextLiveCalls(calls, { type: 'events', events, nowMs });
const listed = (calls: LiveCalls, records: readonly Call[], askedAtMs = 10_000): LiveCalls =>
  nextLiveCalls(calls, {
    type: 'listed',
    liveIds: new Set(records.map((one) => one.call_id)),
    records,
    askedAtMs,
  });
const stored = (calls: LiveCalls, records: readonly Call[]): LiveCalls =>
  nextLiveCalls(calls, { type: 'stored', records, nowMs: 10_000 });
const at = { call_id: 'a', at_ms: 1_000 };
const started: LiveEvent = { type: 'call-started', ...at, caller_phone: '+12025550188' };
const ended: LiveEvent = { type: 'call-ended', ...at, reason: 'caller_hangup', detail: null };

describe('live calls', () => {
  test('appear when they begin, with a time that goes back to the answer', () => {
    const call = after(NONE, [started]).get('a');
    expect(call).toMatchObject({ callerPhone: '+12025550188', startedAtMs: 9_000, turns: [] });
  });

  test('show words as they are understood, until the turn that has them all', () => {
    const interim = after(NONE, [
      started,
      { type: 'caller-interim', ...at, text: 'I would' },
      { type: 'caller-interim', ...at, text: 'I would like' },
    ]);
    expect(interim.get('a')?.callerSays).toBe('I would like');
    const over = after(interim, [
      { type: 'turn', ...at, turn: turn(0, 'caller', 'I would like a table.') },
    ]);
    expect(over.get('a')).toMatchObject({ callerSays: '' });
    expect(over.get('a')?.turns.map(({ text }) => text)).toEqual(['I would like a table.']);
  });

  test("gather the pieces of the agent's words, and keep what the other side says meanwhile", () => {
    const calls = after(NONE, [
      started,
      { type: 'caller-interim', ...at, text: 'Wait' },
      { type: 'agent-text', ...at, text: 'Of course, ' },
      { type: 'agent-text', ...at, text: 'with pleasure.' },
    ]);
    expect(calls.get('a')).toMatchObject({
      agentSays: 'Of course, with pleasure.',
      callerSays: 'Wait',
    });
    const over = after(calls, [
      { type: 'turn', ...at, turn: turn(1, 'agent', 'Of course, with pleasure.') },
    ]);
    expect(over.get('a')).toMatchObject({ agentSays: '', callerSays: 'Wait' });
  });

  test('have each turn once, in order, in its newest telling', () => {
    const calls = listed(after(NONE, [started]), [
      record('a', { turns: [turn(0, 'agent', 'Hello.'), turn(1, 'caller', 'Hi')] }),
    ]);
    const again = after(calls, [
      { type: 'turn', ...at, turn: turn(2, 'agent', 'Yes?') },
      { type: 'turn', ...at, turn: turn(1, 'caller', 'Hi there.') },
    ]);
    expect(again.get('a')?.turns.map(({ text }) => text)).toEqual(['Hello.', 'Hi there.', 'Yes?']);
  });

  test('say why they ended, and forget words that never became a turn', () => {
    const calls = after(after(NONE, [started]), [
      { type: 'caller-interim', ...at, text: 'And' },
      ended,
    ]);
    expect(calls.get('a')).toMatchObject({
      state: 'ended',
      end: { reason: 'caller_hangup' },
      callerSays: '',
      endedAtMs: 10_000,
    });
  });

  test('do not rise again from what comes behind their end', () => {
    const over = after(NONE, [started, ended]);
    expect(after(over, [{ type: 'state', ...at, state: 'speaking' }])).toEqual(over);
    expect(listed(over, [record('a')])).toEqual(over);
    expect(after(NONE, [ended]).size).toBe(0);
  });

  test('that are not listed any more are gone, but those that began meanwhile', () => {
    const calls = after(after(NONE, [started], 5_000), [{ ...started, call_id: 'b' }], 10_001);
    expect([...listed(calls, []).keys()]).toEqual(['b']);
  });

  test('are what is stored, once that is told instead of what was missed', () => {
    const before = after(NONE, [
      started,
      { type: 'turn', ...at, turn: turn(0, 'agent', 'Hello.') },
      { type: 'turn', ...at, turn: turn(1, 'caller', 'Never stored') },
      { type: 'agent-text', ...at, text: 'Half a sen' },
      { type: 'resumed', ...at },
      { ...started, call_id: 'gone' },
      { ...started, call_id: 'over' },
      { ...ended, call_id: 'over' },
    ]);
    const calls = stored(before, [
      record('missed', {
        state: 'ended',
        ended_at: '2026-11-20T12:01:00.000Z',
        end_reason: 'silence',
      }),
      record('a', { turns: [turn(0, 'agent', 'Hello.')] }),
      record('new', { caller_phone: '+12025550199' }),
    ]);
    expect([...calls.keys()]).toEqual(['over', 'missed', 'a', 'new']);
    expect(calls.get('a')).toMatchObject({ agentSays: '', notes: [{ kind: 'resumed' }] });
    expect(calls.get('a')?.turns.map(({ text }) => text)).toEqual(['Hello.']);
    expect(calls.get('missed')).toMatchObject({ state: 'ended', end: { reason: 'silence' } });
    // Not by the server's clock, which may go wrong, or this one.
    expect(calls.get('new')).toMatchObject({
      callerPhone: '+12025550199',
      state: 'speaking',
      startedAtMs: 5_000,
    });
  });

  test('that end by what is stored are quiet', () => {
    const before = after(NONE, [
      started,
      { type: 'caller-interim', ...at, text: 'And' },
      { type: 'levels', calls: [{ call_id: 'a', caller_dbfs: -20, agent_dbfs: -60 }] },
    ]);
    const over = { state: 'ended', ended_at: '2026-11-20T12:01:00.000Z' } as const;
    expect(
      stored(before, [record('a', { ...over, end_reason: 'node_lost' })]).get('a'),
    ).toMatchObject({
      state: 'ended',
      callerSays: '',
      callerDbfs: -60,
    });
  });

  test('that were led no further begin again when they are led again', () => {
    const again = after(NONE, [started, ended, { ...started, at_ms: 5 }]);
    expect(again.get('a')).toMatchObject({ state: 'ringing', end: undefined });
  });

  test('are as loud as was told last, and silent when they are over', () => {
    const loud = {
      type: 'levels' as const,
      calls: [
        { call_id: 'a', caller_dbfs: -12, agent_dbfs: -60 },
        { call_id: 'of nobody', caller_dbfs: -1, agent_dbfs: -1 },
      ],
    };
    const calls = after(NONE, [started, loud]);
    expect(calls.size).toBe(1);
    expect(calls.get('a')).toMatchObject({ callerDbfs: -12, agentDbfs: -60 });
    const over = after(calls, [ended]);
    expect(over.get('a')).toMatchObject({ callerDbfs: -60, agentDbfs: -60 });
    expect(after(over, [loud])).toEqual(over);
  });

  test('tell of tools and of vendors that failed', () => {
    const calls = after(NONE, [
      started,
      { type: 'tool', ...at, name: 'find', arguments: '{}' },
      {
        type: 'tool-result',
        ...at,
        name: 'find',
        outcome: 'done',
        duration_ms: 12.4,
        result_chars: 2,
      },
      { type: 'vendor-failed', ...at, vendor: 'openai', message: '503.', switched_to: 'google' },
    ]);
    expect(calls.get('a')?.notes.map(({ text }) => text)).toEqual([
      'find {}',
      'find answered after 12 ms',
      'openai: 503. google goes on.',
    ]);
  });

  test('of those that have ended the last ones stay, however long they lasted', () => {
    const ids = Array.from({ length: 20 }, (_, index) => `call-${index}`);
    const begun = after(
      NONE,
      ids.map((id) => ({ ...started, call_id: id })),
    );
    const last = ids
      .toReversed()
      .reduce(
        (calls, id, index) => after(calls, [{ ...ended, call_id: id }], 20_000 + index),
        begun,
      );
    expect([...last.keys()]).toEqual(ids.slice(0, 12));
  });

  test('an hour of a thousand calls a minute leaves no more than those that are live', () => {
    let calls = NONE;
    let begun = 0;
    for (let minute = 0; minute < 60; minute += 1)
      for (let batch = 0; batch < 50; batch += 1) {
        const events: LiveEvent[] = [];
        for (let one = 0; one < 20; one += 1) {
          const id = { call_id: `call-${begun}`, at_ms: 0 };
          events.push({ type: 'call-started', ...id, caller_phone: '' });
          events.push({ type: 'turn', ...id, turn: turn(0, 'agent', 'Hello.') });
          // Each lasts until forty others have begun.
          if (begun >= 40)
            events.push({
              type: 'call-ended',
              call_id: `call-${begun - 40}`,
              at_ms: 0,
              reason: 'caller_hangup',
              detail: null,
            });
          begun += 1;
        }
        calls = after(calls, events, minute * 60_000 + batch * 1_200);
      }
    expect(begun).toBe(60_000);
    const live = [...calls.values()].filter(({ state }) => state !== 'ended');
    expect(live.map(({ callId }) => callId)).toEqual(
      Array.from({ length: 40 }, (_, at) => `call-${begun - 40 + at}`),
    );
    expect(calls.size).toBe(52);
  });
});
