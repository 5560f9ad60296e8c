import type Retell from 'retell-sdk';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonRecord } from '#lib/record.ts';
import { END_REASONS, endReasonBeside, endReasonOf } from './end-reason.ts';
import { fetchedEvent, lostEvent, readRetellEvent } from './events.ts';
import type { RetellEvent } from './events.ts';
import { foldEvents } from './fold.ts';
import type { ReceivedEvent, RetellCall } from './fold.ts';

const START_MS = 1_714_608_475_945;
const said = (role: string, content: string, startS: number, endS: number): JsonRecord => ({
  role,
  content,
  words: [
    { word: content, start: startS, end: (startS + endS) / 2 },
    { word: content, start: (startS + endS) / 2, end: endS },
  ],
});
const talk = [
  said('agent', 'Hello, how can I help?', 0.7, 2.3),
  said('user', 'A table for two.', 2.9, 4.1),
  said('agent', 'Of course, for what time would that be, and', 4.6, 7.5),
  said('user', 'At eight.', 7.1, 8),
  said('agent', 'Done.', 8.4, 9),
];
const identity = {
  call_id: 'call_1',
  call_type: 'phone_call',
  direction: 'inbound',
  from_number: '+12025550188',
  to_number: '+12025550123',
  agent_id: 'agent_1',
  start_timestamp: START_MS,
};
const over = {
  ...identity,
  // The documents' own sample of the end says so.
  call_status: 'registered',
  end_timestamp: START_MS + 9_500,
  duration_ms: 9_500,
  disconnection_reason: 'user_hangup',
  transcript_object: talk,
  call_cost: { combined_cost: 70, product_costs: [{ product: 'elevenlabs_tts', cost: 60 }] },
  recording_url: 'https://example.test/recording.wav',
  latency: { e2e: { p50: 800, p99: 2_500 } },
};
const analysis = { call_summary: 's', call_successful: true };

const read = (body: JsonRecord): RetellEvent => readRetellEvent(Buffer.from(JSON.stringify(body)));
const started = read({ event: 'call_started', call: { ...identity, call_status: 'ongoing' } });
const updates = talk.map((_, index) =>
  read({
    event: 'transcript_updated',
    event_timestamp: START_MS + 1_000 * (index + 1),
    call: identity,
    transcript_with_tool_calls: talk.slice(0, index + 1),
  }),
);
const ended = read({ event: 'call_ended', call: over });
const analyzed = read({ event: 'call_analyzed', call: { ...over, call_analysis: analysis } });
const transfer = (name: string, atMs: number): RetellEvent =>
  read({
    event: name,
    event_timestamp: atMs,
    call: { call_id: 'call_1', start_timestamp: START_MS },
    transfer_destination: { number: '+12025550144' },
  });

const fold = (...events: readonly RetellEvent[]): RetellCall =>
  foldEvents(events.map((event) => ({ ...event, receivedAtMs: START_MS })));

