import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callReport } from '#sandbox/caller/report.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { AgentSettings } from '../agent-body.ts';
import type { PhoneCall } from '../phone-call.ts';
import { openLlmCalls } from './test-call.ts';
import type { LlmCalls } from './test-call.ts';

const finish: Step = { waitForAgent: 'to-finish' };
const LONG = 'One two three four five six seven eight nine ten eleven twelve thirteen fourteen.';

let on: LlmCalls;
beforeEach(async () => {
  on = await openLlmCalls();
});
afterEach(() => on.close());

/** A call whose agent has said hello, and the requests that came of it. */
async function greeted(
  script: readonly Step[],
  settings: Partial<AgentSettings> = {},
  config?: object,
): Promise<PhoneCall> {
  const before = on.server.connections.length;
  const call = on.phone(script, settings);
  await on.until('the socket', () => on.server.connections.length > before);
  if (config) on.socket.send({ response_type: 'config', config });
  on.socket.respond(0, 'Hello.');
  await on.until('the greeting', () => on.said(call).length > 0);
  return call;
}
const asked = (count = 1) =>
  on.until(
    `request ${count}`,
    () =>
      on.socket.of('response_required').length + on.socket.of('reminder_required').length >= count,
  );
const lastRequest = () =>
  on.socket.received.findLast(({ interaction_type }) =>
    ['response_required', 'reminder_required'].includes(String(interaction_type)),
  );

describe('a caller’s turn', () => {
  test('is asked about with an id that grows, and the whole transcript', async () => {
    const call = await greeted([finish, { say: 'A table.' }, finish, { say: 'For two.' }, finish]);
    await asked();
    expect(lastRequest()).toMatchObject({
      interaction_type: 'response_required',
      response_id: 1,
      transcript: [
        { role: 'agent', content: 'Hello.', words: [{ word: 'Hello.' }] },
        { role: 'user', content: 'A table.' },
      ],
    });
    expect(lastRequest()).not.toHaveProperty('transcript_with_tool_calls');
    on.socket.respond(1, 'For how many?');
    await asked(2);
    expect(lastRequest()).toMatchObject({ response_id: 2 });
    on.socket.respond(2, 'Done.');
    expect(await on.outcome(call)).toMatchObject({ reason: 'user_hangup' });
  });

  test('that goes on after all supersedes what was asked about it', async () => {
    const call = await greeted([finish, { hesitate: ['A table', 3_000, 'for two.'] }, finish]);
    await asked(2);
    expect(on.socket.of('response_required')).toMatchObject([
      { response_id: 1, transcript: [{}, { content: 'A table' }] },
      { response_id: 2, transcript: [{}, { content: 'A table for two.' }] },
    ]);
    on.socket.respond(1, 'Too late.');
    on.socket.respond(2, 'Gladly.');
    await on.outcome(call);
    expect(on.said(call)).toEqual(['Agent: Hello.', 'User: A table for two.', 'Agent: Gladly.']);
    expect(on.dropped(call)).toEqual(['the newest response_id is 2']);
  });

  test('and the agent’s are told as they grow', async () => {
    const call = await greeted([finish, { say: 'A table.' }, finish]);
    await asked();
    on.socket.respond(1, 'Gladly.');
    await on.outcome(call);
    const turns = on.socket.of('update_only').flatMap(({ turntaking }) => turntaking ?? []);
    expect(turns).toEqual(['agent_turn', 'user_turn', 'agent_turn', 'user_turn']);
  });

  test('of keys is asked about with the keys among the tools', async () => {
    const call = await greeted(
      [finish, { press: '42' }, { silence: 5_000 }],
      {},
      {
        transcript_with_tool_calls: true,
      },
    );
    await asked();
    expect(lastRequest()).toMatchObject({
      transcript: [{ content: 'Hello.' }],
      transcript_with_tool_calls: [
        { role: 'agent' },
        { role: 'dtmf', digit: '4' },
        { role: 'dtmf', digit: '2' },
      ],
    });
    call.hangUp();
  });
});

