import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk, TalkOptions } from '#test/support/conversation.ts';

/** A caller has said "Hi." and the agent is about to answer. */
function asked(options: TalkOptions, policy = policyWith()): Talk {
  const call = talk(policy, options);
  call.say('Hi.');
  call.wait(600);
  return call;
}

const lookUp = { tools: [{ name: 'look_up' }], firstTokenMs: 0 };
const FILLER = 'One moment, I am looking that up.';

describe('while a tool runs', () => {
  test('for more than a second, the agent says so', () => {
    const call = asked({ thoughts: [lookUp, 'At seven.'], voice: { toolMs: 3_500 } });
    call.wait(8_000);
    const [said] = call.of('speak');
    expect([said?.text.trim(), (said?.atMs ?? 0) - (call.of('run-tool')[0]?.atMs ?? 0)]).toEqual([
      FILLER,
      1_000,
    ]);
    expect(call.dialogue.at(-1)).toBe(`agent: ${FILLER} At seven.`);
  });

  test('for less, it says nothing of it', () => {
    const call = asked({ thoughts: [lookUp, 'At seven.'], voice: { toolMs: 900 } });
    call.wait(8_000);
    expect(call.dialogue.at(-1)).toBe('agent: At seven.');
  });

  test('it says so once, not for every tool', () => {
    const call = asked({ thoughts: [lookUp, lookUp, 'At seven.'], voice: { toolMs: 3_500 } });
    call.wait(15_000);
    expect(call.dialogue.at(-1)?.split(FILLER)).toHaveLength(2);
  });

  test('nothing where the owner wants nothing said', () => {
    const policy = policyWith({ texts: { toolFiller: '' } });
    const call = asked({ thoughts: [lookUp, 'At seven.'], voice: { toolMs: 3_500 } }, policy);
    call.wait(8_000);
    expect(call.dialogue.at(-1)).toBe('agent: At seven.');
  });

  test('it does not talk into its own words, and leaves them time to sink in', () => {
    const call = asked({
      thoughts: [{ text: 'Let me look.', ...lookUp }, 'At seven.'],
      voice: { toolMs: 3_400 },
    });
    call.wait(8_000);
    expect(call.dialogue.at(-1)).toBe('agent: Let me look. At seven.');
  });
});

describe('a tool that goes on whatever happens', () => {
  const book = { tools: [{ name: 'book', lasting: true }], firstTokenMs: 0 };

  test('is not called off by an interruption, and its result takes its place later', () => {
    const call = asked({ thoughts: [book, 'Sure.', 'It is booked.'], voice: { toolMs: 2_500 } });
    call.wait(300);
    call.say('And for two.');
    call.wait(400);
    expect(call.of('stop-tools')).toEqual([]);
    expect(call.asked[1]?.find((item) => item.role === 'tool-result')).toMatchObject({
      result: 'Not finished yet: the caller interrupted, and it goes on.',
    });
    call.wait(4_000);
    expect(call.context.filter((item) => item.role === 'tool-result')).toEqual([
      { role: 'tool-result', callId: 'call-1-0', result: 'book is done' },
    ]);
    // In the place of the call, so that the model does not take it for something new.
    expect(call.context.map((item) => item.role)).toEqual([
      'caller',
      'tool-call',
      'tool-result',
      'caller',
      'agent',
    ]);
  });

  test('shares a round with one that is called off', () => {
    const call = asked({
      thoughts: [{ tools: [{ name: 'look_up' }, ...book.tools], firstTokenMs: 0 }, 'Sure.'],
      voice: { toolMs: 2_500 },
    });
    call.wait(300);
    call.say('Never mind.');
    call.wait(6_000);
    expect(call.of('stop-tools')).toMatchObject([{ callIds: ['call-1-0'] }]);
    expect(
      call.context.flatMap((item) => (item.role === 'tool-result' ? item.result : [])),
    ).toEqual(['Cancelled: the caller interrupted.', 'book is done']);
  });
});

