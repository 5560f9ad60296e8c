import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';

const flux = policyWith({ endpointing: { vendorDecides: true } });

describe('where the recogniser leaves the end of a turn to us', () => {
  test('a finished sentence is answered after half a second of silence', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.'] });
    call.wait(1_000);
    call.say('I want a table.');
    call.wait(499);
    expect(call.turns).toEqual([]);
    call.wait(1);
    expect(call.dialogue).toEqual(['caller: I want a table.']);
    expect(call.turns[0]).toMatchObject({ index: 0, start_ms: 1_000, end_ms: 2_200 });
    expect(call.callState).toBe('thinking');
  });

  test('a recogniser is asked for its last word as soon as the voice ends', () => {
    const call = talk();
    call.say('Hello there.');
    call.wait(80);
    expect(call.of('finalize-hearing')).toHaveLength(1);
  });

  test('a voice ends once: what is said of its end later changes nothing', () => {
    const call = talk();
    call.say('I want a table.');
    call.wait(300);
    call.send({ type: 'voice-stopped', sinceMs: call.nowMs });
    expect(call.of('finalize-hearing')).toHaveLength(1);
    call.wait(200);
    expect(call.turns).toHaveLength(1);
  });

  test('words that may still change are given a little longer', () => {
    const call = talk();
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-interim', text: 'I want a table.' });
    call.send({ type: 'voice-stopped', sinceMs: 1_000 });
    call.wait(799);
    expect(call.turns).toEqual([]);
    call.wait(1);
    expect(call.turns).toHaveLength(1);
  });

  test('a hesitation in the middle of a sentence is not cut in on', () => {
    const call = talk(policyWith(), { thoughts: ['Noted.', 'Noted.', 'Noted.'] });
    call.say('My number is');
    call.wait(1_700);
    expect(call.turns).toEqual([]);
    call.say('five five five.');
    call.wait(5_000);
    expect(call.dialogue).toEqual(['caller: My number is five five five.', 'agent: Noted.']);
    expect(call.ear).toBe('Noted.');
  });

  test('who does not go on after a hesitation is answered all the same', () => {
    const call = talk(policyWith(), { thoughts: ['Yes?'] });
    call.say('I would like to and');
    call.wait(1_800);
    expect(call.dialogue).toEqual(['caller: I would like to and']);
  });

  test('speech too quiet for voice activity is answered too', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.'] });
    call.wait(1_000);
    call.say('Are you open?', { unvoiced: true });
    call.wait(1_200);
    expect(call.turns).toEqual([]);
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: Are you open?', 'agent: Yes.']);
  });

  test('noise that never ends does not hold a turn open', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-final', text: 'I want a table.' });
    call.wait(3_599);
    expect(call.turns).toEqual([]);
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: I want a table.', 'agent: Of course.']);
  });

  test('words that a recogniser repeats are answered once', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.', 'Again.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-interim', text: 'I want a table' });
    call.send({ type: 'voice-stopped', sinceMs: 1_000 });
    call.wait(900);
    expect(call.turns).toHaveLength(1);
    call.send({ type: 'heard-final', text: 'I want a table.' });
    call.send({ type: 'heard-final', text: 'A table.' });
    call.wait(5_000);
    expect(call.dialogue).toEqual(['caller: I want a table', 'agent: Of course.']);
  });

  test('of a late final only what is new is added', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.', 'For two, noted.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-interim', text: 'I want a table.' });
    call.send({ type: 'voice-stopped', sinceMs: 1_000 });
    call.wait(900);
    call.send({ type: 'heard-final', text: 'I want a table for two.' });
    call.wait(5_000);
    expect(call.dialogue).toEqual([
      'caller: I want a table.',
      'caller: for two.',
      'agent: For two, noted.',
    ]);
  });

  test('the same word said again is another turn', () => {
    const call = talk(policyWith(), { thoughts: ['Sure?', 'Good.'] });
    call.say('Yes.');
    call.wait(2_500);
    call.say('Yes.');
    call.wait(2_500);
    expect(call.dialogue).toEqual(['caller: Yes.', 'agent: Sure?', 'caller: Yes.', 'agent: Good.']);
  });

  test('sounds without a letter are no turn', () => {
    const call = talk();
    call.send({ type: 'heard-final', text: '...' });
    call.send({ type: 'heard-interim', text: ' ' });
    expect(call.state.caller.turn).toBeNull();
  });
});

