import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { callSchema } from '#protocol/calls.ts';
import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { createAskProvider } from '#providers/ask-provider.ts';
import { createProviderEventWorker } from '#providers/provider-event-worker.ts';
import type { ProviderEventWorker } from '#providers/provider-event-worker.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { Network } from '#sandbox/carrier/network.ts';
import { startRetell } from '#sandbox/retell/retell.ts';
import type { Retell, RetellAccount } from '#sandbox/retell/retell.ts';
import type { CallOutcome } from '#sandbox/retell/phone-call.ts';
import type { Store } from '#store/store.ts';
import { PUBLIC_URL, TENANT, openHooks } from '#test/support/hooks.ts';
import type { HooksRig } from '#test/support/hooks.ts';
import { openTestStore } from '#test/support/store.ts';

/** Calls that the sandbox's Retell holds with an agent of its own, by what it tells of them. */
const NUMBER = '+12025550123';
const CALLER = '+12025550188';
const EVENTS = [
  'call_started',
  'call_ended',
  'call_analyzed',
  'transcript_updated',
  'transfer_started',
] as const;
const talk: readonly Step[] = [
  { waitForAgent: 'to-finish' },
  { say: 'A table for two, please.' },
  { waitForAgent: 'to-finish' },
  { say: 'Goodbye.' },
  { expectHangUp: true },
];

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let rig: HooksRig;
let worker: ProviderEventWorker;
let retell: Retell;
let account: RetellAccount;
let published: LiveEvent[];
const webhooks = { onTheWay: 0 };

beforeEach(async () => {
  published = [];
  rig = await openHooks({
    store,
    channel: { provider: 'retell' },
    takeEvent: (of, event) => worker.take(of, event),
  });
  retell = await startRetell({ clock: rig.clock, network: networkTo(rig.origin) });
  account = retell.addAccount();
  await store.channels.upsert(TENANT, rig.instanceId, { secrets: { api_key: account.apiKey } });
  worker = createProviderEventWorker({
    store,
    clock: rig.clock,
    log: silentLog,
    nodeId: 'node-1',
    // The answer comes over a real socket, so its limit is real as well.
    ask: createAskProvider({ store, retellUrl: retell.origin, clock: systemClock }),
    publish: (_instanceId, event) => void published.push(event),
    hasSession: () => false,
    silenceMs: 60_000,
  });
  const agentId = account.addAgent({
    webhook_url: `${PUBLIC_URL}/hooks/voice/${rig.instanceId}`,
    webhook_events: [...EVENTS],
  });
  account.addNumber({ phoneNumber: NUMBER, inboundAgents: [{ agent_id: agentId, weight: 1 }] });
});
afterEach(async () => {
  const closing = retell.close();
  await pass(5_000);
  await closing;
  await worker.stop();
  await rig.close();
});

/** From Retell's public world to the hooks, over a real connection. */
const networkTo = (origin: string): Network => ({
  async fetch({ method, url, headers, body }, signal) {
    webhooks.onTheWay += 1;
    try {
      const to = `${origin}${url.pathname}${url.search}`;
      const answer = await fetch(to, { method, headers, body, signal });
      return { status: answer.status, headers: {}, body: await answer.text() };
    } finally {
      webhooks.onTheWay -= 1;
    }
  },
  connect: () => {
    throw new Error('there is no socket here');
  },
});

/** Time in the sandbox, which stands still while a webhook is on its way or being worked on. */
async function pass(ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 50) {
    await rig.clock.advance(50);
    while (webhooks.onTheWay > 0) await systemClock.sleep(1);
  }
}

async function play(whileItRings: () => void = () => undefined): Promise<CallOutcome> {
  const phone = retell.call({ from: CALLER, to: NUMBER, script: talk });
  whileItRings();
  await pass(60_000);
  return phone.done;
}

async function recordOf({ callId }: Pick<CallOutcome, 'callId'>): Promise<Call | undefined> {
  const call = await store.calls.findByCarrierId(TENANT, rig.instanceId, callId);
  return call && store.calls.get(TENANT, call.id);
}

const asRetellHasIt = async (callId: string): Promise<unknown> => {
  const url = `${retell.origin}/v2/get-call/${callId}`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${account.apiKey}` } });
  return answer.json();
};

describe('a call that Retell’s own agent answers', () => {
  test('is on record as Retell has it, and was seen while it went on', async () => {
    const outcome = await play();
    const record = await recordOf(outcome);
    expect(callSchema.parse(record)).toMatchObject({
      provider: 'retell',
      caller_phone: CALLER,
      state: 'ended',
      end_reason: 'agent_hangup',
      end_detail: 'agent_hangup',
      turns: [
        { role: 'agent' },
        { role: 'caller', text: 'A table for two, please.' },
        { role: 'agent' },
        { role: 'caller', text: 'Goodbye.' },
        { role: 'agent' },
      ],
    });
    expect(record?.provider_record).toEqual(await asRetellHasIt(outcome.callId));
    expect(record?.provider_record).toMatchObject({
      call_cost: { combined_cost: expect.any(Number) },
      recording_url: expect.stringContaining('http'),
      latency: { e2e: { p50: expect.any(Number) } },
      call_analysis: { call_successful: true },
      llm_token_usage: expect.anything(),
    });
    const told = published.map(({ type }) => type);
    expect(told[0]).toBe('call-started');
    expect(told.filter((type) => type === 'turn')).toHaveLength(5);
    expect(told.at(-1)).toBe('call-ended');
  });

  test('is listed while it goes on, with the state and turns that Retell tells', async () => {
    const phone = retell.call({ from: CALLER, to: NUMBER, script: talk });
    await pass(9_000);
    const live = await store.calls.live(TENANT, rig.instanceId);
    expect(live).toMatchObject([{ callerPhone: CALLER }]);
    expect(live[0]?.turnCount).toBeGreaterThan(0);
    expect(['speaking', 'listening']).toContain(live[0]?.state);
    await pass(60_000);
    await phone.done;
    expect(await store.calls.countLive(TENANT, rig.instanceId)).toBe(0);
  });

  test('is the same record when everything comes twice, late and in disorder', async () => {
    retell.setWebhookFaults({ seed: 3, duplicateRate: 1, delayMs: 500, shuffleMs: 20_000 });
    const outcome = await play();
    await pass(40_000);
    const record = await recordOf(outcome);
    expect(record).toMatchObject({ state: 'ended', end_reason: 'agent_hangup' });
    expect(record?.turns).toHaveLength(5);
    expect(record?.provider_record).toEqual(await asRetellHasIt(outcome.callId));
  });

  test('ends all the same when what tells of its end is lost', async () => {
    retell.setWebhookFaults({ lose: (event) => event !== 'call_started' });
    const outcome = await play();
    expect((await recordOf(outcome))?.state).toBe('greeting');
    await pass(60_000);
    await worker.runDue();
    expect(await recordOf(outcome)).toMatchObject({
      state: 'ended',
      end_reason: 'agent_hangup',
      provider_record: { call_analysis: { call_successful: true } },
    });
  });
});
