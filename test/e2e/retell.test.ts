import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Call } from '#protocol/calls.ts';
import { activeCallSchema } from '#protocol/voice-channel.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { RetellAccount } from '#sandbox/retell/retell.ts';
import type { PhoneCall } from '#sandbox/retell/phone-call.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { heardBy, writtenAsHeard } from './support/words.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const GREETING = 'Good morning, how can I help you?';
const LIMIT_MS = 120_000;
const finish: Step = { waitForAgent: 'to-finish' };

let world: World;
beforeAll(async () => {
  world = await openWorld({ env: { RETELL_SILENCE_SECONDS: '3' } });
}, LIMIT_MS);
afterAll(() => world[Symbol.asyncDispose]());

let numbers = 0;
const nextNumber = (): string => `+1202557${String(++numbers).padStart(4, '0')}`;

/** A channel at Retell whose agent is led by the server. */
async function addAgent(config: object = {}) {
  const account: RetellAccount = world.sandbox.retell.addAccount();
  const phoneNumber = nextNumber();
  account.addNumber({ phoneNumber });
  const instanceId = await world.owner.makeInstance('Anna', { greeting: GREETING, ...config });
  await world.owner.setUpVoice(instanceId, {
    provider: 'retell',
    phone_number: phoneNumber,
    api_key: account.apiKey,
    openai_api_key: world.sandbox.keys.openai,
  });
  const path = `/v1/instances/${instanceId}/channels/voice`;
  return {
    account,
    path,
    phone: (script: readonly Step[]): PhoneCall =>
      world.sandbox.retell.call({ from: nextNumber(), to: phoneNumber, script }),
    /** The server's id of the one live call. */
    liveId: () =>
      eventually('a live call', async () => {
        const live = activeCallSchema.array().parse(await world.owner.ask('GET', `${path}/calls`));
        return live[0]?.call_id;
      }),
  };
}

/** The server's record of a call, once it holds all that Retell has of it. */
const recordOf = (callId: string): Promise<Call> =>
  eventually('the record to be complete', async () => {
    const found = await world.owner.call(callId);
    return found.provider_record?.['call_analysis'] === undefined ? undefined : found;
  });

/** What the record must be of a call in which the caller asks for the story and hears it. */
async function expectStory(call: PhoneCall, record: Call): Promise<void> {
  const { record: experience } = await call.done;
  if (!experience) throw new Error('nobody was on the line');
  expect(experience.problem).toBeUndefined();
  expect(record).toMatchObject({
    provider: 'retell',
    state: 'ended',
    end_reason: 'caller_hangup',
    end_detail: 'user_hangup',
    turns: [
      { index: 0, role: 'agent', heard: GREETING },
      { index: 1, role: 'caller', text: ASK_FOR_STORY },
      { index: 2, role: 'agent', heard: STORY, interrupted: false },
    ],
    provider_record: { call_id: call.callId, disconnection_reason: 'user_hangup' },
  });
  expect(heardBy(experience)).toBe(writtenAsHeard(record));
}

const story: readonly Step[] = [finish, { say: ASK_FOR_STORY }, finish];

test(
  'a server that is killed in mid-call goes on where the call stands, once Retell is back at its door',
  async () => {
    const agent = await addAgent();
    const call = agent.phone([
      finish,
      { say: ASK_FOR_STORY },
      { silence: 12_000 },
      { say: ASK_FOR_STORY },
      finish,
    ]);
    const id = await agent.liveId();
    await eventually('the story to begin', () =>
      call.call?.transcript.some((entry) => 'content' in entry && entry.content.startsWith('Once')),
    );
    process.kill(world.server.pid, 'SIGKILL');
    await world.restart();
    const { record: experience, reason } = await call.done;
    expect(reason).toBe('user_hangup');
    const record = await recordOf(id);
    expect(record.turns).toMatchObject([
      { index: 0, heard: GREETING },
      { index: 1, text: ASK_FOR_STORY },
      { index: 2, heard: STORY },
      { index: 3, text: ASK_FOR_STORY },
      { index: 4, heard: STORY },
    ]);
    expect(experience && heardBy(experience)).toBe(writtenAsHeard(record));
    expect(record).toMatchObject({ end_reason: 'caller_hangup' });
  },
  LIMIT_MS,
);

test(
  'webhooks that come twice, late, in another order or not at all make the same record',
  async () => {
    const agent = await addAgent();
    world.sandbox.retell.setWebhookFaults({
      seed: 4,
      duplicateRate: 1,
      shuffleMs: 1_500,
      lose: (event) => event === 'call_started',
    });
    try {
      const call = agent.phone(story);
      const id = await agent.liveId();
      await call.done;
      await world.sandbox.retell.webhooksIdle();
      await expectStory(call, await recordOf(id));
    } finally {
      world.sandbox.retell.setWebhookFaults({});
    }
  },
  LIMIT_MS,
);

test(
  'a call whose end Retell tells nothing of is asked about until its record is complete',
  async () => {
    const agent = await addAgent();
    world.sandbox.retell.setWebhookFaults({ lose: (event) => event !== 'call_started' });
    try {
      const call = agent.phone(story);
      const id = await agent.liveId();
      await call.done;
      await expectStory(call, await recordOf(id));
    } finally {
      world.sandbox.retell.setWebhookFaults({});
    }
  },
  LIMIT_MS,
);

test(
  'keys that the caller presses reach the agent',
  async () => {
    const agent = await addAgent();
    const call = agent.phone([finish, { press: '42' }, finish]);
    const { record } = await call.done;
    expect(record?.problem).toBeUndefined();
    expect(record && heardBy(record)).toContain('you pressed forty two');
  },
  LIMIT_MS,
);

test(
  'outside its hours a channel takes no call, and there is no trace of one',
  async () => {
    const closed = { timezone: 'Europe/Berlin', open: [] };
    const agent = await addAgent({ voice: { business_hours: closed } });
    const outcome = await agent.phone(story).done;
    expect(outcome.reason).toBe('rejected');
    expect(await world.owner.ask('GET', `${agent.path}/calls`)).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'a call that is deleted with its channel ends, and Retell is as it was',
  async () => {
    const agent = await addAgent();
    const call = agent.phone([finish, { expectHangUp: true }]);
    const id = await agent.liveId();
    expect((await world.owner.request('DELETE', agent.path)).status).toBe(204);
    expect((await call.done).record?.endedBy).toBe('other-side');
    await eventually('the call to have ended', async () => {
      const found = await world.owner.call(id);
      // Retell may tell of the end before the session has stored why.
      return found.end_reason === 'channel_removed' ? found : undefined;
    });
    await eventually('the agent to be gone', () => agent.account.agents.size === 0 || undefined);
  },
  LIMIT_MS,
);
