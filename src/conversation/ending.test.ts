import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';

const endCall = (json = '{}'): { name: string; arguments: string } => ({
  name: 'end_call',
  arguments: json,
});

describe('the agent hangs up', () => {
  test('after its last words have been heard', () => {
    const call = talk(policyWith(), {
      thoughts: [{ text: 'Good night to you.', tools: [endCall()] }],
    });
    call.say('That was all.');
    call.wait(1_300);
    expect(call.callState).toBe('speaking');
    call.toEnd();
    expect(call.ear).toBe('Good night to you.');
    expect(call.ended).toBe('agent_hangup');
    expect(call.of('run-tool')).toEqual([]);
  });

  test('with the words that stand in the call of the tool', () => {
    const call = talk(policyWith(), {
      thoughts: [{ tools: [endCall('{"farewell":"Good night to you."}')] }],
    });
    call.say('That was all.');
    call.toEnd();
    expect(call.dialogue).toEqual(['caller: That was all.', 'agent: Good night to you.']);
    expect(call.ended).toBe('agent_hangup');
  });

  test.each(['', 'no json', '{"farewell":7}', '{"farewell":" … "}', 'null'])(
    'without a word if it gave none (%j)',
    (json) => {
      const call = talk(policyWith(), { thoughts: [{ tools: [endCall(json)], firstTokenMs: 50 }] });
      call.say('That was all.');
      call.wait(499);
      expect(call.ended).toBeUndefined();
      call.wait(1);
      expect(call.ended).toBe('agent_hangup');
      expect(call.asked).toHaveLength(1);
    },
  );

  test('not if the caller has more to say: the call goes on, and the model knows', () => {
    const call = talk(policyWith(), {
      thoughts: [
        { text: 'Good night to you, and thanks for calling.', tools: [endCall()] },
        'Until ten.',
      ],
    });
    call.say('That was all.');
    call.wait(1_500);
    call.say('Wait, how long are you open?');
    call.wait(3_000);
    expect(call.ended).toBeUndefined();
    expect(call.dialogue.slice(1)).toEqual([
      'agent: Good night –',
      'caller: Wait, how long are you open?',
      'agent: Until ten.',
    ]);
    expect(call.asked.at(-1)).toContainEqual({
      role: 'tool-result',
      callId: 'call-1-0',
      result: 'Cancelled: the caller interrupted.',
    });
  });

  test('not if the caller said so over words that could not be interrupted', () => {
    const call = talk(policyWith({ bargeIn: { enabled: false } }), {
      thoughts: [
        { text: 'Good night to you, and thanks for calling.', tools: [endCall()] },
        'Until ten.',
      ],
    });
    call.say('That was all.');
    call.wait(1_200);
    call.say('How long are you open?');
    call.wait(4_000);
    expect(call.ended).toBeUndefined();
    expect(call.dialogue.at(-1)).toBe('agent: Until ten.');
  });

  test('also if the caller says goodbye at the same time', () => {
    const call = talk(policyWith(), {
      thoughts: [{ text: 'Good night to you, and thanks for calling.', tools: [endCall()] }],
    });
    call.say('That was all.');
    call.wait(1_500);
    call.say('Thank you, bye.');
    call.toEnd();
    expect(call.ear).toBe('Good night to you, and thanks for calling.');
    expect(call.ended).toBe('agent_hangup');
    expect(call.dialogue.at(-1)).toBe('caller: Thank you, bye.');
  });
});

describe('nobody speaks', () => {
  test('the agent asks, then says goodbye and hangs up', () => {
    const call = talk();
    call.wait(10_000);
    expect(call.of('speak')).toMatchObject([{ text: 'Are you still there?' }]);
    call.toEnd();
    expect(call.dialogue).toEqual([
      'agent: Are you still there?',
      'agent: I will hang up now. Goodbye.',
    ]);
    expect(call.ended).toBe('silence');
    expect(call.of('end-call')[0]?.atMs).toBe(10_000 + 1_350 + 10_000 + 1_950);
  });

  test('a caller who comes back is asked again later', () => {
    const call = talk(policyWith(), { thoughts: ['Fine.'] });
    call.wait(12_000);
    call.say('Yes, I am here.');
    call.wait(13_000);
    expect(call.of('speak').map(({ text }) => text)).toEqual([
      'Are you still there?',
      'Fine.',
      'Are you still there?',
    ]);
  });

  test('without prompts and goodbye it just hangs up', () => {
    const call = talk(policyWith({ idle: { prompts: [' '], goodbye: '' } }));
    call.toEnd();
    expect([call.ended, call.of('end-call')[0]?.atMs]).toEqual(['silence', 10_000]);
  });

  test('coughing puts it off, but not for ever', () => {
    const call = talk();
    while (call.of('speak').length === 0 && call.nowMs < 60_000) {
      call.wait(1_000);
      call.cough(300);
    }
    expect(call.nowMs).toBeGreaterThan(10_000);
    expect(call.nowMs).toBeLessThan(21_500);
  });

  test('noise that never ends neither', () => {
    const call = talk();
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(19_999);
    expect(call.of('speak')).toHaveLength(0);
    call.wait(1);
    expect(call.of('speak')).toHaveLength(1);
    call.toEnd();
    expect(call.ended).toBe('silence');
  });
});