describe('a call by what Retell told of it', () => {
  test('is ringing before it is connected, and has no end', () => {
    const call = fold(read({ event: 'newcomer', call: identity }));
    expect(call).toMatchObject({ state: 'ringing', end: undefined, record: undefined, turns: [] });
  });

  test('has the caller on the other side of the agent, whoever rang', () => {
    const phones = { callerPhone: '+12025550188', calledPhone: '+12025550123' };
    expect(fold(started)).toMatchObject(phones);
    const call = { ...identity, direction: 'outbound' };
    expect(fold(read({ event: 'call_started', call }))).toMatchObject({
      callerPhone: phones.calledPhone,
      calledPhone: phones.callerPhone,
    });
    expect(fold(read({ event: 'call_started', call: { call_id: 'web_1' } }))).toMatchObject({
      callerPhone: '',
      calledPhone: '',
    });
  });

  test('is greeting, speaking and listening as its transcript grows', () => {
    expect(fold(started).state).toBe('greeting');
    expect(fold(started, ...updates.slice(0, 1)).state).toBe('speaking');
    expect(fold(started, ...updates.slice(0, 2)).state).toBe('listening');
  });

  test('is transferring until that is called off', () => {
    const started = transfer('transfer_started', START_MS + 1);
    expect(fold(started).state).toBe('transferring');
    expect(fold(transfer('transfer_bridged', START_MS + 2), started).state).toBe('transferring');
    const cancelled = transfer('transfer_cancelled', START_MS + 2);
    expect(fold(cancelled, started, ...updates).state).toBe('speaking');
    expect(fold(transfer('transfer_started', START_MS + 3), cancelled).state).toBe('transferring');
  });

  test('has turns with the times of their words, in milliseconds', () => {
    expect(fold(analyzed).turns).toMatchObject([
      { index: 0, role: 'agent', start_ms: 700, end_ms: 2_300, interrupted: false },
      { index: 1, role: 'caller', text: 'A table for two.', heard: 'A table for two.' },
      { index: 2, role: 'agent', start_ms: 4_600, end_ms: 7_500, interrupted: true },
      { index: 3, role: 'caller', start_ms: 7_100, interrupted: false },
      { index: 4, role: 'agent' },
    ]);
  });

  test('has only what caller and agent said, also without times', () => {
    const transcript_object = [
      { role: 'agent', content: ' Hi ' },
      { role: 'tool_call_invocation', name: 'f', arguments: '{}' },
      { role: 'transfer_target', content: 'Who is there?' },
      { role: 'user', content: '' },
      'nonsense',
      { role: 'user', content: '(unintelligible audio)', words: [{ word: 'x', start: -1 }] },
    ];
    const { turns } = fold(read({ event: 'call_ended', call: { ...over, transcript_object } }));
    expect(turns.map(({ role, text, start_ms }) => [role, text, start_ms])).toEqual([
      ['agent', 'Hi', 0],
      ['caller', '(unintelligible audio)', 0],
    ]);
  });

  test('ends with Retell’s time and reason, whatever its call_status says', () => {
    expect(fold(ended).end).toEqual({
      reason: 'caller_hangup',
      detail: 'user_hangup',
      atMs: START_MS + 9_500,
      isTold: true,
    });
  });

  test('that was never connected has an end and no start', () => {
    const call = { call_id: 'call_1', disconnection_reason: 'dial_busy', direction: 'outbound' };
    const event_timestamp = START_MS + 5;
    const { end, startedAtMs } = fold(read({ event: 'call_ended', event_timestamp, call }));
    expect(end).toMatchObject({ reason: 'not_answered', detail: 'dial_busy', atMs: START_MS + 5 });
    expect(startedAtMs).toBeUndefined();
  });

  test('has its whole record as soon as either event of the end is there', () => {
    expect(fold(ended).record).toEqual(over);
    expect(fold(analyzed).record).toEqual({ ...over, call_analysis: analysis });
    expect(fold(analyzed, ended).record).toEqual({ ...over, call_analysis: analysis });
    expect([fold(started), fold(ended), fold(analyzed)].map((call) => call.isComplete)).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('keeps a field that only the earlier event of the end has', () => {
    const late = { ...over, recording_url: null, call_analysis: analysis };
    const record = fold(read({ event: 'call_analyzed', call: late }), ended).record;
    expect(record).toMatchObject({ recording_url: over.recording_url, call_analysis: analysis });
  });

  test('of several ends has the one that was told last', () => {
    const end = (event_timestamp: number, duration_ms: number): RetellEvent =>
      read({ event: 'call_ended', event_timestamp, call: { ...over, duration_ms } });
    const ends = [end(START_MS + 10, 1), end(START_MS + 12, 2), end(START_MS + 11, 3)];
    expect(fold(...ends).record).toMatchObject({ duration_ms: 2 });
    const later = { ...over, end_timestamp: over.end_timestamp + 1, duration_ms: 9_501 };
    const byEnd = fold(read({ event: 'call_ended', call: later }), ended);
    expect(byEnd.record).toMatchObject({ duration_ms: 9_501 });
  });

  test('believes the analysis more than an end, also one that was told after it', () => {
    const late = { ...over, recording_url: 'https://example.test/draft.wav' };
    const end = read({ event: 'call_ended', event_timestamp: START_MS + 99_000, call: late });
    expect(fold(end, analyzed).record).toMatchObject({ recording_url: over.recording_url });
  });

  test('at its end has nothing left of what was told before', () => {
    const call = {
      ...identity,
      from_number: '+12025550177',
      start_timestamp: START_MS - 7,
      draft: 1,
    };
    const before = read({ event: 'call_started', call });
    expect(fold(before)).toMatchObject({ callerPhone: '+12025550177', startedAtMs: START_MS - 7 });
    expect(fold(before, ended)).toEqual(fold(ended));
  });

  test('does not go back to a transcript that comes late', () => {
    expect(fold(analyzed, ...updates.slice(0, 2)).turns).toHaveLength(5);
  });

  test('keeps its last live transcript where the end has none', () => {
    const { transcript_object: _none, ...call } = over;
    expect(fold(read({ event: 'call_ended', call }), ...updates).turns).toHaveLength(5);
  });

  test('can be mended by asking Retell', () => {
    const live = fetchedEvent('call_1', { ...identity, call_status: 'ongoing' }, START_MS + 50);
    expect(fold(live)).toMatchObject({ state: 'greeting', end: undefined });
    const fetched = fetchedEvent('call_1', { ...over, call_status: 'ended' }, START_MS + 60);
    expect(fold(fetched, live)).toMatchObject({ end: fold(ended).end, isComplete: false });
    expect(fold(fetched, live).turns).toEqual(fold(ended).turns);
    const all = { ...over, call_status: 'ended', call_analysis: analysis };
    expect(fold(fetchedEvent('call_1', all, START_MS + 70)).isComplete).toBe(true);
  });

  test('that Retell does not have is given up, until it tells of the end after all', () => {
    const lost = lostEvent('call_1', { reason: 'channel_removed', detail: 'Gone.' }, START_MS + 9);
    const end = { reason: 'channel_removed', detail: 'Gone.', atMs: START_MS + 9, isTold: false };
    expect(fold(started, lost).end).toEqual(end);
    expect(fold(started, lost, ended).end).toEqual(fold(ended).end);
  });
});

/** Every event of a call, some of them told twice with other contents. */
const told: readonly RetellEvent[] = [
  read({ event: 'call_started', call: { ...identity, start_timestamp: START_MS - 7, draft: 1 } }),
  ...updates,
  read({ event: 'transcript_update', call: identity, transcript_with_tool_calls: talk }),
  transfer('transfer_started', START_MS + 3_000),
  transfer('transfer_cancelled', START_MS + 4_000),
  read({ event: 'newcomer', call: identity, n: 1 }),
  read({ event: 'newcomer', call: identity, n: 2 }),
  fetchedEvent(
    'call_1',
    { ...identity, start_timestamp: START_MS - 7, call_status: 'ongoing', draft: 1 },
    START_MS + 2_000,
  ),
];
const finals: readonly RetellEvent[] = [
  ended,
  analyzed,
  read({ event: 'call_ended', call: { ...over, duration_ms: 9_400 } }),
  read({ event: 'call_analyzed', event_timestamp: START_MS + 9_800, call: over }),
  fetchedEvent('call_1', { ...over, call_status: 'ended', x: 1 }, START_MS + 9_700),
];

/** Deliveries of these events in any order, each at least `least` times. */
const deliveries = (events: readonly RetellEvent[], least: 0 | 1) =>
  fc
    .tuple(...events.map(() => fc.integer({ min: least, max: 3 })))
    .chain((times) => {
      const all = events.flatMap((event, index) =>
        Array.from({ length: times[index] ?? 0 }, () => event),
      );
      return fc.shuffledSubarray(all, { minLength: all.length });
    })
    .map((events): ReceivedEvent[] =>
      events.map((event, index) => ({ ...event, receivedAtMs: START_MS + index })),
    );

describe('the record, for any deliveries', () => {
  test('is the same in any order, however often each came', () => {
    const all = [...told, ...finals];
    const expected = fold(...all);
    fc.assert(
      fc.property(deliveries(all, 1), (some) => {
        expect(foldEvents(some)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('is the same when any of those that are not of the end are lost', () => {
    const { state: _state, ...expected } = fold(...told, ...finals);
    fc.assert(
      fc.property(
        deliveries(told, 0),
        deliveries(finals, 1),
        fc.boolean(),
        (some, end, isFirst) => {
          const { state: _state, ...record } = foldEvents(
            isFirst ? [...end, ...some] : [...some, ...end],
          );
          expect(record).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is the same of what the inbox keeps, as of all that came', () => {
    fc.assert(
      fc.property(deliveries([...told, ...finals], 0), (some) => {
        const kept = new Map<string, ReceivedEvent>();
        for (const event of some) {
          const other = kept.get(event.key);
          if (!other || other.rank < event.rank) kept.set(event.key, event);
        }
        expect(foldEvents([...kept.values()])).toEqual(foldEvents(some));
      }),
      { numRuns: 300 },
    );
  });

  test('is never refused, whatever a call object holds', () => {
    const anything = fc.dictionary(
      fc.constantFrom(...Object.keys({ ...over, call_analysis: 1 }), '__proto__', 'x'),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const name = fc.constantFrom('call_ended', 'call_started', 'transcript_updated', 'x');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, anything)), (bodies) => {
        const events = bodies.map(([event, call]) =>
          read({ event, call: { ...call, call_id: 'call_1' } }),
        );
        const { end, startedAtMs = 0, callerPhone } = fold(...events);
        for (const ms of [startedAtMs, end?.atMs ?? 0]) expect(ms).toBeGreaterThanOrEqual(0);
        expect(callerPhone.length).toBeLessThanOrEqual(128);
      }),
    );
  });
});

describe('the reason of an end', () => {
  test('is known for every reason that Retell’s SDK has', () => {
    // Fails to compile when one is missing here; the table has no other.
    const bySdk: Record<NonNullable<Retell.PhoneCallResponse['disconnection_reason']>, true> = {
      user_hangup: true,
      agent_hangup: true,
      call_transfer: true,
      voicemail_reached: true,
      ivr_reached: true,
      inactivity: true,
      max_duration_reached: true,
      concurrency_limit_reached: true,
      no_concurrency_fallback: true,
      no_valid_payment: true,
      scam_detected: true,
      dial_busy: true,
      dial_failed: true,
      dial_no_answer: true,
      invalid_destination: true,
      telephony_provider_permission_denied: true,
      telephony_provider_unavailable: true,
      sip_routing_error: true,
      marked_as_spam: true,
      user_declined: true,
      error_llm_websocket_open: true,
      error_llm_websocket_lost_connection: true,
      error_llm_websocket_runtime: true,
      error_llm_websocket_corrupt_payload: true,
      error_no_audio_received: true,
      error_asr: true,
      error_retell: true,
      error_unknown: true,
      error_user_not_joined: true,
      registered_call_timeout: true,
      transfer_bridged: true,
      transfer_cancelled: true,
      manual_stopped: true,
      call_take_over: true,
    };
    expect(Object.keys(END_REASONS).toSorted()).toEqual(Object.keys(bySdk).toSorted());
    expect(Object.keys(END_REASONS)).toHaveLength(34);
  });

  test.each([
    ['dial_unheard_of', 'not_answered'],
    ['error_unheard_of', 'vendor_failure'],
    ['unheard_of', 'transport_lost'],
    ['', 'transport_lost'],
    ['constructor', 'transport_lost'],
  ])('that is not known, "%s", is %s', (reason, ours) => {
    expect(endReasonOf(reason)).toBe(ours);
  });

  test('is our session’s where all that Retell saw is that we hung up', () => {
    expect(endReasonBeside('agent_hangup', 'vendor_failure')).toBe('vendor_failure');
    expect(endReasonBeside('api_hangup', 'channel_removed')).toBe('channel_removed');
    expect(endReasonBeside('agent_hangup', 'transport_lost')).toBe('agent_hangup');
    expect(endReasonBeside('caller_hangup', 'vendor_failure')).toBe('caller_hangup');
    expect(endReasonBeside('agent_hangup', null)).toBe('agent_hangup');
  });
});
