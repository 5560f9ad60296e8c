import { describe, expect, test } from 'vitest';
import type { ThinkRequest } from '#contracts/language-model.ts';
import { failureOf } from '#test/support/session-world.ts';
import { words } from '#test/support/session-call.ts';
import { wordedCall } from '#test/support/worded-call.ts';

const saidOf = ({ context }: Pick<ThinkRequest, 'context'>): readonly string[] =>
  context.map((item) =>
    item.role === 'caller' || item.role === 'agent' ? `${item.role}: ${item.text}` : item.role,
  );

describe('a call of words', () => {
  test('begins with the configuration, then the greeting as response 0', async () => {
    const call = wordedCall({ agent: { greeting: 'Hello there. How can I help?' } });
    await call.clock.advance(10);
    expect(call.peer.frames[0]).toEqual({
      response_type: 'config',
      config: { auto_reconnect: true, call_details: true, transcript_with_tool_calls: true },
    });
    expect(call.peer.response(0)).toMatchObject({
      text: 'Hello there. How can I help?',
      completions: 1,
    });
    expect(call.session?.state).toBe('greeting');
    await call.clock.advance(2_000);
    expect(call.turns).toMatchObject([
      { role: 'agent', heard: 'Hello there. How can I help?', interrupted: false },
    ]);
    expect(call.session?.state).toBe('listening');
  });

  test('closes response 0 empty where the caller is to speak first', async () => {
    const call = wordedCall();
    await call.clock.advance(10);
    expect(call.peer.response(0)).toMatchObject({ text: '', completions: 1 });
  });

  test('answers what the caller said, streamed, and records both sides with their times', async () => {
    const call = wordedCall({ agent: { greeting: 'Hello there.' } });
    await call.clock.advance(1_000);
    call.vendors.answer(() => [
      { type: 'delta', text: 'It is open until nine. ' },
      { type: 'delta', text: 'Every day.' },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ]);
    const id = call.peer.say('When do you close?');
    await call.clock.advance(410);
    expect(call.peer.frames.filter((one) => one['response_id'] === id).length).toBeGreaterThan(1);
    expect(call.peer.response(id)).toMatchObject({
      text: 'It is open until nine. Every day.',
      completions: 1,
    });
    await call.clock.advance(3_000);
    expect(call.turns.map(({ role, heard }) => [role, heard])).toEqual([
      ['agent', 'Hello there.'],
      ['caller', 'When do you close?'],
      ['agent', 'It is open until nine. Every day.'],
    ]);
    expect(call.vendors.asked.map(saidOf)).toEqual([
      ['agent: Hello there.', 'caller: When do you close?'],
    ]);
    const { end_decided, first_token, first_audio, played } = call.turns[2]?.waterfall_ms ?? {};
    expect([end_decided, first_token, first_audio]).toEqual([0, 400, 400]);
    expect(played).toBeGreaterThanOrEqual(400);
  });

  test('shows the model exactly the words that were spoken before an interruption', async () => {
    const call = wordedCall();
    call.vendors.answer(() => words('One, two, three, four, five, six, seven, eight.'));
    call.peer.say('Count.');
    await call.clock.advance(400 + 3 * 200 + 100);
    call.peer.say('Stop please.');
    await call.clock.advance(410);
    expect(call.vendors.asked.map(saidOf).at(-1)).toEqual([
      'caller: Count.',
      'agent: One, two, three,',
      'caller: Stop please.',
    ]);
    expect(call.turns[1]).toMatchObject({
      heard: 'One, two, three,',
      text: 'One, two, three, four, five, six, seven, eight.',
      interrupted: true,
    });
    expect(call.events.some(({ type }) => type === 'interrupted')).toBe(true);
  });

  test('a newer request supersedes: the old thought is aborted, and only the newest is closed', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    const first = call.peer.say('I want');
    await call.clock.advance(100);
    expect(call.vendors.open).toBe(1);
    call.vendors.answer(() => words('Gladly.'));
    const second = call.peer.say('a table.');
    expect(call.vendors.open).toBe(1);
    await call.clock.advance(1_000);
    expect(call.peer.response(first).completions).toBe(0);
    expect(call.peer.response(second)).toMatchObject({ text: 'Gladly.', completions: 1 });
    expect(saidOf({ context: call.vendors.asked.at(-1)?.context ?? [] })).toEqual([
      'caller: I want',
      'caller: a table.',
    ]);
  });

  test('shows the live transcript, which answers nothing by itself', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    call.peer.hear('I would');
    call.peer.hear('like');
    await call.clock.advance(20_000);
    expect(call.events.flatMap((one) => (one.type === 'caller-interim' ? [one.text] : []))).toEqual(
      ['I would', 'I would like'],
    );
    expect(call.vendors.asked).toHaveLength(0);
    expect(call.session?.state).toBe('listening');
  });

  test('a request without a new word is answered all the same', async () => {
    const call = wordedCall({ agent: { greeting: 'Hello.' } });
    await call.clock.advance(1_000);
    call.vendors.answer(() => words('Are you there?'));
    const id = call.peer.require();
    await call.clock.advance(500);
    expect(call.peer.response(id)).toMatchObject({ text: 'Are you there?', completions: 1 });
    expect(saidOf({ context: call.vendors.asked[0]?.context ?? [] })).toEqual([
      'agent: Hello.',
      'note',
    ]);
  });

  test('a reminder is what the agent says into silence, then a goodbye that ends the call', async () => {
    const call = wordedCall({
      agent: { voice: { idle: { prompts: ['Still there?'], goodbye: 'Bye then.' } } },
    });
    await call.clock.advance(60_000);
    expect(call.turns).toEqual([]);
    const first = call.peer.remind();
    await call.clock.advance(2_000);
    expect(call.peer.response(first)).toMatchObject({ text: 'Still there?', completions: 1 });
    const second = call.peer.remind();
    await call.clock.advance(2_000);
    expect(call.peer.response(second).last).toMatchObject({ end_call: true });
    expect(call.end?.reason).toBe('silence');
    expect(call.done).toEqual(['stored']);
  });

  test('a chain that fails is apologised for, and the call ends', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    const id = call.peer.say('Hello?');
    call.vendors.think({ type: 'failed', failure: failureOf('language-model') });
    await call.clock.advance(10);
    expect(call.peer.response(id)).toMatchObject({
      completions: 1,
      last: { end_call: true, no_interruption_allowed: true },
    });
    expect(call.peer.response(id).text).toMatch(/^I am sorry/);
    await call.clock.advance(10_000);
    expect(call.end?.reason).toBe('vendor_failure');
    expect(call.turns.at(-1)?.heard).toMatch(/^I am sorry/);
  });

  test('one that fails in mid-sentence closes what it began and cuts in with the apology', async () => {
    const call = wordedCall();
    await call.clock.advance(1);
    const id = call.peer.say('Hello?');
    call.vendors.think({ type: 'delta', text: 'Well, let me see. There' });
    await call.clock.advance(450);
    call.vendors.think({ type: 'failed', failure: failureOf('language-model') });
    await call.clock.advance(10_000);
    expect(call.peer.response(id).completions).toBe(1);
    expect(call.peer.frames.some((one) => one.response_type === 'agent_interrupt')).toBe(true);
    expect(call.turns.map(({ heard }) => heard)).toEqual([
      'Hello?',
      'Well, let',
      expect.stringMatching(/^I am sorry/),
    ]);
  });

  test('a model that stays silent is bridged, then given up; Retell is never left waiting', async () => {
    const call = wordedCall({ agent: { voice: { dead_air_ms: 2_000 } } });
    await call.clock.advance(1);
    const id = call.peer.say('Hello?');
    await call.clock.advance(30_000);
    expect(call.peer.response(id).text).toContain('One moment');
    expect(call.peer.response(id).completions).toBe(1);
    expect(call.end?.reason).toBe('vendor_failure');
  });

  test('the agent hangs up by end_call, after its last words', async () => {
    const call = wordedCall();
    call.vendors.answer(() => [
      { type: 'tool-call', callId: 't', name: 'end_call', arguments: '{"farewell":"Good bye."}' },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ]);
    const id = call.peer.say('That is all.');
    await call.clock.advance(410);
    expect(call.peer.response(id).last).toMatchObject({ content_complete: true, end_call: true });
    expect(call.end).toBeUndefined();
    await call.clock.advance(1_000);
    expect(call.end).toEqual({ reason: 'agent_hangup', detail: null });
    expect(call.turns.at(-1)).toMatchObject({ heard: 'Good bye.', interrupted: false });
    // Retell has done it already.
    expect(call.done).toEqual(['stored']);
    expect(call.vendors.open).toBe(0);
    await call.clock.advance(2_000);
    expect(call.clock.pending).toBe(0);
  });

  test('who objects to a hang-up is answered, and the call goes on', async () => {
    const call = wordedCall();
    call.vendors.answer(({ context }) =>
      context.length > 1
        ? words('Gladly.')
        : [
            {
              type: 'tool-call',
              callId: 't',
              name: 'end_call',
              arguments: '{"farewell":"Good bye to you."}',
            },
            { type: 'done', inputTokens: 1, outputTokens: 1 },
          ],
    );
    call.peer.say('That is all.');
    await call.clock.advance(650);
    const id = call.peer.say('No wait!');
    await call.clock.advance(3_000);
    expect(call.peer.response(id)).toMatchObject({ text: 'Gladly.', completions: 1 });
    expect(call.end).toBeUndefined();
    expect(call.vendors.asked.at(-1)?.context).toContainEqual(
      expect.objectContaining({
        role: 'tool-result',
        result: 'Cancelled: the caller interrupted.',
      }),
    );
  });

  test('a hang-up that Retell never carries out is asked of it by REST', async () => {
    const call = wordedCall();
    call.peer.tellWords(false);
    call.vendors.answer(() => [
      { type: 'tool-call', callId: 't', name: 'end_call', arguments: '{"farewell":"Bye."}' },
      { type: 'done', inputTokens: 1, outputTokens: 1 },
    ]);
    call.peer.say('That is all.');
    // A Retell that has lost the action.
    await call.clock.advance(401);
    call.peer.hear('mm');
    await call.clock.advance(60_000);
    expect(call.done).toEqual(['stored', 'hung up']);
    expect(call.end?.reason).toBe('agent_hangup');
    expect(call.peer.closedWith).toBe(1000);
  });

  test("the owner's words cut in, and the owner's hang-up says goodbye first", async () => {
    const call = wordedCall({ agent: { greeting: 'Hello.' } });
    await call.clock.advance(1_000);
    call.session?.say('The shop closes in a minute.');
    await call.clock.advance(10);
    expect(call.peer.frames.at(-1)).toMatchObject({
      response_type: 'agent_interrupt',
      interrupt_id: 1,
      content_complete: true,
    });
    await call.clock.advance(3_000);
    call.session?.hangUp('api_hangup');
    expect(call.session?.state).toBe('ending');
    await call.clock.advance(5_000);
    expect(call.peer.spoken).toContain('The shop closes in a minute');
    expect(call.peer.spoken).toMatch(/Goodbye$/);
    expect(call.end?.reason).toBe('api_hangup');
    expect(call.turns.at(-1)).toMatchObject({ interrupted: false });
  });

  test("the owner's words wait for an answer that is due, and are not lost by it", async () => {
    const call = wordedCall({ agent: { greeting: 'Hello there.' } });
    call.peer.tellWords(false);
    await call.clock.advance(500);
    call.session?.say('The shop closes.');
    call.vendors.answer(() => words('Gladly.'));
    call.peer.say('A table, please.');
    await call.clock.advance(1_000);
    call.peer.update();
    await call.clock.advance(5_000);
    call.peer.update();
    expect(call.peer.spoken).toBe('Hello there / Gladly The shop closes');
  });

  test("the owner's words are said, too, where the caller's get no answer", async () => {
    const call = wordedCall();
    await call.clock.advance(10);
    call.peer.hear('mm');
    call.session?.say('The shop closes.');
    await call.clock.advance(1_000);
    expect(call.peer.spoken).toBe('');
    await call.clock.advance(6_000);
    expect(call.peer.spoken).toBe('The shop closes');
  });

  test('what is asked during the last words gets them again', async () => {
    const call = wordedCall();
    await call.clock.advance(100);
    call.session?.hangUp('api_hangup');
    const id = call.peer.require();
    await call.clock.advance(10);
    expect(call.peer.response(id).last).toMatchObject({ end_call: true, content_complete: true });
    await call.clock.advance(10_000);
    expect(call.end?.reason).toBe('api_hangup');
  });

  test('a caller who hangs up leaves both sides recorded as they were heard', async () => {
    const call = wordedCall();
    call.vendors.answer(() => words('One two three four five six.'));
    call.peer.say('Count.');
    await call.clock.advance(400 + 2 * 200 + 50);
    call.peer.hangUp();
    await call.clock.advance(10);
    expect(call.end?.reason).toBe('caller_hangup');
    expect(call.turns.map(({ heard }) => heard)).toEqual(['Count.', 'One two']);
    expect(call.done).toEqual(['stored']);
    expect(call.vendors.open).toBe(0);
    expect(call.isOver).toBe(true);
    await call.clock.advance(2_000);
    expect(call.clock.pending).toBe(0);
  });

  test('where nothing is told of the words, the next request tells it', async () => {
    const call = wordedCall();
    call.peer.tellWords(false);
    call.vendors.answer(() => words('We are open until nine.'));
    call.peer.say('When?');
    await call.clock.advance(5_000);
    expect(call.turns).toHaveLength(1);
    call.peer.say('Thanks.');
    await call.clock.advance(10);
    expect(call.turns.map(({ heard, interrupted }) => [heard, interrupted])).toEqual([
      ['When?', false],
      ['We are open until nine.', false],
      ['Thanks.', false],
    ]);
  });

  test('a key that was pressed is told to the model', async () => {
    const call = wordedCall();
    call.vendors.answer(() => words('Thank you.'));
    call.peer.press('7');
    call.peer.require();
    await call.clock.advance(500);
    expect(call.vendors.asked[0]?.context).toEqual([
      { role: 'note', text: 'The caller pressed 7 on the keypad.' },
    ]);
  });
});
