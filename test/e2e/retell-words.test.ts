import { afterAll, beforeAll, expect, test } from 'vitest';
import { callSchema } from '#protocol/calls.ts';
import type { Call } from '#protocol/calls.ts';
import { activeCallSchema } from '#protocol/voice-channel.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { demoAgent, demoScript } from '#sandbox/demo/scenario.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';
import { plain } from './support/words.ts';

/*
 * Whole calls that Retell carries and our agent leads: a real server process on one side, Retell as
 * the sandbox plays it on the other.
 */
const LIMIT_MS = 120_000;
let world: World;
beforeAll(async () => {
  world = await openWorld();
}, LIMIT_MS);
afterAll(() => world[Symbol.asyncDispose]());

let numbers = 0;

/** An agent of ours at Retell, and who calls it. */
async function agentAtRetell(config: object) {
  const { owner, sandbox } = world;
  const account = sandbox.retell.addAccount();
  const phoneNumber = `+1202556${String(++numbers).padStart(4, '0')}`;
  account.addNumber({ phoneNumber });
  const instanceId = await owner.makeInstance(`Words ${numbers}`, config);
  await owner.setUpVoice(instanceId, {
    provider: 'retell',
    api_key: account.apiKey,
    phone_number: phoneNumber,
    openai_api_key: sandbox.keys.openai,
  });
  const path = `/v1/instances/${instanceId}/channels/voice/calls`;
  const live = async () => activeCallSchema.array().parse(await owner.ask('GET', path));
  return {
    live,
    async dial(script: readonly Step[]) {
      const phone = sandbox.retell.call({ from: '+12025570001', to: phoneNumber, script });
      phone.done.catch(() => undefined);
      const callId = await eventually(
        'the call to be there',
        async () => (await live())[0]?.call_id,
      );
      return { phone, callId };
    },
  };
}

const recordOf = (callId: string): Promise<Call> =>
  eventually('the record to be complete', async () => {
    const found = callSchema.parse(await world.owner.call(callId));
    return found.ended_at === null ? undefined : found;
  });

/** Frames of ours that Retell took no notice of, though nobody had interrupted. */
const faulty = (frames: readonly { readonly dropped: string | undefined }[]): readonly string[] =>
  frames.flatMap(({ dropped }) =>
    dropped === undefined || /newest response_id|was interrupted|took its place/.test(dropped)
      ? []
      : [dropped],
  );

test.concurrent(
  'a call of five turns, cut in on once, stands in the record as it was heard',
  async ({ expect }) => {
    const agent = await agentAtRetell(demoAgent);
    const { phone, callId } = await agent.dial(demoScript);
    const { record, reason } = await phone.done;
    expect(record?.problem).toBeUndefined();
    expect(reason).toBe('agent_hangup');
    const call = await recordOf(callId);
    expect(call.end_reason).toBe('agent_hangup');
    const said = call.turns.filter(({ role }) => role === 'agent');
    expect(said.map(({ interrupted }) => interrupted)).toContain(true);
    // What is in the record is what could be heard, word for word.
    expect(plain(said.map(({ heard }) => heard).join(' '))).toBe(
      plain((record?.agentWords ?? []).map(({ text }) => text).join(' ')),
    );
    expect(call.turns.filter(({ role }) => role === 'caller').length).toBeGreaterThanOrEqual(5);
    expect(call.turns.map(({ index }) => index)).toEqual(call.turns.map((_, index) => index));
    expect(faulty(phone.frames)).toEqual([]);
    for (const turn of said.slice(1, -1)) expect(turn.waterfall_ms.first_token).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test.concurrent(
  'a caller who says nothing is asked, then let go',
  async ({ expect }) => {
    const agent = await agentAtRetell({
      greeting: 'Good morning.',
      voice: { idle: { prompt_after_ms: 2_000, prompts: ['Are you still there?'] } },
    });
    const { phone, callId } = await agent.dial([{ expectHangUp: true }]);
    const { record } = await phone.done;
    expect((await recordOf(callId)).turns.map(({ heard }) => heard)).toEqual([
      'Good morning.',
      'Are you still there?',
      'I will hang up now. Goodbye.',
    ]);
    expect(record?.endedBy).toBe('other-side');
    expect(faulty(phone.frames)).toEqual([]);
  },
  LIMIT_MS,
);

test.concurrent(
  'keys that are pressed reach the model',
  async ({ expect }) => {
    const agent = await agentAtRetell({ greeting: 'Good morning.' });
    const { phone, callId } = await agent.dial([
      { waitForAgent: 'to-finish' },
      { press: '42#' },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    await phone.done;
    const call = await recordOf(callId);
    expect(call.turns.map(({ heard }) => heard)).toEqual([
      'Good morning.',
      'You pressed forty two.',
    ]);
    expect(call.end_reason).toBe('caller_hangup');
  },
  LIMIT_MS,
);

test(
  'a server killed in mid-call goes on with it when it is back, and greets nobody twice',
  async () => {
    const agent = await agentAtRetell({ greeting: 'Good morning.' });
    const { phone, callId } = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { silence: 14_000 },
      { say: 'My name is Anna Keller.' },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    await eventually('two stored turns', async () =>
      (await world.owner.call(callId)).turns.length >= 2 ? true : undefined,
    );
    await eventually('the story to begin', () =>
      phone.frames.some(({ frame }) => JSON.stringify(frame).includes(STORY.slice(0, 20)))
        ? true
        : undefined,
    );
    process.kill(world.server.pid, 'SIGKILL');
    await world.restart();
    const { record } = await phone.done;
    expect(record?.problem).toBeUndefined();
    const call = await recordOf(callId);
    const heard = call.turns.map((turn) => turn.heard);
    expect(heard.slice(0, 2)).toEqual(['Good morning.', ASK_FOR_STORY]);
    expect(heard.filter((text) => text === 'Good morning.')).toHaveLength(1);
    expect(heard.at(-1)).toMatch(/^Thank you, Anna/);
    expect(call.turns.map(({ index }) => index)).toEqual(call.turns.map((_, index) => index));
    expect(call.end_reason).toBe('caller_hangup');
  },
  LIMIT_MS,
);
