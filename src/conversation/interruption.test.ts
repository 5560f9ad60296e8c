import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk, TalkOptions } from '#test/support/conversation.ts';
import type { Policy } from './policy.ts';

const STORY = 'We have tables at six and at seven and at eight today.';

/** A call in which the agent has begun to tell a long story at 1,000 ms. */
function telling(options: TalkOptions & { policy?: Policy; story?: string } = {}): Talk {
  const { policy = policyWith(), story = STORY, thoughts = ['Sure.'], ...rest } = options;
  const call = talk(policy, { ...rest, thoughts: [{ text: story, firstTokenMs: 0 }, ...thoughts] });
  call.say('Hi.');
  call.wait(700);
  return call;
}

describe('the caller speaks over the agent', () => {
  test('a voice for long enough takes the agent off the line, words end its turn', () => {
    const call = telling();
    call.wait(1_000);
    const startMs = call.nowMs;
    call.say('Stop it, please.');
    expect(call.of('hold-audio').map(({ atMs }) => atMs - startMs)).toEqual([120]);
    call.wait(3_000);
    expect(call.dialogue).toEqual([
      'caller: Hi.',
      'agent: We have tables at –',
      'caller: Stop it, please.',
      'agent: Sure.',
    ]);
    expect(call.of('interrupted')).toMatchObject([
      { heard: 'We have tables at', unheard: 'six and at seven and at eight today.' },
    ]);
    // The agent's turn ends when the line fell silent, not when words made it certain.
    expect(call.turns[1]).toMatchObject({ end_ms: startMs + 120, interrupted: true, text: STORY });
  });

  test('the context holds exactly the words that were heard', () => {
    const call = telling();
    call.wait(1_000);
    call.say('Stop it, please.');
    call.wait(1_500);
    expect(call.asked.at(-1)).toEqual([
      { role: 'caller', text: 'Hi.' },
      { role: 'agent', text: 'We have tables at' },
      { role: 'caller', text: 'Stop it, please.' },
    ]);
  });

  test('a voice that is too short takes nothing off the line', () => {
    const call = telling({ policy: policyWith({ bargeIn: { minSpeechMs: 500 } }) });
    call.cough(400);
    call.wait(6_000);
    expect(call.of('hold-audio')).toEqual([]);
    expect(call.dialogue.at(-1)).toBe(`agent: ${STORY}`);
  });

  test('words alone are enough, and marks on their way then still count', () => {
    const call = telling({ voice: { markLagMs: 200 } });
    call.wait(1_100);
    call.say('Stop it, please.', { unvoiced: true });
    call.wait(3_000);
    expect(call.dialogue[1]).toBe('agent: We have tables at six –');
    expect(call.ear).toBe('We have tables at six Sure.');
  });

  test('the voice of the turn that is being answered is no interruption', () => {
    const call = talk(policyWith({ endpointing: { vendorDecides: true } }), {
      thoughts: [{ text: STORY, firstTokenMs: 0 }],
    });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-end', text: 'Which tables are free?' });
    call.wait(5_000);
    expect(call.of('hold-audio')).toEqual([]);
  });

  test('switched off, the agent speaks to its end and then answers', () => {
    const call = telling({ policy: policyWith({ bargeIn: { enabled: false } }) });
    call.wait(500);
    call.say('Stop it, please.');
    call.wait(6_000);
    expect(call.dialogue).toEqual([
      'caller: Hi.',
      `agent: ${STORY}`,
      'caller: Stop it, please.',
      'agent: Sure.',
    ]);
  });

  test('before a whole word was heard there is nothing to remember', () => {
    const call = telling();
    call.send({ type: 'played', replyId: 1, playedMs: 20 });
    call.send({ type: 'heard-interim', text: 'No.' });
    call.wait(250);
    expect(call.context).toEqual([{ role: 'caller', text: 'Hi.' }]);
    expect(call.turns).toHaveLength(2);
    expect(call.turns[1]).toMatchObject({ heard: '', interrupted: true });
  });
});

