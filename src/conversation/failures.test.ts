import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk, TalkOptions } from '#test/support/conversation.ts';

const SORRY = 'I am sorry, I am having technical difficulties. Please call again later. Goodbye.';

/** The caller has asked; the agent's answer is certain and due since 800 ms. */
function asked(options: TalkOptions): Talk {
  const call = talk(policyWith(), options);
  call.say('Hi.');
  call.wait(500);
  return call;
}

/** Notes of what was done, beside those on a silence that goes on. */
const notesOf = (call: Talk): readonly { readonly text: string }[] =>
  call.of('note').filter(({ text }) => !text.startsWith('silent for'));

describe('the reason of a silence', () => {
  const reasons = (call: Talk): readonly string[] =>
    call.of('note').flatMap(({ text }) => (text.startsWith('silent for') ? text : []));

  test('is noted within 2 s, once, before anything is done about it', () => {
    const call = asked({ thoughts: [] });
    call.wait(1_700);
    expect(reasons(call)).toEqual([]);
    call.wait(2_000);
    expect(reasons(call)).toEqual(['silent for 1800 ms: waiting for language model']);
  });

  test('is the voice once there is text', () => {
    const call = asked({ thoughts: ['At seven.'], voice: { speechMs: 3_000 } });
    call.wait(8_000);
    expect(reasons(call)).toEqual(['silent for 1800 ms: waiting for text to speech']);
    expect(call.ear).toBe('At seven.');
  });

  test('is not noted where nothing is silent for so long', () => {
    const call = asked({ thoughts: [{ text: 'At seven.' }] });
    call.wait(8_000);
    expect(call.ear).toBe('At seven.');
    expect(reasons(call)).toEqual([]);
  });
});

