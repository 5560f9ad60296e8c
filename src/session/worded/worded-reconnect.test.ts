import { describe, expect, test } from 'vitest';
import type { Turn } from '#protocol/calls.ts';
import { words } from '#test/support/session-call.ts';
import { newClock } from '#test/support/session-world.ts';
import { wordedCall } from '#test/support/worded-call.ts';

const turn = (index: number, role: Turn['role'], heard: string): Turn => ({
  index,
  role,
  text: heard,
  heard,
  interrupted: false,
  start_ms: index * 1_000,
  end_ms: index * 1_000 + 900,
  waterfall_ms: {},
});

describe('a socket of Retell that is lost', () => {
  test('is waited for: the call goes on with the next one, and nothing is greeted again', async () => {
    const call = wordedCall({ agent: { greeting: 'Hello.' } });
    await call.clock.advance(1_000);
    call.peer.lose();
    await call.clock.advance(5_000);
    expect(call.peer.connect()).toBe(true);
    call.vendors.answer(() => words('Until nine.'));
    const id = call.peer.say('When do you close?');
    await call.clock.advance(3_000);
    expect(call.peer.response(id)).toMatchObject({ text: 'Until nine.', completions: 1 });
    expect(call.peer.response(0).completions).toBe(1);
    expect(call.peer.frames.filter((one) => one.response_type === 'config')).toHaveLength(2);
    expect(call.vendors.asked[0]?.context).toEqual([
      { role: 'agent', text: 'Hello.' },
      { role: 'caller', text: 'When do you close?' },
    ]);
    expect(call.turns.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test('and comes back in the middle of an answer gets the rest of it', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    const id = call.peer.say('When?');
    call.vendors.think({ type: 'delta', text: 'We open at nine. ' });
    await call.clock.advance(10);
    call.peer.lose();
    call.vendors.think({ type: 'delta', text: 'We close at five.' });
    call.vendors.think({ type: 'done', inputTokens: 1, outputTokens: 1 });
    await call.clock.advance(3_000);
    call.peer.connect();
    call.peer.requireAgain();
    await call.clock.advance(5_000);
    expect(call.peer.response(id)).toMatchObject({
      text: 'We open at nine. We close at five.',
      completions: 1,
    });
    expect(call.vendors.asked).toHaveLength(1);
  });

  test('and asks again for what was answered is answered again', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    call.vendors.answer(() => words('Until nine.'));
    const id = call.peer.say('When?');
    await call.clock.advance(405);
    call.peer.lose();
    call.peer.connect();
    call.peer.requireAgain();
    await call.clock.advance(500);
    expect(call.vendors.asked).toHaveLength(2);
    expect(call.peer.response(id).completions).toBe(2);
  });

  test('and never comes back leaves the call to whoever has it: its end is not told', async () => {
    const call = wordedCall({ agent: { greeting: 'Hello.' } });
    await call.clock.advance(1_000);
    call.peer.lose(1011);
    await call.clock.advance(29_000);
    expect(call.done).toEqual([]);
    await call.clock.advance(2_000);
    expect(call.done).toEqual(['left']);
    expect(call.end).toBeUndefined();
    expect(call.isOver).toBe(true);
    expect(call.peer.connect()).toBe(false);
    expect(call.vendors.open).toBe(0);
    await call.clock.advance(2_000);
    expect(call.clock.pending).toBe(0);
  });

  test('because nothing comes over it is cut without a code, so that Retell connects again', async () => {
    const call = wordedCall();
    await call.clock.advance(5_000);
    expect(call.peer.closedWith).toBeUndefined();
    call.peer.fallSilent();
    await call.clock.advance(9_000);
    expect(call.peer.closedWith).toBeUndefined();
    await call.clock.advance(2_000);
    expect(call.peer.closedWith).toBe(1006);
    expect(call.notes()).toContain(
      'the socket was lost with 1006: waiting for Retell to connect again',
    );
  });

  test('an owner may hang up meanwhile, and the caller hears the goodbye on the next one', async () => {
    const call = wordedCall();
    await call.clock.advance(100);
    call.peer.lose();
    call.session?.hangUp('api_hangup');
    await call.clock.advance(2_000);
    call.peer.connect();
    await call.clock.advance(10_000);
    expect(call.peer.spoken).toMatch(/Goodbye$/);
    expect(call.end?.reason).toBe('api_hangup');
  });
});

test('a ping is answered at once with its own time', async () => {
  const call = wordedCall({ isWaiting: true });
  call.peer.ping(1_234);
  expect(call.peer.frames.at(-1)).toEqual({ response_type: 'ping_pong', timestamp: 1_234 });
  await call.clock.advance(0);
});

test.each([
  ['no JSON', 'nonsense'],
  ['a list', '[]'],
  ['an unknown type', '{"interaction_type":"newcomer"}'],
  ['a request without its id', '{"interaction_type":"response_required","transcript":[]}'],
  [
    'an id that is text',
    '{"interaction_type":"response_required","response_id":"1","transcript":[]}',
  ],
  ['a transcript that is none', '{"interaction_type":"update_only","transcript":7}'],
])('%s is passed over, with a note, and harms nobody', async (_name, text) => {
  const call = wordedCall();
  await call.clock.advance(1);
  const before = call.peer.frames.length;
  for (let times = 0; times < 50; times++) call.peer.raw(text);
  expect(call.peer.frames).toHaveLength(before);
  expect(call.notes().length).toBeGreaterThan(0);
  expect(call.notes().length).toBeLessThan(30);
  call.vendors.answer(() => words('Yes.'));
  const id = call.peer.say('Are you there?');
  await call.clock.advance(1_000);
  expect(call.peer.response(id).completions).toBe(1);
});

describe('a call that another process has led', () => {
  const startedAt = (clock: ReturnType<typeof newClock>): Date => new Date(clock.now() - 60_000);

  test('goes on from the transcript that Retell sends, without a greeting, after the stored turns', async () => {
    const clock = newClock();
    const call = wordedCall({
      clock,
      agent: { greeting: 'Hello.' },
      before: {
        startedAt: startedAt(clock),
        turns: [turn(0, 'agent', 'Hello.'), turn(1, 'caller', 'When do you close?')],
        turnCount: 2,
      },
    });
    await call.clock.advance(10);
    expect(call.peer.response(0)).toMatchObject({ text: '', completions: 1 });
    call.peer.transcript.push(
      { role: 'agent', content: 'Hello' },
      { role: 'user', content: 'When do you close?' },
      { role: 'tool_call_invocation', tool_call_id: 'a', name: 'hours', arguments: '{}' },
      { role: 'tool_call_result', tool_call_id: 'a', content: 'nine' },
      { role: 'agent', content: 'At nine' },
    );
    call.vendors.answer(() => words('You are welcome.'));
    const id = call.peer.say('Thank you.');
    await call.clock.advance(3_000);
    expect(call.peer.response(id)).toMatchObject({ text: 'You are welcome.', completions: 1 });
    expect(call.vendors.asked[0]?.context).toEqual([
      { role: 'agent', text: 'Hello' },
      { role: 'caller', text: 'When do you close?' },
      { role: 'tool-call', callId: 'a', name: 'hours', arguments: '{}' },
      { role: 'tool-result', callId: 'a', result: 'nine' },
      { role: 'agent', text: 'At nine' },
      { role: 'caller', text: 'Thank you.' },
    ]);
    expect(call.turns.map(({ index, role, heard }) => [index, role, heard])).toEqual([
      [2, 'caller', 'Thank you.'],
      [3, 'agent', 'You are welcome.'],
    ]);
    expect(call.turns[0]?.start_ms).toBeGreaterThanOrEqual(60_000);
  });

  test('answers a turn that was recorded and never answered, and records it no second time', async () => {
    const clock = newClock();
    const call = wordedCall({
      clock,
      before: {
        startedAt: startedAt(clock),
        turns: [turn(0, 'agent', 'Hello.'), turn(1, 'caller', 'When do you close?')],
        turnCount: 2,
      },
    });
    await call.clock.advance(10);
    call.peer.transcript.push(
      { role: 'agent', content: 'Hello' },
      { role: 'user', content: 'When do you close' },
    );
    call.vendors.answer(() => words('At nine.'));
    call.peer.require();
    await call.clock.advance(2_000);
    expect(call.vendors.asked[0]?.context.slice(0, 2)).toEqual([
      { role: 'agent', text: 'Hello' },
      { role: 'caller', text: 'When do you close?' },
    ]);
    expect(call.turns.map(({ index, role, heard }) => [index, role, heard])).toEqual([
      [2, 'agent', 'At nine.'],
    ]);
  });

  test('knows its stored turns before Retell has sent anything', async () => {
    const clock = newClock();
    const call = wordedCall({
      clock,
      before: { startedAt: startedAt(clock), turns: [turn(0, 'agent', 'Hello.')], turnCount: 1 },
    });
    await call.clock.advance(10);
    call.session?.hangUp('channel_removed');
    await call.clock.advance(10_000);
    expect(call.turns.map(({ index, role }) => [index, role])).toEqual([[1, 'agent']]);
    expect(call.end?.reason).toBe('channel_removed');
  });
});

test('what arrives before the session is there is not lost', async () => {
  const call = wordedCall({ isWaiting: true });
  const id = call.peer.say('Hello? Anybody?');
  await call.clock.advance(500);
  call.vendors.answer(() => words('Good morning.'));
  call.start();
  await call.clock.advance(2_000);
  expect(call.peer.response(id)).toMatchObject({ text: 'Good morning.', completions: 1 });
  expect(call.turns.map(({ heard }) => heard)).toEqual(['Hello? Anybody?', 'Good morning.']);
});