describe('a response', () => {
  test('is spoken from its first whole sentence on', async () => {
    const call = await greeted([
      finish,
      { say: 'Hi.' },
      { waitForAgent: 'to-finish', silentForMs: 4_000 },
    ]);
    await asked();
    const part = (content: string, content_complete: boolean) =>
      on.socket.respond(1, content, { content_complete });
    part('This is', false);
    await on.pass(2_000);
    expect(on.said(call)).toHaveLength(2);
    part(' one. And', false);
    await on.pass(2_000);
    expect(on.said(call)[2]).toBe('Agent: This is one.');
    part(' this two', true);
    await on.outcome(call);
    expect(on.said(call)[2]).toBe('Agent: This is one. And this two');
  });

  test('that is complete takes nothing more', async () => {
    const call = await greeted([finish, { say: 'Hi.' }, finish]);
    await asked();
    on.socket.respond(1, 'This.');
    on.socket.respond(1, 'And that.');
    await on.outcome(call);
    expect(on.said(call).at(-1)).toBe('Agent: This.');
    expect(on.dropped(call)).toEqual(['the response is complete']);
  });

  test('that is never completed leaves the agent silent until the caller speaks', async () => {
    const call = await greeted(
      [finish, { say: 'Hi.' }, { silence: 30_000 }, { say: 'Hello?' }, finish],
      { reminder_trigger_ms: 2_000 },
    );
    await asked();
    on.socket.respond(1, 'This.', { content_complete: false });
    await asked(2);
    expect(on.socket.of('reminder_required')).toEqual([]);
    expect(lastRequest()).toMatchObject({ response_id: 2 });
    on.socket.respond(2, 'Yes.');
    await on.outcome(call);
  });

  test('is cut to the words that were said when the caller cuts in, and its action with it', async () => {
    const call = await greeted([
      finish,
      { say: 'Count.' },
      { interrupt: 'Stop now, please.', afterWords: 3 },
      finish,
    ]);
    await asked();
    on.socket.respond(1, LONG, { end_call: true });
    await asked(2);
    const [, , cut, words] = on.said(call);
    expect(LONG).toContain(cut?.replace('Agent: ', ''));
    expect(cut?.split(' ').length).toBeLessThan(7);
    expect(words).toBe('User: Stop now, please.');
    on.socket.respond(2, 'Sorry.');
    const { record, reason } = await on.outcome(call);
    expect(reason).toBe('user_hangup');
    expect(record?.agentWords.map(({ text }) => text).join(' ')).toBe(
      on
        .said(call)
        .filter((line) => line.startsWith('Agent'))
        .map((line) => line.replace('Agent: ', ''))
        .join(' '),
    );
    if (!record) throw new Error('nobody was on the line');
    expect(callReport(record).bargeIns).toMatchObject([{ bargeInMs: expect.any(Number) }]);
    expect(callReport(record).bargeIns[0]?.bargeInMs).toBeLessThan(300);
  });

  test.each<[string, Partial<AgentSettings>, object]>([
    ['that allows no interruption', {}, { no_interruption_allowed: true }],
    ['of an agent that cannot be interrupted', { interruption_sensitivity: 0 }, {}],
  ])('%s is said to its end, and the caller answered then', async (_, settings, more) => {
    const call = await greeted(
      [finish, { say: 'Count.' }, { interrupt: 'Stop.', afterWords: 3 }, finish],
      settings,
    );
    await asked();
    on.socket.respond(1, LONG, more);
    await asked(2);
    expect(on.said(call).join(' ')).toContain('fourteen.');
    on.socket.respond(2, 'Sorry.');
    await on.outcome(call);
  });

  test('goes on under a sound of assent', async () => {
    const call = await greeted([finish, { say: 'Count.' }, { backchannel: 'Mhm' }, finish]);
    await asked();
    on.socket.respond(1, LONG);
    await on.outcome(call);
    expect(on.said(call).at(-1)).toBe(`Agent: ${LONG}`);
  });
});

describe('an action', () => {
  test('ends the call once everything was said', async () => {
    const call = await greeted([finish, { say: 'Bye.' }, { expectHangUp: true }]);
    await asked();
    on.socket.respond(1, 'Goodbye, and thank you.', { end_call: true });
    expect(await on.outcome(call)).toMatchObject({
      reason: 'agent_hangup',
      record: { problem: undefined, endedBy: 'other-side' },
    });
    expect(on.said(call).at(-1)).toBe('Agent: Goodbye, and thank you.');
    expect(on.socket.closeCode).toBe(1_000);
  });

  test('transfers the call, unless it ends it', async () => {
    const script: readonly Step[] = [finish, { say: 'A person.' }, { expectHangUp: true }];
    const call = await greeted(script, {
      webhook_url: 'https://llm.example.test/hook',
      webhook_events: ['transfer_started', 'transfer_bridged', 'call_ended', 'transfer_ended'],
    });
    await asked();
    const more = { transfer_number: '+12025550177', digit_to_press: '1' };
    on.socket.respond(1, 'One moment.', more);
    expect(await on.outcome(call)).toMatchObject({ reason: 'call_transfer', keys: '' });
    expect(call.call).toMatchObject({ transferDestination: '+12025550177' });
    await on.pass(1_000);
    expect(on.retell.webhooks.map(({ event }) => event)).toEqual([
      'transfer_started',
      'transfer_bridged',
      'call_ended',
      'transfer_ended',
    ]);
    expect(JSON.parse(on.retell.webhooks[0]?.body ?? '')).toMatchObject({
      call: { call_id: call.callId },
      transfer_destination: { number: '+12025550177' },
      transfer_option: { type: 'cold_transfer' },
    });
    const other = await greeted(script);
    await asked();
    on.socket.respond(1, 'Goodbye.', { ...more, end_call: true });
    expect(await on.outcome(other)).toMatchObject({ reason: 'agent_hangup' });
  });

  test('that leads to nobody leaves the call where it was', async () => {
    on.retell.answerAt('+12025550177', { kind: 'busy' });
    const call = await greeted([finish, { say: 'A person.' }, finish, { silence: 4_000 }]);
    await asked();
    on.socket.respond(1, 'One moment.', { transfer_number: '+12025550177' });
    expect(await on.outcome(call)).toMatchObject({ reason: 'user_hangup' });
  });

  test('presses keys', async () => {
    const call = await greeted([finish, { say: 'Press one.' }, finish]);
    await asked();
    on.socket.respond(1, 'Now.', { digit_to_press: '1' });
    expect(await on.outcome(call)).toMatchObject({ keys: '1' });
  });
});