describe('dead air', () => {
  test('a late thought is bridged', () => {
    const call = asked({ thoughts: [{ text: 'At seven.', firstTokenMs: 6_000 }] });
    call.wait(4_000);
    expect(notesOf(call)).toMatchObject([{ text: 'nothing to say for 4000 ms: bridged' }]);
    call.wait(4_000);
    expect(call.ear).toBe('One moment, please. At seven.');
    expect(call.dialogue).toEqual(['caller: Hi.', 'agent: One moment, please. At seven.']);
  });

  test('bridged once; then the caller is told, and the call ends', () => {
    const call = asked({ thoughts: [] });
    call.toEnd();
    expect(call.of('speak').map(({ text }) => text)).toEqual(['One moment, please. ']);
    expect(call.dialogue.at(-1)).toBe(`agent: ${SORRY}`);
    expect(call.of('end-call')[0]).toMatchObject({
      reason: 'vendor_failure',
      detail: 'language-model: silent for 4000 ms',
    });
    expect(call.nowMs).toBeLessThan(13_000);
  });

  test('a thought that stalls in the middle of a sentence is said as far as it goes', () => {
    const call = asked({ thoughts: [] });
    call.send({ type: 'reply-delta', replyId: 1, text: 'We have a table at se' });
    call.wait(4_000);
    call.send({ type: 'reply-delta', replyId: 1, text: 'ven.' });
    call.send({ type: 'reply-done', replyId: 1 });
    call.wait(4_000);
    expect(call.dialogue.at(-1)).toBe('agent: We have a table at seven.');
    expect(call.of('speak').map(({ text }) => text)).toEqual(['We have a table at ', 'seven.']);
  });

  test('a model that goes on after a bridge may stall once more', () => {
    const call = asked({ thoughts: [] });
    call.wait(6_000);
    call.send({ type: 'reply-delta', replyId: 1, text: 'We have tables. ' });
    call.wait(6_000);
    expect(notesOf(call)).toHaveLength(2);
    expect(call.ended).toBeUndefined();
    expect(call.callState).toBe('speaking');
  });

  test('so may one that waited for a tool', () => {
    const call = asked({
      thoughts: [
        { tools: [{ name: 'look_up' }], firstTokenMs: 0 },
        { text: 'At seven.', firstTokenMs: 6_000 },
      ],
      voice: { toolMs: 12_000 },
    });
    call.wait(30_000);
    expect(call.dialogue.at(-1)).toMatch(
      /^agent: One moment, I am looking that up\. One moment, please.*At seven\.$/,
    );
  });

  test('a voice that has finished before its text has not', () => {
    const call = asked({ thoughts: [{ text: 'We are open. Until ten.', firstTokenMs: 700 }] });
    call.wait(700);
    call.send({ type: 'speech-done', replyId: 1 });
    call.wait(3_000);
    expect(call.dialogue.at(-1)).toBe('agent: We are open. Until ten.');
  });

  test('text that comes late has the whole time to become sound', () => {
    const call = asked({
      thoughts: [{ text: 'At seven.', firstTokenMs: 3_900 }],
      voice: { speechMs: 3_000 },
    });
    call.wait(9_000);
    expect(notesOf(call)).toEqual([]);
    expect(call.ear).toBe('At seven.');
  });

  test('text that never becomes sound is a failure of the voice', () => {
    const call = asked({ thoughts: ['At seven.'], voice: { speechMs: Infinity } });
    call.toEnd();
    expect(call.of('end-call')[0]?.detail).toMatch(/^text-to-speech: silent for \d+ ms/);
    expect(call.ear).toBe('(apology)');
  });

  test('a voice that says it has finished without a sound has failed', () => {
    const call = asked({ thoughts: ['At seven.'], voice: { mute: true } });
    call.toEnd();
    expect(call.of('end-call')[0]?.detail).toBe('text-to-speech: no sound was made for the text');
  });

  test('a tool is waited for with more patience; one that hangs for ever costs its result and not the call', () => {
    const call = asked({
      thoughts: [
        { tools: [{ name: 'look_up' }], firstTokenMs: 0 },
        { text: 'I cannot reach the calendar.', firstTokenMs: 500 },
      ],
      voice: { toolMs: Infinity },
    });
    call.wait(40_000);
    expect(call.of('speak').filter(({ text }) => text.startsWith('One moment'))).toHaveLength(4);
    expect(call.of('stop-tools')).toMatchObject([{ callIds: ['call-1-0'] }]);
    expect(call.asked[1]?.at(-1)).toEqual({
      role: 'tool-result',
      callId: 'call-1-0',
      result: 'Given up: there was no result in time.',
    });
    expect(
      call.dialogue.find((line) => line.endsWith('I cannot reach the calendar.')),
    ).toBeDefined();
    expect(call.ended).not.toBe('vendor_failure');
  });

  test('marks that never come back are taken as if they had', () => {
    const call = asked({ thoughts: ['At seven.', 'At eight.'], voice: { markLagMs: Infinity } });
    call.wait(6_000);
    expect(call.dialogue).toEqual(['caller: Hi.', 'agent: At seven.']);
    expect(notesOf(call)[0]?.text).toMatch(/^no playback mark for \d+ ms$/);
    call.say('Later?');
    call.wait(6_000);
    expect(call.dialogue.at(-1)).toBe('agent: At eight.');
  });

  test('prepared speech that nobody hears ends the call all the same', () => {
    const call = talk(policyWith(), { voice: { noPrepared: true } });
    call.send({ type: 'vendor-failed', role: 'speech-to-text', vendor: 'acme', message: 'down' });
    call.toEnd();
    expect(call.of('end-call')).toMatchObject([
      { atMs: 4_000, reason: 'vendor_failure', detail: 'speech-to-text: acme: down' },
    ]);
  });
});

describe('a model without a word', () => {
  test('has the caller say it again', () => {
    const call = asked({ thoughts: [{ text: ' … ', firstTokenMs: 600 }] });
    call.wait(5_000);
    expect(call.dialogue).toEqual([
      'caller: Hi.',
      'agent: Sorry, I did not get that. Could you say it again?',
    ]);
    expect(notesOf(call)).toHaveLength(1);
  });
});

