import { afterAll, beforeAll, test } from 'vitest';
import type { ExpectStatic } from 'vitest';
import type { Call } from '#protocol/calls.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import type { CallRecord } from '#sandbox/caller/record.ts';
import { judgeDemo } from '#sandbox/demo/result.ts';
import { demoAgent, demoScript } from '#sandbox/demo/scenario.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { agentTurns, heardBy, plain, writtenAsHeard } from './support/words.ts';
import { watchCall } from './support/watch.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const LIMIT_MS = 120_000;
const GREETING = 'Good morning, you have reached the bakery. How can I help you today?';
const quiet = { idle: { prompt_after_ms: 60_000 } };
const GIVE_STORY = [{ waitForAgent: 'to-finish' }, { say: ASK_FOR_STORY }] as const;

test.concurrent(
  'the demo call goes as well with nova-3, where our own rules decide the end of a turn',
  async ({ expect }) => {
    const agent = await world.addAgent({
      config: { ...demoAgent, voice: { vendors: { deepgram: { stt_model: 'nova-3' } } } },
    });
    const phone = await agent.dial(demoScript);
    const call = await phone.record();
    // A machine under load may tell us a word too late that it was heard before an interruption.
    const result = judgeDemo(call, await phone.experience, warningsOf(phone.call.sid), 1);
    expect(result.problems).toEqual([]);
    const paths = world.sandbox.vendors.deepgram.requests().map(({ path }) => path);
    expect(paths).toContain('/v1/listen');
  },
  LIMIT_MS,
);

test.concurrent(
  'without speculation nothing is thought before the turn has ended',
  async ({ expect }) => {
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice: { speculation: false } },
    });
    const phone = await agent.dial([
      ...GIVE_STORY,
      { waitForAgent: 'to-finish' },
      { say: 'Thank you, goodbye.' },
      { expectHangUp: true },
    ]);
    const call = await phone.record();
    expect(call.end_reason).toBe('agent_hangup');
    const answers = agentTurns(call).filter(({ waterfall_ms: stages }) => 'end_decided' in stages);
    expect(answers).toHaveLength(2);
    for (const { waterfall_ms: stages } of answers)
      expect(stages.first_token).toBeGreaterThanOrEqual(stages.end_decided ?? Infinity);
    expect(heardBy(await phone.experience)).toBe(writtenAsHeard(call));
  },
  LIMIT_MS,
);

test.concurrent(
  'what the record says of a caller who hangs up while greeted was heard',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    const phone = await agent.dial([{ expectHangUp: true }]);
    await phone.hearing(4);
    phone.call.hangUp();
    const call = await phone.record();
    expect(call.end_reason).toBe('caller_hangup');
    expect(call.turns).toMatchObject([{ role: 'agent', text: GREETING, interrupted: true }]);
    expect(GREETING).toContain(call.turns[0]?.heard);
    expectHeard(expect, await phone.experience, call);
  },
  LIMIT_MS,
);

test.concurrent(
  'what the record says of a caller who hangs up in the middle of an answer was heard',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    const phone = await agent.dial([...GIVE_STORY, { expectHangUp: true }]);
    await phone.saying('Once');
    await phone.hearing(plain(GREETING).split(' ').length + 6);
    phone.call.hangUp();
    const call = await phone.record();
    expect(call.end_reason).toBe('caller_hangup');
    expect(call.turns.at(-1)).toMatchObject({ role: 'agent', text: STORY, interrupted: true });
    expect(call.turns.at(-1)?.heard).not.toBe('');
    expectHeard(expect, await phone.experience, call);
  },
  LIMIT_MS,
);

test.concurrent(
  'a caller who hangs up before the sound is connected ends the call',
  async ({ expect }) => {
    const agent = await world.addAgent();
    const impatient: Caller = {
      answered: (handset) => handset.hangUp(),
      nextFrame: () => undefined,
      hear: () => undefined,
      ended: () => undefined,
    };
    const { carrier } = world.sandbox;
    const phone = carrier.dial({ from: '+12025570001', to: agent.phoneNumber, caller: impatient });
    await phone.done;
    const twiml = await eventually('the answer to the webhook', () =>
      carrier.requests.find(
        (one) => one.direction === 'sent' && one.params['CallSid'] === phone.sid && one.body !== '',
      ),
    );
    const callId = 'body' in twiml ? /resume=([0-9a-f-]{36})/.exec(twiml.body)?.[1] : undefined;
    const call = await eventually('the end of the call', async () => {
      const found = await world.owner.call(callId ?? '');
      return found.ended_at === null ? undefined : found;
    });
    expect(call).toMatchObject({ end_reason: 'caller_hangup' });
    expect(await agent.calls()).toEqual([]);
  },
  LIMIT_MS,
);

test.concurrent(
  "the owner's hang-up lets the agent say goodbye",
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING, voice: quiet } });
    const phone = await agent.dial([...GIVE_STORY, { expectHangUp: true }]);
    const id = await phone.id();
    await phone.saying('Once');
    const hangUp = await world.owner.request('POST', `/v1/calls/${id}/hangup`);
    expect(hangUp).toMatchObject({ status: 202, body: { call_id: id } });
    const call = await phone.record();
    expect(call.end_reason).toBe('api_hangup');
    const experience = await phone.experience;
    expect(experience.endedBy).toBe('other-side');
    expect(heardBy(experience)).toMatch(/i have to end this call now goodbye$/);
    const again = await world.owner.request('POST', `/v1/calls/${id}/hangup`);
    expect(again.status).toBe(409);
  },
  LIMIT_MS,
);