describe('the time limit', () => {
  test('is announced, and ends the call', () => {
    const call = talk(policyWith({ maxCallMs: 30_000, idle: { promptAfterMs: 60_000 } }));
    call.wait(30_000);
    expect(call.callState).toBe('ending');
    call.toEnd();
    expect(call.dialogue).toEqual(['agent: We have reached the time limit of this call. Goodbye.']);
    expect(call.ended).toBe('max_duration');
  });

  test('keeps what was said just before it', () => {
    const call = talk(policyWith({ maxCallMs: 30_000, idle: { promptAfterMs: 60_000 } }));
    call.wait(28_900);
    call.say('Just one more.');
    call.wait(200);
    expect(call.dialogue).toEqual(['caller: Just one more.']);
  });

  test('ends a farewell that does not', () => {
    const call = talk(policyWith({ maxCallMs: 30_000, deadAirMs: 60_000 }), {
      voice: { speechMs: Infinity },
    });
    call.toEnd();
    expect(call.of('end-call')[0]).toMatchObject({ atMs: 60_000, reason: 'max_duration' });
  });
});

describe('the owner hangs up', () => {
  test('with a farewell that nothing interrupts', () => {
    const call = talk();
    call.wait(1_000);
    call.send({ type: 'hang-up', reason: 'api_hangup' });
    call.send({ type: 'hang-up', reason: 'shutdown' });
    call.say('But I am not through!');
    call.send({ type: 'key', digit: '1' });
    call.send({ type: 'say', text: 'More.' });
    call.toEnd();
    expect(call.dialogue).toEqual(['agent: I have to end this call now. Goodbye.']);
    expect(call.ended).toBe('api_hangup');
  });

  test('in the middle of an answer: what was heard of it is kept', () => {
    const call = talk(policyWith(), { thoughts: ['We have tables at six and seven.'] });
    call.say('Any tables?');
    call.wait(1_600);
    call.send({ type: 'hang-up', reason: 'channel_removed' });
    call.toEnd();
    expect(call.dialogue).toEqual([
      'caller: Any tables?',
      'agent: We have –',
      'agent: I have to end this call now. Goodbye.',
    ]);
    expect(call.ended).toBe('channel_removed');
  });

  test('before anybody answered: at once', () => {
    const call = talk(policyWith(), { unanswered: true });
    call.send({ type: 'hang-up', reason: 'shutdown' });
    expect(call.effects).toEqual([{ type: 'end-call', reason: 'shutdown', detail: null, atMs: 0 }]);
  });
});

describe('the caller hangs up', () => {
  test('while speaking: the unfinished turn is kept', () => {
    const call = talk();
    call.begin('I want a table for two.');
    call.wait(1_100);
    call.send({ type: 'closed', by: 'caller' });
    expect(call.dialogue).toEqual(['caller: I want a']);
    expect(call.ended).toBe('caller_hangup');
  });

  test('while a reply is prepared on trial: nobody heard it', () => {
    const call = talk(policyWith(), { thoughts: ['Sure.'] });
    call.say('I want a table.');
    call.wait(300);
    call.send({ type: 'closed', by: 'caller' });
    expect(call.dialogue).toEqual(['caller: I want a table.']);
    expect(call.of('stop-thinking')).toHaveLength(1);
  });

  test('while the agent speaks: it is kept as far as it was heard', () => {
    const call = talk(policyWith({ greeting: { text: 'Hello and a warm welcome.' } }));
    call.wait(800);
    call.send({ type: 'closed', by: 'caller' });
    expect(call.dialogue).toEqual(['agent: Hello and –']);
    expect(call.callState).toBe('ending');
    expect(call.timers).toEqual([]);
  });

  test('or the line broke: that is another reason', () => {
    const call = talk();
    call.send({ type: 'closed', by: 'broken' });
    expect(call.ended).toBe('transport_lost');
  });

  test('during the farewell: the reason for it stands', () => {
    const call = talk(policyWith({ idle: { prompts: [] } }));
    call.wait(10_500);
    call.send({ type: 'closed', by: 'caller' });
    expect(call.ended).toBe('silence');
  });

  test('and nothing happens any more', () => {
    const call = talk();
    call.send({ type: 'closed', by: 'caller' });
    const count = call.effects.length;
    const state = call.state;
    call.say('Hello?');
    call.send({ type: 'closed', by: 'broken' });
    call.send({ type: 'answered' });
    call.wait(60_000);
    expect(call.effects).toHaveLength(count);
    expect(call.state).toBe(state);
  });
});
