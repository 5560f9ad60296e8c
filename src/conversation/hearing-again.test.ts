import { describe, expect, test } from 'vitest';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk } from '#test/support/conversation.ts';

/** The caller has spoken for three seconds, of which the recogniser has told only the first word. */
function behind(): Talk {
  // The first thought is one on trial, of a sentence that was not all.
  const call = talk(policyWith(), { thoughts: ['Pardon?', 'At seven.'] });
  call.send({ type: 'voice-started', sinceMs: call.nowMs });
  call.wait(400);
  call.send({ type: 'heard-interim', text: 'When' });
  call.wait(2_600);
  call.send({ type: 'voice-stopped', sinceMs: call.nowMs });
  return call;
}

describe('a recogniser that is behind the voice', () => {
  test('is waited for: its words are not taken for all that was said', () => {
    const call = behind();
    call.wait(3_000);
    expect(call.dialogue).toEqual([]);
    call.send({ type: 'heard-final', text: 'When do you open on Sunday?' });
    call.wait(6_000);
    expect(call.dialogue).toEqual(['caller: When do you open on Sunday?', 'agent: At seven.']);
  });

  test('is not waited for without end', () => {
    const call = behind();
    call.wait(10_000);
    expect(call.dialogue[0]).toBe('caller: When');
  });
});

describe('a recogniser that takes over', () => {
  test('has the time to say again what was said, and its words belong to the voice before', () => {
    const call = behind();
    call.wait(3_000);
    call.send({ type: 'hearing-changed', vendorDecides: false });
    call.wait(600);
    call.send({ type: 'heard-final', text: 'When' });
    call.wait(100);
    call.send({ type: 'heard-interim', text: 'do you open' });
    call.wait(200);
    call.send({ type: 'heard-final', text: 'do you open on Sunday?' });
    expect(call.dialogue).toEqual([]);
    // It is not asked for a silence after them: that has long been.
    call.wait(260);
    expect(call.dialogue).toEqual(['caller: When do you open on Sunday?']);
  });

  test('and has nothing to say leaves the words as they were', () => {
    const call = talk(policyWith(), { thoughts: ['At seven.'] });
    call.send({ type: 'voice-started', sinceMs: 0 });
    call.wait(600);
    call.send({ type: 'heard-interim', text: 'Are you open?' });
    call.send({ type: 'voice-stopped', sinceMs: call.nowMs });
    call.send({ type: 'hearing-changed', vendorDecides: false });
    call.wait(1_100);
    expect(call.dialogue).toEqual(['caller: Are you open?']);
  });
});