describe('silence', () => {
  test('is reminded of once, or as often as the agent wants', async () => {
    const call = await greeted([finish, { silence: 20_000 }], {
      reminder_trigger_ms: 3_000,
      reminder_max_count: 2,
    });
    await asked(1);
    expect(lastRequest()).toMatchObject({ interaction_type: 'reminder_required', response_id: 1 });
    on.socket.respond(1, 'Hello?');
    await asked(2);
    on.socket.respond(2, 'Are you there?');
    await on.outcome(call);
    expect(on.socket.of('reminder_required')).toHaveLength(2);
    expect(on.said(call)).toEqual(['Agent: Hello. Hello? Are you there?']);
  });

  test('is reminded of when update_agent says', async () => {
    const call = await greeted([finish, { silence: 60_000 }]);
    on.socket.send({
      response_type: 'update_agent',
      agent_config: { reminder_trigger_ms: 25_000, reminder_max_count: 1 },
    });
    const sinceMs = on.clock.now();
    await asked();
    expect(on.clock.now() - sinceMs).toBeGreaterThan(20_000);
    call.hangUp();
  });

  test('ends the call when it lasts', async () => {
    const call = await greeted([finish, { silence: 60_000 }], {
      reminder_max_count: 0,
      end_call_after_silence_ms: 10_000,
    });
    expect(await on.outcome(call)).toMatchObject({ reason: 'inactivity' });
  });

  test('or not, a call ends at its limit', async () => {
    const call = await greeted([finish, { silence: 90_000 }], {
      reminder_max_count: 0,
      max_call_duration_ms: 60_000,
    });
    expect(await on.outcome(call)).toMatchObject({ reason: 'max_duration_reached' });
  });
});

describe('an agent_interrupt', () => {
  const say = (interruptId: number, content: string, isComplete = true) =>
    on.socket.send({
      response_type: 'agent_interrupt',
      interrupt_id: interruptId,
      content,
      content_complete: isComplete,
      no_interruption_allowed: true,
    });

  test('takes the place of the response, and grows under its id', async () => {
    const call = await greeted([finish, { say: 'Count.' }, finish]);
    await asked();
    on.socket.respond(1, LONG, { content_complete: false });
    await on.pass(2_000);
    say(7, 'Wait.', false);
    say(7, ' One moment.');
    on.socket.respond(1, 'More.');
    await on.outcome(call);
    expect(on.said(call).at(-1)).toMatch(/^Agent: One two .+ Wait\. One moment\.$/);
    expect(on.said(call).at(-1)).not.toContain('fourteen');
    expect(on.dropped(call)).toEqual(['an agent_interrupt took its place']);
  });

  test('gives way to a newer one', async () => {
    const call = await greeted([finish, finish, { silence: 1_000 }]);
    say(1, LONG);
    await on.pass(1_500);
    say(2, 'Never mind.');
    await on.pass(4_000);
    expect(on.said(call).at(-1)).toMatch(/Never mind\.$/);
    expect(on.said(call).at(-1)).not.toContain('fourteen');
    call.hangUp();
  });
});

test('tools are in the transcript where they were used, for those who ask for it', async () => {
  const call = await greeted(
    [finish, { say: 'Weather?' }, finish, { say: 'Ah.' }, finish],
    {},
    {
      transcript_with_tool_calls: true,
    },
  );
  await asked();
  const tool = { tool_call_id: 't1', name: 'weather', arguments: '{"city":"Rome"}' };
  on.socket.send({ response_type: 'tool_call_invocation', ...tool });
  on.socket.send({
    response_type: 'tool_call_result',
    tool_call_id: 't1',
    content: 'sunny',
    successful: true,
  });
  on.socket.respond(1, 'Sunny.');
  await asked(2);
  expect(lastRequest()).toMatchObject({
    transcript: [{ role: 'agent' }, { role: 'user' }, { role: 'agent' }, { role: 'user' }],
    transcript_with_tool_calls: [
      { role: 'agent' },
      { role: 'user' },
      { role: 'tool_call_invocation', ...tool },
      { role: 'tool_call_result', tool_call_id: 't1', content: 'sunny', successful: true },
      { role: 'agent', content: 'Sunny.' },
      { role: 'user' },
    ],
  });
  call.hangUp();
});