describe('where the recogniser decides the end of a turn', () => {
  test('its word is enough, even before voice activity knows', () => {
    const call = talk(flux, { thoughts: ['Of course.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(1_000);
    call.send({ type: 'heard-end', text: 'I want a table.' });
    expect(call.dialogue).toEqual(['caller: I want a table.']);
    call.wait(100);
    call.send({ type: 'voice-stopped', sinceMs: 900 });
    call.wait(5_000);
    expect(call.turns[1]?.waterfall_ms).toMatchObject({
      end_decided: 100,
      first_token: 500,
      played: 670,
    });
  });

  test('a voice that it has counted in does not stop the answer', () => {
    const call = talk(flux, { thoughts: [{ text: 'Of course.', firstTokenMs: 0 }] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(400);
    call.send({ type: 'voice-stopped', sinceMs: 300 });
    call.send({ type: 'heard-interim', text: 'Yes,' });
    call.wait(300);
    call.send({ type: 'voice-started', sinceMs: 500 });
    call.wait(300);
    call.send({ type: 'heard-end', text: 'Yes, please.' });
    call.wait(100);
    call.send({ type: 'voice-stopped', sinceMs: 900 });
    call.wait(1_000);
    expect(call.of('hold-audio')).toEqual([]);
    expect(call.dialogue).toEqual(['caller: Yes, please.', 'agent: Of course.']);
  });

  test('silence alone ends nothing', () => {
    const call = talk(flux);
    call.say('I want a table.', { endAfterMs: null });
    call.wait(3_500);
    expect(call.turns).toEqual([]);
  });

  test('a recogniser that never says so is not waited for for ever', () => {
    const call = talk(flux, { thoughts: ['Of course.'] });
    call.say('I want a table.', { endAfterMs: null });
    call.wait(3_800);
    expect(call.dialogue).toEqual(['caller: I want a table.']);
  });

  test('its five seconds for a hesitation are left to it', () => {
    const call = talk(flux, { thoughts: ['Noted.'] });
    call.say('My number is', { endAfterMs: 5_100 });
    call.wait(5_099);
    expect(call.turns).toEqual([]);
    call.wait(1);
    expect(call.turns).toHaveLength(1);
  });

  test('what it says of a turn that was answered without it is not answered again', () => {
    const call = talk(flux, { thoughts: ['Of course.', 'Again.'] });
    call.say('I want a table.', { endAfterMs: 4_500 });
    call.wait(9_000);
    expect(call.dialogue).toEqual(['caller: I want a table.', 'agent: Of course.']);
  });

  test('and what was said after that stands alone', () => {
    const call = talk(flux, { thoughts: ['Of course.', 'For two.'] });
    call.say('I want a table.', { endAfterMs: null });
    call.wait(7_000);
    call.say('For two, please.');
    call.wait(4_000);
    expect(call.dialogue).toEqual([
      'caller: I want a table.',
      'agent: Of course.',
      'caller: For two, please.',
      'agent: For two.',
    ]);
  });

  test('a likely end has the reply thought, a sure one has it heard', () => {
    const call = talk(flux, { thoughts: ['Of course.'] });
    call.say('I want a table.', { eagerAfterMs: 200, endAfterMs: 900 });
    call.wait(899);
    expect(call.of('think').map(({ atMs }) => atMs)).toEqual([1_400]);
    expect(call.of('speak')).toHaveLength(1);
    expect(call.of('release-audio')).toEqual([]);
    expect(call.callState).toBe('listening');
    call.wait(1);
    expect(call.of('release-audio').map(({ atMs }) => atMs)).toEqual([2_100]);
    expect(call.of('think')).toHaveLength(1);
    call.wait(1_000);
    expect(call.dialogue).toEqual(['caller: I want a table.', 'agent: Of course.']);
  });

  test('a caller who goes on never hears what was prepared', () => {
    const call = talk(flux, { thoughts: ['Of course.', 'For two, noted.'] });
    call.say('I want a table.', { eagerAfterMs: 200, endAfterMs: null });
    call.wait(700);
    call.send({ type: 'heard-resumed' });
    expect(call.of('stop-speaking')).toHaveLength(1);
    call.say('For two.');
    call.wait(4_000);
    expect(call.ear).toBe('For two, noted.');
    expect(call.dialogue).toEqual(['caller: I want a table. For two.', 'agent: For two, noted.']);
    expect(call.asked).toHaveLength(2);
  });
});

describe('speculation', () => {
  test('a short silence has the reply prepared, and the end of the turn has it played at once', () => {
    const call = talk(policyWith(), { thoughts: [{ text: 'Of course.', firstTokenMs: 100 }] });
    call.say('I want a table.');
    call.wait(500);
    expect(call.of('think').map(({ atMs }) => atMs)).toEqual([1_410]);
    call.wait(1_000);
    expect(call.turns[1]?.waterfall_ms).toEqual({
      end_decided: 500,
      first_token: 310,
      first_clause: 330,
      first_audio: 480,
      played: 500,
    });
  });

  test('other words than those it was thought for have it thought anew', () => {
    const call = talk(flux, { thoughts: ['For two.', 'For ten.'] });
    call.send({ type: 'heard-eager-end', text: 'A table for two' });
    call.wait(700);
    call.send({ type: 'heard-end', text: 'A table for ten.' });
    call.wait(4_000);
    expect(call.ear).toBe('For ten.');
    expect(call.context).toEqual([
      { role: 'caller', text: 'A table for ten.' },
      { role: 'agent', text: 'For ten.' },
    ]);
  });

  test('punctuation that comes late is no other word', () => {
    const call = talk(flux, { thoughts: ['For two.'] });
    call.send({ type: 'heard-eager-end', text: 'A table for two' });
    call.wait(700);
    call.send({ type: 'heard-end', text: 'A table for two.' });
    call.wait(2_000);
    expect(call.dialogue).toEqual(['caller: A table for two.', 'agent: For two.']);
    expect(call.asked).toHaveLength(1);
  });

  test('switched off, nothing is thought before the end is certain', () => {
    const call = talk(policyWith({ speculation: false }), { thoughts: ['Of course.'] });
    call.say('I want a table.');
    call.wait(499);
    expect(call.of('think')).toEqual([]);
    call.wait(1);
    expect(call.of('think')).toHaveLength(1);

    const other = talk(policyWith({ speculation: false, endpointing: { vendorDecides: true } }));
    other.send({ type: 'heard-eager-end', text: 'A table' });
    expect(other.of('think')).toEqual([]);
  });

  test('the model sees the words on trial, the record does not', () => {
    const call = talk(policyWith(), { thoughts: ['Of course.'] });
    call.say('I want a table and');
    call.wait(1_000);
    expect(call.asked).toEqual([[{ role: 'caller', text: 'I want a table and' }]]);
    expect([call.context, call.turns]).toEqual([[], []]);
  });

  test('tools of a reply on trial run once the turn is certain', () => {
    const call = talk(policyWith(), {
      thoughts: [
        { text: 'Let me look. ', tools: [{ name: 'look_up' }], firstTokenMs: 50 },
        'It is free.',
      ],
    });
    call.say('Is seven free?');
    call.wait(499);
    expect(call.of('speak').map(({ text }) => text)).toEqual(['Let me look. ']);
    expect(call.of('run-tool')).toEqual([]);
    call.wait(1);
    expect(call.of('run-tool')).toMatchObject([{ name: 'look_up', atMs: 1_400 }]);
    call.wait(6_000);
    expect(call.dialogue).toEqual(['caller: Is seven free?', 'agent: Let me look. It is free.']);
  });

  test('tools of a trial that came to nothing never run and leave no trace', () => {
    const call = talk(policyWith(), {
      thoughts: [
        { text: 'Booked.', tools: [{ name: 'book' }, { name: 'end_call' }], firstTokenMs: 50 },
        'For two.',
      ],
    });
    call.say('Book a table and');
    call.wait(1_000);
    call.say('make it two.');
    call.wait(3_000);
    expect(call.of('run-tool')).toEqual([]);
    expect(call.ended).toBeUndefined();
    expect(call.context).toEqual([
      { role: 'caller', text: 'Book a table and make it two.' },
      { role: 'agent', text: 'For two.' },
    ]);
  });

  test('a trial that fails costs nothing, and is not tried again for the same words', () => {
    const call = talk(policyWith(), {
      thoughts: [{ fails: 'overloaded', firstTokenMs: 0 }, 'Of course.'],
    });
    call.say('I want a table and');
    call.wait(1_700);
    expect(call.asked).toHaveLength(1);
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: I want a table and', 'agent: Of course.']);
  });

  test('a trial without a word is thought anew', () => {
    const call = talk(policyWith(), { thoughts: [{ firstTokenMs: 0 }, 'Of course.'] });
    call.say('I want a table.');
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: I want a table.', 'agent: Of course.']);
  });

  test('no sound of a trial counts as no answer only once the turn is certain', () => {
    const call = talk(policyWith(), {
      thoughts: ['One.', 'Two.'],
      voice: { mute: true, speechMs: 0 },
    });
    call.say('I want a table and');
    call.wait(1_000);
    expect(call.of('stop-speaking')).toHaveLength(1);
    expect(call.callState).toBe('listening');
  });
});

describe('the caller goes on', () => {
  test('while the agent thinks: the agent listens, then answers both', () => {
    const call = talk(policyWith(), { thoughts: [{ text: 'One.', firstTokenMs: 2_000 }, 'Two.'] });
    call.say('I want a table.');
    call.wait(800);
    expect(call.callState).toBe('thinking');
    call.say('For two.');
    call.wait(3_000);
    expect(call.ear).toBe('Two.');
    expect(call.dialogue).toEqual(['caller: I want a table.', 'caller: For two.', 'agent: Two.']);
    expect(call.of('stop-thinking').length).toBeGreaterThan(0);
  });

  test.each([true, false])(
    'in the moment in which their turn is taken as over (speculation %s)',
    (speculation) => {
      const call = talk(policyWith({ speculation }), { thoughts: ['One.', 'Two.'] });
      call.say('I want a table.');
      call.wait(450);
      const sinceMs = call.nowMs;
      call.wait(60);
      expect(call.turns).toHaveLength(1);
      call.send({ type: 'voice-started', sinceMs });
      call.wait(60);
      expect(call.of('hold-audio').map(({ atMs }) => atMs - sinceMs)).toEqual([120]);
    },
  );

  test('noise after their turn does not make the answer look sooner', () => {
    const call = talk(policyWith({ bargeIn: { minSpeechMs: 1_000 } }), { thoughts: ['One.'] });
    call.say('I want a table.');
    call.wait(520);
    call.cough(100);
    call.wait(3_000);
    expect(call.turns[1]?.waterfall_ms).toMatchObject({ end_decided: 500 });
  });

  test('a cough while the agent thinks puts its answer off, no more', () => {
    const call = talk(policyWith(), { thoughts: [{ text: 'One.', firstTokenMs: 600 }] });
    call.say('I want a table.');
    call.wait(600);
    call.cough(300);
    expect(call.of('hold-audio')).toHaveLength(1);
    call.wait(4_000);
    expect(call.dialogue).toEqual(['caller: I want a table.', 'agent: One.']);
    expect(call.of('resumed')).toEqual([]);
  });
});

describe('greeting', () => {
  test('is said as soon as the call is answered, and shown as such', () => {
    const call = talk(policyWith({ greeting: { text: 'Hello there.', interruptible: true } }));
    expect(call.callState).toBe('greeting');
    call.wait(750);
    expect(call.dialogue).toEqual(['agent: Hello there.']);
    expect(call.callState).toBe('listening');
  });

  test('none: the agent listens', () => {
    const call = talk();
    expect(call.callState).toBe('listening');
    expect(call.effects.map(({ type }) => type)).toEqual(['set-timer', 'set-timer']);
  });

  test('a phone that rings is told so, and listens to nobody', () => {
    const call = talk(policyWith(), { unanswered: true });
    call.send({ type: 'heard-final', text: 'Hello?' });
    expect(call.callState).toBe('ringing');
    expect(call.effects).toEqual([]);
  });

  test('one that may be interrupted is', () => {
    const call = talk(
      policyWith({ greeting: { text: 'Hello and a very warm welcome.', interruptible: true } }),
      { thoughts: ['Hi.'] },
    );
    call.wait(700);
    call.say('Good morning.');
    call.wait(3_000);
    expect(call.dialogue).toEqual(['agent: Hello and –', 'caller: Good morning.', 'agent: Hi.']);
  });

  test('one that must be heard is heard to its end, then the caller is answered', () => {
    const call = talk(
      policyWith({
        greeting: { text: 'This call is recorded for quality.', interruptible: false },
      }),
      { thoughts: ['Hi.'] },
    );
    call.wait(200);
    call.say('Good morning.');
    call.wait(4_000);
    expect(call.of('hold-audio')).toEqual([]);
    expect(call.dialogue).toEqual([
      'agent: This call is recorded for quality.',
      'caller: Good morning.',
      'agent: Hi.',
    ]);
  });

  test('a turn that the recogniser ended during it is answered after it', () => {
    const call = talk(
      policyWith({
        endpointing: { vendorDecides: true },
        greeting: { text: 'This call is recorded for quality.', interruptible: false },
      }),
      { thoughts: ['Hi.'] },
    );
    call.wait(100);
    call.say('Good morning.', { endAfterMs: 200 });
    call.wait(3_000);
    expect(call.dialogue.at(-1)).toBe('agent: Hi.');
  });
});