describe('a false alarm', () => {
  test('a cough lets the agent go on from the first word that was not heard', () => {
    const call = telling();
    call.wait(1_000);
    const startMs = call.nowMs;
    call.cough(200);
    expect(call.callState).toBe('listening');
    call.wait(1_300 + 200);
    const [held, resumed] = [call.of('hold-audio')[0], call.of('release-audio').at(-1)];
    expect(held?.atMs).toBe(startMs + 120);
    // 1,500 ms after the cough's end; five words had begun, four were heard.
    expect(resumed).toMatchObject({ atMs: startMs + 1_700, fromMs: 1_200 });
    call.wait(5_000);
    expect(call.of('resumed')).toHaveLength(1);
    expect(call.ear).toBe(STORY);
    expect(call.dialogue).toEqual(['caller: Hi.', `agent: ${STORY}`]);
  });

  test('noise that never ends does not silence the agent for ever', () => {
    const call = telling();
    call.wait(1_000);
    call.send({ type: 'voice-started', sinceMs: call.nowMs });
    call.wait(6_120);
    expect(call.of('resumed')).toHaveLength(1);
    call.wait(5_000);
    expect(call.dialogue.at(-1)).toBe(`agent: ${STORY}`);
    expect(call.of('hold-audio')).toHaveLength(1);
  });

  test('a reply whose last word was heard just before needs no resuming', () => {
    const call = telling({ story: 'At seven.', voice: { markLagMs: 150 } });
    call.wait(340);
    call.cough(300);
    call.wait(3_000);
    expect(call.dialogue.at(-1)).toBe('agent: At seven.');
    expect(call.turns.at(-1)?.interrupted).toBe(false);
    expect(call.ended).toBeUndefined();
  });

  test.each(['Mm-hm.', 'Yeah, okay.', 'I see.'])('"%s" does not take the floor', (sign) => {
    const call = telling();
    call.wait(500);
    call.say(sign);
    call.wait(8_000);
    expect(call.of('interrupted')).toEqual([]);
    expect(call.ear).toBe(STORY);
    expect(call.dialogue).toEqual(['caller: Hi.', `agent: ${STORY}`, `caller: ${sign}`]);
    expect(call.asked).toHaveLength(1);
  });

  test('more words after a sign of listening do', () => {
    const call = telling();
    call.wait(500);
    call.say('Okay, stop.');
    call.wait(3_000);
    expect(call.dialogue.at(-2)).toBe('caller: Okay, stop.');
    expect(call.of('interrupted')).toHaveLength(1);
  });

  test('a recogniser that goes on after a forgotten sign is not heard twice', () => {
    const call = telling({ policy: policyWith({ endpointing: { vendorDecides: true } }) });
    call.wait(500);
    call.say('Yeah.', { endAfterMs: null });
    call.wait(6_000);
    expect(call.dialogue.at(-1)).toBe('caller: Yeah.');
    call.say('And at nine?');
    call.wait(2_000);
    expect(call.dialogue.slice(-2)).toEqual(['caller: And at nine?', 'agent: Sure.']);
  });
});

describe('a short yes', () => {
  test('at the end of a question is its answer', () => {
    const call = telling({ story: 'We have one at seven. Shall I book it?' });
    call.wait(2_000);
    call.say('Yes.');
    call.wait(2_000);
    expect(call.dialogue.slice(-2)).toEqual(['caller: Yes.', 'agent: Sure.']);
    expect(call.turns[1]?.heard).toBe('We have one at seven. Shall I');
  });

  test('at the end of a statement is answered after it', () => {
    const call = telling({ story: 'We have one at seven. Then I book it.' });
    call.wait(2_000);
    call.say('Okay.');
    call.wait(4_000);
    expect(call.dialogue.slice(1)).toEqual([
      'agent: We have one at seven. Then I book it.',
      'caller: Okay.',
      'agent: Sure.',
    ]);
  });

  test('at the end of a statement is answered, however long the agent paused for it', () => {
    const call = telling({ story: 'We have one at seven. Then I book it.' });
    call.wait(1_450);
    call.say('Okay.');
    call.wait(5_000);
    expect(call.of('resumed')).toHaveLength(1);
    expect(call.dialogue.at(-1)).toBe('agent: Sure.');
  });

  test('is not forgotten while the caller goes on speaking', () => {
    const call = telling({ policy: policyWith({ bargeIn: { enabled: false } }) });
    call.begin('Yeah.');
    call.wait(3_300);
    call.send({ type: 'voice-started', sinceMs: call.nowMs });
    call.wait(1_000);
    expect(call.dialogue).toEqual(['caller: Hi.', `agent: ${STORY}`]);
    call.send({ type: 'heard-interim', text: 'And at eight?' });
    call.send({ type: 'voice-stopped', sinceMs: call.nowMs });
    call.wait(4_000);
    expect(call.dialogue.slice(2)).toEqual(['caller: Yeah. And at eight?', 'agent: Sure.']);
  });

  test('to "are you still there?" is an answer, wherever it falls', () => {
    const call = talk(policyWith({ idle: { prompts: ['Hello, are you still there with me?'] } }), {
      thoughts: ['Good.'],
    });
    call.wait(10_600);
    call.say('Yes.');
    call.wait(3_000);
    expect(call.dialogue.slice(1)).toEqual(['caller: Yes.', 'agent: Good.']);
  });

  test('said into a silence that the agent then breaks itself is heard', () => {
    const call = talk(policyWith(), { thoughts: ['Good.'] });
    call.wait(9_700);
    call.begin('Yes.');
    call.wait(10);
    call.send({ type: 'say', text: 'One more thing from your bank manager.' });
    call.wait(3_000);
    expect(call.dialogue).toContain('caller: Yes.');
    expect(call.dialogue).toContain('agent: Good.');
  });

  test('long before the end, with another near it, is an answer too', () => {
    const call = telling({ story: 'We have one at seven. Shall I book it?' });
    call.wait(200);
    call.say('Mm.');
    call.wait(2_500);
    expect(call.of('interrupted')).toEqual([]);
    call.say('Yes.');
    call.wait(3_000);
    expect(call.dialogue.slice(-2)).toEqual(['caller: Mm. Yes.', 'agent: Sure.']);
  });
});

