import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';

const STORY = 'We have tables at six and at seven and at eight today.';

describe('the caller writes', () => {
  test('and is answered at once, as nothing more is to come', () => {
    const call = talk(policyWith(), { thoughts: ['At nine.'] });
    call.send({ type: 'typed', text: ' When do you open? ', isAnswered: true });
    expect(call.asked).toEqual([[{ role: 'caller', text: 'When do you open?' }]]);
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: When do you open?', 'agent: At nine.']);
  });

  test.each(['Yes.', 'ok', '42', 'Stop it, please.'])(
    'and takes the floor with it, whatever it is: %s',
    (text) => {
      const call = talk(policyWith(), {
        thoughts: [{ text: STORY, firstTokenMs: 0 }, 'Sure.'],
      });
      call.say('Hi.');
      call.wait(1_700);
      call.send({ type: 'typed', text, isAnswered: true });
      call.wait(3_000);
      expect(call.dialogue).toEqual([
        'caller: Hi.',
        'agent: We have tables at –',
        `caller: ${text}`,
        'agent: Sure.',
      ]);
    },
  );

  test('and is answered after what must be heard to its end', () => {
    const greeting = { text: 'This call may be recorded.', interruptible: false };
    const call = talk(policyWith({ greeting }), { thoughts: ['Fine.'] });
    call.wait(300);
    call.send({ type: 'typed', text: 'No problem.', isAnswered: true });
    call.wait(6_000);
    expect(call.dialogue).toEqual([
      'agent: This call may be recorded.',
      'caller: No problem.',
      'agent: Fine.',
    ]);
  });

  test('the same twice, and is answered twice', () => {
    const call = talk(policyWith(), { thoughts: ['One.', 'Two.'] });
    call.send({ type: 'typed', text: 'Again.', isAnswered: true });
    call.wait(3_000);
    call.send({ type: 'typed', text: 'Again.', isAnswered: true });
    call.wait(3_000);
    expect(call.dialogue).toEqual([
      'caller: Again.',
      'agent: One.',
      'caller: Again.',
      'agent: Two.',
    ]);
  });

  test('something only to be known: it is recorded, disturbs nobody, and the model is shown it', () => {
    const call = talk(policyWith(), { thoughts: [{ text: STORY, firstTokenMs: 0 }, 'Sure.'] });
    call.say('Hi.');
    call.wait(1_700);
    call.send({ type: 'typed', text: 'I am Anna.', isAnswered: false });
    call.wait(6_000);
    expect(call.of('interrupted')).toEqual([]);
    expect(call.turns.map(({ index, text }) => [index, text])).toEqual([
      [0, 'Hi.'],
      [1, 'I am Anna.'],
      [2, STORY],
    ]);
    call.say('Book it.');
    call.wait(3_000);
    expect(call.asked.at(-1)).toContainEqual({ role: 'caller', text: 'I am Anna.' });
  });

  test('nothing, and nothing happens', () => {
    const call = talk(policyWith());
    call.send({ type: 'typed', text: ' ?! ', isAnswered: true });
    call.send({ type: 'typed', text: '', isAnswered: false });
    expect(call.turns).toEqual([]);
    expect(call.asked).toEqual([]);
  });
});