test.concurrent(
  'a call that reaches its longest duration ends with a goodbye',
  async ({ expect }) => {
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice: { ...quiet, max_call_seconds: 30 } },
    });
    const phone = await agent.dial([{ silence: 28_000 }, { expectHangUp: true }]);
    const call = await phone.record();
    expect(call.end_reason).toBe('max_duration');
    expect(heardBy(await phone.experience)).toMatch(/time limit of this call goodbye$/);
  },
  LIMIT_MS,
);

test.concurrent(
  'a silent caller is asked, then let go',
  async ({ expect }) => {
    const prompts = ['Are you still there?', 'Can you hear me?'];
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice: { idle: { prompt_after_ms: 2_000, prompts } } },
    });
    const phone = await agent.dial([{ expectHangUp: true }]);
    const call = await phone.record();
    expect(call.end_reason).toBe('silence');
    expect(heardBy(await phone.experience)).toBe(
      plain([GREETING, ...prompts, 'I will hang up now. Goodbye.'].join(' ')),
    );
  },
  LIMIT_MS,
);

test.concurrent(
  'removing the channel lets its live calls end politely first',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING, voice: quiet } });
    const phone = await agent.dial([...GIVE_STORY, { expectHangUp: true }]);
    await phone.saying('Once');
    expect((await world.owner.request('DELETE', agent.path)).status).toBe(204);
    const call = await phone.record();
    expect(call.end_reason).toBe('channel_removed');
    expect(heardBy(await phone.experience)).toMatch(/i have to end this call now goodbye$/);
    expect(await agent.status()).toMatchObject({
      enabled: false,
      status: 'not_configured',
      active_calls: 0,
    });
    expect((await world.owner.request('DELETE', agent.path)).status).toBe(404);
  },
  LIMIT_MS,
);

test.concurrent(
  'keys that are pressed reach the model',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { press: '42#' },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    await phone.record();
    expect(heardBy(await phone.experience)).toBe(`${plain(GREETING)} you pressed forty two`);
  },
  LIMIT_MS,
);

test.concurrent(
  'neither a cough nor a sign of listening takes the floor',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    const phone = await agent.dial([
      ...GIVE_STORY,
      { backchannel: 'Mm-hm.', afterWords: 3 },
      { cough: true, afterWords: 12 },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    const call = await phone.record();
    const story = call.turns.find(({ text }) => text === STORY);
    expect(story).toMatchObject({ heard: STORY, interrupted: false });
    expect(heardBy(await phone.experience)).toContain(plain(STORY));
  },
  LIMIT_MS,
);

test.concurrent(
  'a greeting that may not be interrupted is heard whole',
  async ({ expect }) => {
    const agent = await world.addAgent({
      config: { greeting: GREETING, voice: { greeting_interruptible: false } },
    });
    const phone = await agent.dial([
      { interrupt: ASK_FOR_STORY, afterWords: 4 },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    const call = await phone.record();
    expect(call.turns[0]).toMatchObject({ text: GREETING, heard: GREETING, interrupted: false });
    expect(heardBy(await phone.experience)).toContain(plain(GREETING));
  },
  LIMIT_MS,
);

test.concurrent(
  'the list of live calls says at every moment what the events of the call say',
  async ({ expect }) => {
    const agent = await world.addAgent({ config: { greeting: GREETING } });
    expect(await agent.calls()).toEqual([]);
    const phone = await agent.dial([...GIVE_STORY, { expectHangUp: true }]);
    const watched = watchCall(agent, phone);
    await eventually('the story to be told', () =>
      phone.events.find((event) => event.type === 'turn' && event.turn.text === STORY),
    );
    await world.owner.ask('POST', `/v1/calls/${await phone.id()}/hangup`);
    const samples = await watched;
    const during = samples.filter(({ told }) => !told.ended);
    for (const { listed, activeCalls, told } of during)
      expect({ listed, activeCalls }).toMatchObject({
        listed: { caller_phone: phone.from, state: told.state, transcript_turns: told.turns },
        activeCalls: 1,
      });
    // Thinking may be over before it could be looked at.
    expect(during.map(({ told }) => told.state)).toEqual(
      expect.arrayContaining(['greeting', 'listening', 'speaking', 'ending']),
    );
    await phone.record();
    expect(await agent.calls()).toEqual([]);
    expect(await agent.status()).toMatchObject({ active_calls: 0 });
  },
  LIMIT_MS,
);

/** Every written word was heard; of the last words some marks may not have come back in time. */
function expectHeard(expect: ExpectStatic, experience: CallRecord, call: Call): void {
  const heard = heardBy(experience).split(' ');
  const written = writtenAsHeard(call).split(' ');
  expect(heard.slice(0, written.length)).toEqual(written);
  expect(written.length).toBeGreaterThanOrEqual(heard.length - 3);
}

const warningsOf = (callSid: string): readonly string[] =>
  world.sandbox.carrier.warnings
    .filter((warning) => warning.callSid === callSid)
    .map(({ code, message }) => `${code} ${message}`);
