import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';

const switched = (role: 'speech-to-text' | 'text-to-speech', replyId?: number) =>
  ({
    type: 'vendor-switched',
    role,
    vendor: 'acme',
    message: 'acme closed the connection',
    to: 'other',
    ...(replyId !== undefined && { replyId }),
  }) as const;

describe('a vendor that is followed by another', () => {
  test('stands in the journal and changes nothing else', () => {
    const call = talk(policyWith(), { thoughts: ['At seven.'] });
    call.say('When?');
    call.send(switched('speech-to-text'));
    call.wait(5_000);
    expect(call.of('note')).toMatchObject([
      {
        text: 'vendor failure, speech-to-text: acme: acme closed the connection; other goes on',
      },
    ]);
    expect(call.dialogue).toEqual(['caller: When?', 'agent: At seven.']);
  });

  test('gives a new voice the whole time in which it must be heard', () => {
    const call = talk(policyWith(), { thoughts: ['At seven.'], voice: { speechMs: 5_500 } });
    call.say('When?');
    call.wait(3_000);
    call.send(switched('text-to-speech', 1));
    call.wait(6_000);
    expect(call.dialogue).toEqual(['caller: When?', 'agent: At seven.']);
  });
});

describe('a recogniser that leaves the end of turns to us', () => {
  const vendorDecides = policyWith({ endpointing: { vendorDecides: true } });

  test('is asked for a final if the voice has stopped already, and our silence ends the turn', () => {
    const call = talk(vendorDecides, { thoughts: ['At seven.'] });
    call.say('When do you open?', { endAfterMs: null });
    call.wait(200);
    call.send({ type: 'hearing-changed', vendorDecides: false });
    expect(call.of('finalize-hearing')).toHaveLength(1);
    call.wait(2_500);
    expect(call.dialogue).toEqual(['caller: When do you open?', 'agent: At seven.']);
  });

  test('is asked when the voice stops if it has not yet', () => {
    const call = talk(vendorDecides);
    call.begin('When do you open?', { endAfterMs: null });
    call.wait(600);
    call.send({ type: 'hearing-changed', vendorDecides: false });
    expect(call.of('finalize-hearing')).toHaveLength(0);
    call.wait(1_000);
    expect(call.of('finalize-hearing')).toHaveLength(1);
  });
});

test('a recogniser that decides the end of turns is waited for', () => {
  const call = talk(policyWith());
  call.send({ type: 'hearing-changed', vendorDecides: true });
  call.say('When do you open?');
  call.send({ type: 'heard-interim', text: 'When do you open?' });
  call.wait(1_200);
  expect(call.of('think')).toHaveLength(0);
  call.send({ type: 'heard-end', text: 'When do you open?' });
  expect(call.of('think')).toHaveLength(1);
});
