import { describe, expect, test } from 'vitest';
import type { ClientEvent } from '#contracts/client-event.ts';
import type { Conversation } from '#conversation/state.ts';
import { newConversation } from '#conversation/state.ts';
import { step } from '#conversation/step.ts';
import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk } from '#test/support/conversation.ts';
import { createClientView } from './client-view.ts';

const STORY = 'We have tables at six and at seven and at eight today.';

/** What a client would have been shown of a conversation. */
function shownOf({ policy, taken }: Talk): readonly ClientEvent[] {
  const view = createClientView();
  let state: Conversation = newConversation(policy);
  return taken.flatMap(({ input }) => {
    const [after, effects] = step(state, input);
    state = after;
    return view.of({ input, after, effects });
  });
}

const brief = (event: ClientEvent): string => {
  switch (event.type) {
    case 'caller-speaking':
      return `caller ${event.speaking ? 'up' : 'down'}`;
    case 'caller-words':
      return event.final ? `said: ${event.text}` : 'interim';
    case 'model-asked':
      return `asked: ${event.text}`;
    case 'thinking':
      return event.thinking ? 'thinks' : 'thought';
    case 'making-speech':
      return event.making ? 'makes' : 'made';
    case 'agent-speaking':
      return event.speaking ? 'agent up' : 'agent down';
    case 'segment':
      return `${event.segmentId} ${event.status}: ${event.heard}|${event.rest}`;
    default:
      return event.type;
  }
};
const without = (events: readonly ClientEvent[], ...kinds: readonly string[]): string[] =>
  events.map(brief).filter((line) => !kinds.some((kind) => line.startsWith(kind)));

describe('what a client is shown', () => {
  test('is a turn from its first word to the last of the answer, in order', () => {
    const call = talk(policyWith(), { thoughts: ['At nine today.'] });
    call.say('Hi there.');
    call.wait(4_000);
    expect(without(shownOf(call), 'interim', 'thought', 'latency', 'made')).toEqual([
      'caller up',
      'caller down',
      'said: Hi there.',
      'asked: Hi there.',
      'thinks',
      'makes',
      'agent up',
      '1 new: |At nine today.',
      '1 in-progress: At| nine today.',
      '1 in-progress: At nine| today.',
      '1 completed: At nine today.|',
      'agent down',
    ]);
  });

  test('is nothing of a trial that came to nothing', () => {
    const call = talk(policyWith(), { thoughts: ['Too early.', 'In time.'] });
    call.say('I would like a table.');
    call.wait(250);
    call.say('For two, please.');
    call.wait(5_000);
    expect(call.asked.length).toBeGreaterThan(1);
    const shown = shownOf(call);
    expect(JSON.stringify(shown)).not.toContain('early');
    expect(without(shown).filter((line) => line === 'thinks')).toHaveLength(1);
    expect(without(shown).filter((line) => line === 'agent up')).toHaveLength(1);
  });

  test('is, after an interruption, what was heard and no more', () => {
    const call = talk(policyWith(), { thoughts: [{ text: STORY, firstTokenMs: 0 }, 'Sure.'] });
    call.say('Hi.');
    call.wait(1_700);
    call.say('Stop it, please.');
    call.wait(3_000);
    const shown = shownOf(call);
    const heard = shown.flatMap((event) => (event.type === 'segment' ? [event.newlyHeard] : []));
    expect(heard.filter((word) => word !== '').join(' ')).toBe('We have tables at Sure.');
    const lines = without(shown);
    expect(lines).toContain('interrupted');
    expect(lines.filter((line) => line.includes('completed'))).toEqual(['2 completed: Sure.|']);
    const ups = lines.filter((line) => line.startsWith('agent '));
    expect(ups).toEqual(['agent up', 'agent down', 'agent up', 'agent down']);
  });

  test('is a pause that was a false alarm, and no word twice', () => {
    const call = talk(policyWith(), { thoughts: [{ text: STORY, firstTokenMs: 0 }] });
    call.say('Hi.');
    call.wait(1_700);
    call.cough(300);
    call.wait(9_000);
    const shown = shownOf(call);
    const heard = shown.flatMap((event) => (event.type === 'segment' ? [event.newlyHeard] : []));
    expect(heard.filter((word) => word !== '').join(' ')).toBe(STORY);
    const ups = without(shown).filter((line) => line.startsWith('agent '));
    expect(ups).toEqual(['agent up', 'agent down', 'agent up', 'agent down']);
  });

  test('of a tool is that it runs and has ended', () => {
    const call = talk(policyWith());
    call.say('Find it.');
    call.wait(1_500);
    const replyId = call.of('think').at(-1)?.replyId ?? 0;
    call.send({
      type: 'reply-tool-call',
      replyId,
      callId: 'c1',
      name: 'secret_name',
      arguments: '{"secret":1}',
    });
    call.send({ type: 'reply-done', replyId });
    call.send({ type: 'tool-result', replyId, callId: 'c1', result: 'secret result' });
    const shown = shownOf(call);
    expect(shown.filter(({ type }) => type === 'tool')).toEqual([
      { type: 'tool', callId: 'c1', state: 'running' },
      { type: 'tool', callId: 'c1', state: 'done' },
    ]);
    expect(JSON.stringify(shown)).not.toContain('secret');
  });

  test('of a vendor that fails for good is a sentence without its name', () => {
    const call = talk(policyWith(), { thoughts: ['Yes.'] });
    call.say('Hi.');
    call.send({
      type: 'vendor-failed',
      role: 'speech-to-text',
      vendor: 'acme',
      message: 'acme says 500',
    });
    const shown = shownOf(call);
    expect(shown).toContainEqual({
      type: 'failure',
      text: 'The call cannot go on: speech-to-text has failed.',
    });
    expect(JSON.stringify(shown)).not.toContain('acme');
  });
});