describe('a tool that takes the line', () => {
  const transfer = { name: 'transfer_call', arguments: '{"to":"sales"}' };
  const words = 'I will put you through to sales.';

  test('waits until all that was said before it was heard', () => {
    const call = asked({ thoughts: [{ text: words, tools: [transfer], firstTokenMs: 0 }] });
    call.wait(1_900);
    expect(call.of('run-tool')).toEqual([]);
    expect(call.callState).toBe('speaking');
    call.wait(500);
    expect(call.ear).toBe(words);
    expect(call.of('run-tool')).toMatchObject([{ name: 'transfer_call', replyId: 2 }]);
    expect(call.callState).toBe('transferring');
    call.send({ type: 'transferred', replyId: 2, callId: 'call-1-0', to: 'sales' });
    expect(call.of('end-call')).toMatchObject([{ reason: 'transferred', detail: 'to sales' }]);
    expect(call.turns.at(-1)).toMatchObject({ heard: words, interrupted: false });
  });

  test('runs at once where nothing was said', () => {
    const call = asked({ thoughts: [{ tools: [transfer], firstTokenMs: 0 }] });
    expect(call.of('run-tool')).toHaveLength(1);
    expect(call.callState).toBe('transferring');
  });

  test('does not run on trial', () => {
    const call = talk(policyWith(), { thoughts: [{ tools: [transfer], firstTokenMs: 50 }] });
    call.begin('Hi.');
    call.wait(750);
    expect(call.asked).toHaveLength(1);
    expect(call.of('run-tool')).toEqual([]);
    call.wait(400);
    expect(call.of('run-tool')).toHaveLength(1);
  });

  test('never runs if the caller says no before', () => {
    const call = asked({
      thoughts: [{ text: words, tools: [transfer], firstTokenMs: 0 }, 'All right.'],
    });
    call.wait(600);
    call.say('No, please wait.');
    call.wait(5_000);
    expect(call.of('run-tool')).toEqual([]);
    expect(call.context.find((item) => item.role === 'tool-result')).toMatchObject({
      result: 'Cancelled: the caller interrupted.',
    });
    expect(call.dialogue.at(-1)).toBe('agent: All right.');
  });

  test('nor if they say it while the agent is not to be interrupted', () => {
    const call = asked(
      { thoughts: [{ text: words, tools: [transfer], firstTokenMs: 0 }, 'All right.'] },
      policyWith({ bargeIn: { enabled: false } }),
    );
    call.wait(600);
    call.say('No, please wait.');
    call.wait(6_000);
    expect(call.of('run-tool')).toEqual([]);
    expect(call.dialogue.slice(-2)).toEqual(['caller: No, please wait.', 'agent: All right.']);
  });

  test('whose transfer is refused lets the agent say so', () => {
    const call = asked({
      thoughts: [{ text: words, tools: [transfer], firstTokenMs: 0 }, 'Nobody is there.'],
      voice: { toolMs: 700 },
    });
    call.wait(8_000);
    expect(call.asked[1]).toEqual([
      { role: 'caller', text: 'Hi.' },
      { role: 'agent', text: words },
      {
        role: 'tool-call',
        callId: 'call-1-0',
        name: 'transfer_call',
        arguments: '{"to":"sales"}',
      },
      { role: 'tool-result', callId: 'call-1-0', result: 'transfer_call is done' },
    ]);
    expect(call.dialogue.slice(-2)).toEqual([`agent: ${words}`, 'agent: Nobody is there.']);
  });

  test('is not disturbed by what the caller says meanwhile; that is answered afterwards', () => {
    const call = asked({
      thoughts: [{ tools: [transfer], firstTokenMs: 0 }, 'Nobody is there.', 'You are welcome.'],
      voice: { toolMs: 3_000 },
    });
    call.say('Oh, thank you so much for your help.');
    expect(call.callState).toBe('transferring');
    expect(call.of('stop-tools')).toEqual([]);
    call.wait(12_000);
    expect(call.dialogue.at(-1)).toBe('agent: You are welcome.');
  });

  test('that hangs is given up, and the call goes on', () => {
    const call = asked({
      thoughts: [{ tools: [transfer], firstTokenMs: 0 }, 'Nobody is there.'],
      voice: { toolMs: Infinity },
    });
    call.wait(24_000);
    expect(call.dialogue.at(-1)).toBe('agent: Nobody is there.');
    expect(call.ended).toBeUndefined();
  });

  test('runs after the other tools of its round, and several one after the other', () => {
    const digits = { name: 'send_digits', arguments: '{"digits":"1"}' };
    const call = asked({
      thoughts: [{ tools: [digits, { name: 'look_up' }, transfer], firstTokenMs: 0 }, 'So.'],
      voice: { toolMs: 500 },
    });
    call.wait(6_000);
    expect(call.of('run-tool').map(({ name }) => name)).toEqual([
      'look_up',
      'send_digits',
      'transfer_call',
    ]);
    expect(call.asked).toHaveLength(2);
    expect(call.dialogue.at(-1)).toBe('agent: So.');
  });

  test('after which the agent may be silent, if it was tones', () => {
    const call = asked({
      thoughts: [{ tools: [{ name: 'send_digits' }], firstTokenMs: 0 }, { text: '' }],
    });
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: Hi.']);
    expect(call.callState).toBe('listening');
  });

  test('that is called again and again comes to an end', () => {
    const again = { tools: [{ name: 'send_digits' }], firstTokenMs: 0 };
    const call = asked({ thoughts: Array.from({ length: 60 }, () => again), voice: { toolMs: 0 } });
    call.wait(5_000);
    expect(call.of('run-tool').length).toBeLessThan(20);
  });
});
