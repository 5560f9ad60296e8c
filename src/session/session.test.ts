import { describe, expect, test } from 'vitest';
import { failureOf } from '#test/support/session-world.ts';
import { readJournal } from '#replay/read-journal.ts';
import { differencesOf, replay } from '#replay/replay.ts';
import { phoneCall, words } from '#test/support/session-call.ts';

describe('a session', () => {
  test('greets, hears, thinks and speaks, and records both sides', async () => {
    const call = phoneCall({ greeting: 'Hello there.' });
    await call.clock.advance(1_500);
    call.vendors.answer(() => words('It is open until nine.'));
    await call.say('When do you close?');
    await call.clock.advance(3_000);
    expect(call.turns.map(({ role, heard }) => [role, heard])).toEqual([
      ['agent', 'Hello there.'],
      ['caller', 'When do you close?'],
      ['agent', 'It is open until nine.'],
    ]);
    expect(call.vendors.asked[0]?.context).toEqual([
      { role: 'agent', text: 'Hello there.' },
      { role: 'caller', text: 'When do you close?' },
    ]);
    expect(call.states).toEqual(['greeting', 'listening', 'thinking', 'speaking', 'listening']);
    const { end_decided, first_token, first_clause, first_audio, played } =
      call.turns[2]?.waterfall_ms ?? {};
    expect([end_decided, first_token, first_clause, first_audio]).toEqual([350, 750, 750, 900]);
    expect(played).toBeGreaterThanOrEqual(900);
  });

  test('after an interruption the model is shown the heard words and no others', async () => {
    const call = phoneCall();
    call.vendors.answer(() => words('One two three four five six seven eight nine ten.'));
    await call.say('Count.');
    await call.clock.advance(400 + 150 + 1_100);
    call.vendors.voice('started');
    await call.clock.advance(200);
    const heardMs = call.line.heardMs;
    call.vendors.hear({ type: 'interim', text: 'stop please' });
    await call.clock.advance(400);
    // Nothing more was played once the caller's voice was certain.
    expect(call.line.heardMs).toBe(heardMs);
    call.vendors.voice('stopped');
    call.vendors.hear({ type: 'end', text: 'stop please' });
    await call.clock.advance(50);
    const said = call.turns.find(({ role }) => role === 'agent');
    const heardWords = 'One two three four five six seven eight nine ten.'
      .split(' ')
      .slice(0, Math.floor(heardMs / 200))
      .join(' ');
    expect(said).toMatchObject({ interrupted: true, heard: heardWords });
    expect(call.vendors.asked.at(-1)?.context).toEqual([
      { role: 'caller', text: 'Count.' },
      { role: 'agent', text: heardWords },
      { role: 'caller', text: 'stop please' },
    ]);
    expect(call.events.some(({ type }) => type === 'interrupted')).toBe(true);
  });

  test('a cough takes the agent off the line only for a moment, and no word is lost', async () => {
    const call = phoneCall();
    call.vendors.answer(() => words('One two three four five six.'));
    await call.say('Count.');
    await call.clock.advance(400 + 150 + 500);
    call.vendors.voice('started');
    await call.clock.advance(250);
    call.vendors.voice('stopped');
    await call.clock.advance(6_000);
    expect(call.turns.at(-1)).toMatchObject({
      heard: 'One two three four five six.',
      interrupted: false,
    });
    expect(call.events.some(({ type }) => type === 'resumed')).toBe(true);
  });

  test('a reply prepared on trial is heard the moment the end is certain, and is not shown before', async () => {
    const call = phoneCall();
    call.vendors.answer(() => words('Gladly.'));
    call.vendors.voice('started');
    await call.clock.advance(800);
    call.vendors.voice('stopped');
    call.vendors.hear({ type: 'eager-end', text: 'A table please.' });
    await call.clock.advance(1_000);
    expect(call.vendors.spoken).toEqual(['Gladly.']);
    expect(call.line.heardMs).toBe(0);
    expect(call.events.some(({ type }) => type === 'agent-text')).toBe(false);
    call.vendors.hear({ type: 'end', text: 'A table please.' });
    await call.clock.advance(100);
    expect(call.line.heardMs).toBeGreaterThan(0);
    expect(call.vendors.asked).toHaveLength(1);
  });

  test('stores its end before it tells the carrier, and leaves nothing open', async () => {
    const call = phoneCall({ greeting: 'Hello.' });
    await call.clock.advance(1_000);
    call.vendors.answer(() => [
      { type: 'delta', text: 'Goodbye.' },
      { type: 'tool-call', callId: 't', name: 'end_call', arguments: '{"farewell":"Bye."}' },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ]);
    await call.say('That is all.');
    await call.clock.advance(3_000);
    await call.session.ended;
    expect(call.done).toEqual(['stored', 'hung up']);
    expect(call.end).toEqual({ reason: 'agent_hangup', detail: null });
    expect(call.turns.at(-1)?.heard).toBe('Goodbye.');
    expect(call.line.isClosed).toBe(true);
    expect(call.vendors.open).toBe(0);
    await call.clock.advance(60);
    expect(call.clock.pending).toBe(0);
  });

  test.each([
    [
      'the recogniser',
      (call: ReturnType<typeof phoneCall>) =>
        call.vendors.hear({ type: 'failed', failure: failureOf('speech-to-text') }),
    ],
    [
      'the language model',
      (call: ReturnType<typeof phoneCall>) =>
        call.vendors.think({ type: 'failed', failure: failureOf('language-model') }),
    ],
  ])('when %s dies the caller hears an apology and the call ends', async (_who, fail) => {
    const call = phoneCall();
    await call.say('Hello?');
    fail(call);
    await call.clock.advance(9_000);
    await call.session.ended;
    expect(call.end?.reason).toBe('vendor_failure');
    expect(call.end?.detail).toContain('fake');
    expect(call.turns.at(-1)).toMatchObject({ role: 'agent', interrupted: false });
    expect(call.turns.at(-1)?.heard).toMatch(/^I am sorry/);
    expect(call.vendors.open).toBe(0);
  });

  test('silence where speech is due is never long: bridged, then apologised for', async () => {
    const call = phoneCall({ voice: { dead_air_ms: 2_000 } });
    await call.say('Hello?');
    await call.clock.advance(20_000);
    await call.session.ended;
    const said = call.turns.filter(({ role }) => role === 'agent').map(({ heard }) => heard);
    expect(said[0]).toContain('One moment');
    expect(said.at(-1)).toMatch(/^I am sorry/);
    expect(call.end?.reason).toBe('vendor_failure');
  });

  test('a caller who hangs up in mid-sentence leaves both sides recorded as they were heard', async () => {
    const call = phoneCall();
    call.vendors.answer(() => words('One two three four five six.'));
    await call.say('Count.');
    await call.clock.advance(400 + 150 + 660);
    call.line.hangUp();
    await call.session.ended;
    expect(call.end?.reason).toBe('caller_hangup');
    expect(call.turns.map(({ heard }) => heard)).toEqual(['Count.', 'One two three']);
    expect(call.vendors.open).toBe(0);
  });

  test('a line that breaks says so', async () => {
    const call = phoneCall();
    call.line.hangUp('broken');
    await call.session.ended;
    expect(call.end?.reason).toBe('transport_lost');
  });

  test('an owner who hangs up lets the agent say goodbye', async () => {
    const call = phoneCall({ greeting: 'Hello.' });
    await call.clock.advance(1_000);
    call.session.hangUp('api_hangup');
    expect(call.session.state).toBe('ending');
    await call.clock.advance(6_000);
    await call.session.ended;
    expect(call.turns.at(-1)?.heard).toContain('Goodbye');
    expect(call.end?.reason).toBe('api_hangup');
  });

  test('asks for a final when the voice stops and the end of the turn is ours to decide', async () => {
    const call = phoneCall({ endOfTurn: false });
    call.vendors.answer(() => words('Yes.'));
    call.vendors.voice('started');
    await call.clock.advance(500);
    call.vendors.hear({ type: 'interim', text: 'Are you open today?' });
    call.vendors.voice('stopped');
    expect(call.vendors.finalized).toBe(1);
    call.vendors.hear({ type: 'final', text: 'Are you open today?', fromFinalize: true });
    await call.clock.advance(2_500);
    expect(call.turns.map(({ heard }) => heard)).toEqual(['Are you open today?', 'Yes.']);
  });

  test('a tool that does not exist is answered, and the model goes on', async () => {
    const call = phoneCall();
    call.vendors.answer(({ context }) =>
      context.at(-1)?.role === 'tool-result'
        ? words('That is not possible.')
        : [
            { type: 'tool-call', callId: 't1', name: 'fly', arguments: '{}' },
            { type: 'done', inputTokens: 1, outputTokens: 1 },
          ],
    );
    await call.say('Fly!');
    await call.clock.advance(4_000);
    expect(call.vendors.asked).toHaveLength(2);
    expect(call.vendors.asked[1]?.context.slice(-2)).toEqual([
      { role: 'tool-call', callId: 't1', name: 'fly', arguments: '{}' },
      expect.objectContaining({ role: 'tool-result', callId: 't1' }),
    ]);
    expect(call.turns.at(-1)?.heard).toBe('That is not possible.');
  });

  test('a fault of ours ends this call with its reason, and throws at nobody', async () => {
    const call = phoneCall();
    call.vendors.answer(() => {
      throw new Error('planted');
    });
    await call.say('Hello?');
    await call.clock.advance(500);
    await call.session.ended;
    expect(call.end).toEqual({ reason: 'internal_error', detail: 'planted' });
    expect(call.line.isClosed).toBe(true);
  });

  test('the journal holds every input with its time, and no audio', async () => {
    const call = phoneCall({ greeting: 'Hello.' });
    await call.clock.advance(1_000);
    await call.say('Hi.');
    const types = call.journal.map((entry) => entry['type']);
    expect(types.slice(0, 2)).toEqual(['journal', 'answered']);
    expect(types).toContain('heard-end');
    expect(
      call.journal.every(
        (entry, at) => at === 0 || entry.atMs >= (call.journal[at - 1]?.atMs ?? 0),
      ),
    ).toBe(true);
    expect(JSON.stringify(call.journal)).not.toMatch(/mulaw|audio":\[/);
  });

  test('the journal alone leads the call again, and says nothing of the prompt', async () => {
    const call = phoneCall({ greeting: 'Hello.', voice: { dead_air_ms: 3_000 } });
    call.vendors.answer(() => words('Of course.'));
    await call.clock.advance(1_500);
    await call.say('Hi.');
    await call.clock.advance(3_000);
    call.session.hangUp('api_hangup');
    await call.clock.advance(40_000);
    await call.session.ended;
    const stored: unknown = JSON.parse(JSON.stringify(call.journal));
    const replayed = replay(readJournal(Array.isArray(stored) ? stored : []));
    expect(replayed.fault).toBeUndefined();
    expect(differencesOf(replayed)).toEqual([]);
    const last = replayed.steps.at(-1);
    expect(last?.after).toMatchObject({
      phase: { name: 'ended', reason: 'api_hangup' },
      policy: { deadAirMs: 3_000, greeting: { text: 'Hello.' } },
    });
    expect(JSON.stringify(call.journal)).not.toContain('You are a helpful agent');
  });
});