describe('a vendor fails', () => {
  test('hearing, while the agent listens: the caller is told', () => {
    const call = talk();
    call.wait(1_000);
    call.send({ type: 'vendor-failed', role: 'speech-to-text', vendor: 'acme', message: 'down' });
    expect(call.callState).toBe('ending');
    call.toEnd();
    expect(call.dialogue).toEqual([`agent: ${SORRY}`]);
    expect(call.of('end-call')).toMatchObject([
      { reason: 'vendor_failure', detail: 'speech-to-text: acme: down' },
    ]);
  });

  test('hearing, while the agent speaks: its words are kept as far as they were heard', () => {
    const call = talk(policyWith({ greeting: { text: 'Hello and a warm welcome.' } }));
    call.wait(500);
    call.send({ type: 'vendor-failed', role: 'speech-to-text', vendor: 'acme', message: 'down' });
    call.toEnd();
    expect(call.dialogue).toEqual(['agent: Hello –', `agent: ${SORRY}`]);
  });

  test('hearing, while the agent says its last words: nobody needs it any more', () => {
    const call = asked({ thoughts: [{ text: 'Good night.', tools: [{ name: 'end_call' }] }] });
    call.wait(500);
    call.send({ type: 'vendor-failed', role: 'speech-to-text', vendor: 'acme', message: 'down' });
    call.toEnd();
    expect([call.ended, call.ear]).toEqual(['agent_hangup', 'Good night.']);
  });

  test('thinking: the caller is told', () => {
    const call = asked({ thoughts: [{ fails: 'quota', firstTokenMs: 700 }] });
    call.toEnd();
    expect(call.dialogue).toEqual(['caller: Hi.', `agent: ${SORRY}`]);
    expect(call.of('end-call')[0]?.detail).toBe('language-model: acme: quota');
  });

  test('speaking: the caller is told by a voice that needs no vendor', () => {
    const call = asked({ thoughts: ['At seven.'], voice: { fails: 'no voice' } });
    call.toEnd();
    expect(call.ear).toBe('(apology)');
    expect(call.of('end-call')[0]?.detail).toBe('text-to-speech: acme: no voice');
  });

  test('after its work was done: nothing of it is lost', () => {
    const call = asked({ thoughts: ['We have tables at seven and eight.'] });
    call.wait(700);
    for (const role of ['language-model', 'text-to-speech'] as const)
      call.send({ type: 'vendor-failed', role, replyId: 1, vendor: 'acme', message: 'late' });
    call.wait(3_000);
    expect(call.dialogue.at(-1)).toBe('agent: We have tables at seven and eight.');
  });

  test('of a reply long gone: nobody cares', () => {
    const call = asked({ thoughts: ['At seven.'] });
    call.wait(3_000);
    call.send({
      type: 'vendor-failed',
      role: 'text-to-speech',
      replyId: 1,
      vendor: 'acme',
      message: 'late',
    });
    expect(call.callState).toBe('listening');
  });

  test('during the farewell: a prepared goodbye, and the reason stands', () => {
    const call = talk(policyWith({ idle: { prompts: [] } }), { voice: { fails: 'no voice' } });
    call.toEnd();
    expect(call.ear).toBe('(goodbye)');
    expect(call.ended).toBe('silence');
  });

  test('twice: one apology', () => {
    const call = talk();
    for (let time = 0; time < 3; time++)
      call.send({ type: 'vendor-failed', role: 'speech-to-text', vendor: 'acme', message: 'down' });
    call.toEnd();
    expect(call.of('speak-prepared')).toHaveLength(1);
  });
});

describe('the next vendor of a chain goes on', () => {
  test('speaking: it has the whole time to be heard, and the journal knows', () => {
    const call = asked({ thoughts: ['At seven.'], voice: { speechMs: 6_000 } });
    call.wait(3_900);
    call.send({
      type: 'vendor-switched',
      role: 'text-to-speech',
      replyId: 1,
      vendor: 'acme',
      message: 'down',
      to: 'other',
    });
    call.wait(4_000);
    expect(call.ear).toBe('At seven.');
    expect(notesOf(call)).toMatchObject([
      { text: 'vendor failure, text-to-speech: acme: down; other goes on' },
    ]);
  });

  test('hearing: a turn whose end nobody would tell is ended by silence', () => {
    const call = talk(policyWith({ endpointing: { vendorDecides: true } }), { thoughts: ['Yes.'] });
    call.say('Are you open?', { endAfterMs: null });
    call.wait(300);
    call.send({ type: 'hearing-changed', vendorDecides: false });
    expect(call.of('finalize-hearing')).toHaveLength(1);
    call.wait(3_000);
    expect(call.dialogue).toEqual(['caller: Are you open?', 'agent: Yes.']);
  });

  test('hearing: words that it hears once more are said once', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(600);
    call.send({ type: 'heard-interim', text: 'Are you open' });
    call.send({ type: 'hearing-changed', vendorDecides: true });
    call.send({ type: 'heard-interim', text: 'Are you' });
    call.wait(400);
    call.send({ type: 'heard-end', text: 'Are you open today?' });
    expect(call.dialogue).toEqual(['caller: Are you open today?']);
  });
});