describe('without times of words', () => {
  test('the share of the audio that was played tells what was heard, rounded down', () => {
    const call = telling({ voice: { wordTimes: false } });
    call.wait(1_600);
    call.say('Stop it, please.');
    call.wait(2_000);
    const [, agent] = call.turns;
    expect(agent?.interrupted).toBe(true);
    expect(STORY.startsWith(agent?.heard ?? '-')).toBe(true);
    const heardCount = agent?.heard.split(' ').length ?? 0;
    expect(heardCount).toBeGreaterThan(2);
    expect(heardCount).toBeLessThanOrEqual(call.ear.replace(' Sure.', '').split(' ').length);
  });
});

describe('keys', () => {
  test('are put together to one number, and the model is told', () => {
    const call = talk(policyWith(), { thoughts: ['Thank you.'] });
    for (const digit of ['4', '2', '*']) {
      call.send({ type: 'key', digit });
      call.wait(1_000);
    }
    expect(call.of('think')).toEqual([]);
    call.wait(500);
    expect(call.asked).toEqual([
      [{ role: 'note', text: 'The caller pressed 4 2 * on the keypad.' }],
    ]);
    call.wait(2_000);
    expect(call.dialogue).toEqual(['agent: Thank you.']);
    expect(call.turns[0]?.waterfall_ms).toMatchObject({ end_decided: 1_500 });
  });

  test('a hash ends the number at once', () => {
    const call = talk(policyWith(), { thoughts: ['Thank you.'] });
    call.send({ type: 'key', digit: '7' });
    call.send({ type: 'key', digit: '#' });
    expect(call.of('think')).toHaveLength(1);
  });

  test('interrupt the agent, whatever its voice may', () => {
    const call = telling({ policy: policyWith({ bargeIn: { enabled: false } }) });
    call.wait(1_000);
    call.send({ type: 'key', digit: '1' });
    expect(call.of('hold-audio')).toHaveLength(1);
    call.wait(4_000);
    expect(call.dialogue.slice(1)).toEqual(['agent: We have tables at –', 'agent: Sure.']);
  });

  test('wait for the end of what must be heard', () => {
    const call = talk(
      policyWith({
        greeting: { text: 'This call is recorded for quality.', interruptible: false },
      }),
      { thoughts: ['Thank you.'] },
    );
    call.wait(500);
    call.send({ type: 'key', digit: '1' });
    call.send({ type: 'key', digit: '#' });
    call.wait(4_000);
    expect(call.dialogue).toEqual([
      'agent: This call is recorded for quality.',
      'agent: Thank you.',
    ]);
  });

  test('and words at the same time are answered together', () => {
    const call = talk(policyWith(), { thoughts: ['No.', 'Thank you.'] });
    call.say('My code is this.');
    call.send({ type: 'key', digit: '9' });
    call.wait(4_000);
    expect(call.asked.at(-1)).toEqual([
      { role: 'caller', text: 'My code is this.' },
      { role: 'note', text: 'The caller pressed 9 on the keypad.' },
    ]);
    expect(call.dialogue).toHaveLength(2);
  });

  test('that no telephone has are not believed', () => {
    const call = talk();
    for (const digit of ['', 'x', '12']) call.send({ type: 'key', digit });
    expect(call.state.caller.keys).toBe('');
  });
});

describe('the owner says something', () => {
  test('at once, where neither side speaks', () => {
    const call = talk();
    call.send({ type: 'say', text: 'The line will be recorded.' });
    expect(call.of('speak')).toMatchObject([{ text: 'The line will be recorded.' }]);
    expect(call.callState).toBe('thinking');
    call.wait(500);
    expect(call.callState).toBe('speaking');
  });

  test('after what the agent is saying, in order', () => {
    const call = telling({ story: 'At seven.' });
    call.send({ type: 'say', text: 'First.' });
    call.send({ type: 'say', text: 'Second.' });
    call.wait(5_000);
    expect(call.dialogue.slice(1)).toEqual(['agent: At seven.', 'agent: First.', 'agent: Second.']);
  });

  test('after the caller has been answered', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.'] });
    call.begin('Are you open today?');
    call.wait(600);
    call.send({ type: 'say', text: 'Until ten.' });
    call.wait(5_000);
    expect(call.dialogue).toEqual([
      'caller: Are you open today?',
      'agent: Yes.',
      'agent: Until ten.',
    ]);
  });

  test('not into the first words of the caller', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.'] });
    call.begin('Are you open?');
    call.wait(200);
    call.send({ type: 'say', text: 'Until ten.' });
    expect(call.of('speak')).toEqual([]);
    call.wait(5_000);
    expect(call.dialogue).toEqual(['caller: Are you open?', 'agent: Yes.', 'agent: Until ten.']);
  });

  test('even under noise that never ends', () => {
    const call = talk();
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(200);
    call.send({ type: 'say', text: 'Until ten.' });
    call.wait(25_000);
    expect(call.dialogue[0]).toBe('agent: Until ten.');
  });

  test('nothing, if there is no word in it', () => {
    const call = talk();
    call.send({ type: 'say', text: ' … ' });
    expect(call.of('speak')).toEqual([]);
  });
});