describe('tools', () => {
  test('are run, and the model thinks on with their results', () => {
    const call = asked({
      thoughts: [
        { text: 'Let me look.', tools: [{ name: 'look_up' }, { name: 'book' }] },
        'It is booked.',
      ],
    });
    call.wait(4_000);
    expect(call.asked[1]).toEqual([
      { role: 'caller', text: 'Hi.' },
      { role: 'agent', text: 'Let me look.' },
      { role: 'tool-call', callId: 'call-1-0', name: 'look_up', arguments: '{}' },
      { role: 'tool-call', callId: 'call-1-1', name: 'book', arguments: '{}' },
      { role: 'tool-result', callId: 'call-1-0', result: 'look_up is done' },
      { role: 'tool-result', callId: 'call-1-1', result: 'book is done' },
    ]);
    expect(call.dialogue.at(-1)).toBe('agent: Let me look. It is booked.');
  });

  test('what was said before one is spoken while it runs', () => {
    const call = asked({
      thoughts: [{ text: 'Let me look.', tools: [{ name: 'look_up' }], firstTokenMs: 0 }],
      voice: { toolMs: 3_000 },
    });
    call.wait(1_500);
    expect(call.ear).toBe('Let me look.');
  });

  test('also if the model has not finished the round', () => {
    const call = asked({ thoughts: [], voice: { toolMs: 3_000 } });
    call.send({ type: 'reply-delta', replyId: 1, text: 'Let me look.' });
    call.send({
      type: 'reply-tool-call',
      replyId: 1,
      callId: 'a',
      name: 'look_up',
      arguments: '{}',
    });
    expect(call.of('speak').map(({ text }) => text)).toEqual(['Let me look. ']);
  });

  test('that the caller interrupts are called off, and every call has its result', () => {
    const call = asked({
      thoughts: [{ tools: [{ name: 'look_up' }], firstTokenMs: 0 }, 'Fine.'],
      voice: { toolMs: 2_000 },
    });
    call.wait(500);
    call.say('Never mind.');
    call.wait(4_000);
    expect(call.of('stop-tools')).toHaveLength(1);
    expect(call.asked.at(-1)).toEqual([
      { role: 'caller', text: 'Hi.' },
      { role: 'tool-call', callId: 'call-1-0', name: 'look_up', arguments: '{}' },
      { role: 'tool-result', callId: 'call-1-0', result: 'Cancelled: the caller interrupted.' },
      { role: 'caller', text: 'Never mind.' },
    ]);
    expect(call.dialogue.at(-1)).toBe('agent: Fine.');
  });

  test('that are called again and again come to an end', () => {
    const again = { tools: [{ name: 'look_up' }], firstTokenMs: 0 };
    const call = asked({ thoughts: Array.from({ length: 40 }, () => again), voice: { toolMs: 0 } });
    call.wait(5_000);
    expect(call.of('run-tool')).toHaveLength(17);
    expect(call.dialogue.at(-1)).toContain('Could you say it again?');
  });

  test('with one id for two calls are run once', () => {
    const call = asked({ thoughts: [] });
    for (let time = 0; time < 2; time++)
      call.send({
        type: 'reply-tool-call',
        replyId: 1,
        callId: 'a',
        name: 'book',
        arguments: '{}',
      });
    expect(call.of('run-tool')).toHaveLength(1);
  });

  test('a result that nobody asked for is not heard', () => {
    const call = asked({ thoughts: [] });
    const before = call.state;
    call.send({ type: 'tool-result', replyId: 1, callId: 'a', result: 'done' });
    expect(call.state).toEqual(before);
  });
});
