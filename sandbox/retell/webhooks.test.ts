import { verify } from 'retell-sdk';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { NetworkFault } from '#sandbox/carrier/network.ts';
import type { Network, WebRequest, WebResponse } from '#sandbox/carrier/network.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { startRetell } from './retell.ts';
import type { Retell, RetellAccount } from './retell.ts';
import { utterancesOf } from './transcript.ts';

const NUMBER = '+12025550123';
const HOOK = 'https://v.example.test/hook';
const NOW_MS = 1_780_000_000_000;
const goodbye: readonly Step[] = [
  { waitForAgent: 'to-finish' },
  { say: 'Goodbye.' },
  { expectHangUp: true },
];

let clock: VirtualClock;
let retell: Retell;
let account: RetellAccount;
let answer: (request: WebRequest) => WebResponse | Promise<WebResponse>;
let received: { readonly event: string; readonly call: Record<string, unknown> }[];
beforeEach(async () => {
  clock = virtualClock(NOW_MS);
  received = [];
  answer = () => ({ status: 204, headers: {}, body: '' });
  const network: Network = {
    async fetch(request, signal) {
      received.push(JSON.parse(request.body));
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error(String(signal.reason)))),
      );
      return Promise.race([(async () => answer(request))(), aborted]);
    },
    connect: () => {
      throw new Error('there is no socket here');
    },
  };
  retell = await startRetell({ clock, network });
  account = retell.addAccount();
});
afterEach(async () => {
  const closing = retell.close();
  await clock.advance(5_000);
  await closing;
  vi.useRealTimers();
});

const listen = (settings: Parameters<RetellAccount['addAgent']>[0] = {}): string => {
  const agentId = account.addAgent({ webhook_url: HOOK, ...settings });
  account.addNumber({ phoneNumber: NUMBER, inboundAgents: [{ agent_id: agentId, weight: 1 }] });
  return agentId;
};
const play = async (script = goodbye) => {
  const phone = retell.call({ from: '+12025550188', to: NUMBER, script });
  await clock.advance(60_000);
  return phone.done;
};
const events = (): readonly string[] => received.map(({ event }) => event);

describe('a call of an agent of an account’s own', () => {
  test('is told of as it begins, ends and has been analysed', async () => {
    const agentId = listen();
    const outcome = await play();
    expect(outcome).toMatchObject({ reason: 'agent_hangup', record: { problem: undefined } });
    expect(events()).toEqual(['call_started', 'call_ended', 'call_analyzed']);
    const [started, ended, analyzed] = received;
    expect(started?.call).toMatchObject({
      call_id: outcome.callId,
      agent_id: agentId,
      call_status: 'ongoing',
      direction: 'inbound',
    });
    for (const name of ['metadata', 'retell_llm_dynamic_variables', 'end_timestamp', 'transcript'])
      expect(started?.call).not.toHaveProperty(name);
    expect(ended?.call).toMatchObject({
      call_status: 'ended',
      disconnection_reason: 'agent_hangup',
      transcript: expect.stringMatching(/^Agent: Hello, .+\nUser: Goodbye\.\nAgent: Thank you/),
      transcript_object: [{ role: 'agent' }, { role: 'user', content: 'Goodbye.' }, {}],
      call_cost: { combined_cost: expect.any(Number) },
      latency: { e2e: { num: 1 }, llm: { num: 1, p50: 450 } },
      llm_token_usage: { num_requests: 1 },
      recording_url: expect.stringContaining(outcome.callId),
    });
    expect(ended?.call).not.toHaveProperty('call_analysis');
    expect(analyzed?.call).toMatchObject({ call_analysis: { call_successful: true } });
  });

  test('has words with times that fill its duration', async () => {
    listen();
    await play();
    const call = [...account.calls.values()][0];
    const words = utterancesOf(call?.transcript ?? []).flatMap((utterance) => utterance.words);
    expect(words.every(({ start, end }) => start < end)).toBe(true);
    expect(words.map(({ start }) => start)).toEqual(
      words.map(({ start }) => start).toSorted((a, b) => a - b),
    );
    expect(words.at(-1)?.end).toBeLessThanOrEqual(
      ((call?.endMs ?? 0) - (call?.startMs ?? 0)) / 1_000,
    );
  });

  test('is told of turn by turn where the agent asks for it', async () => {
    listen({ webhook_events: ['transcript_updated', 'call_ended'] });
    await play();
    expect(new Set(events())).toEqual(new Set(['transcript_updated', 'call_ended']));
    const told = received.filter(({ event }) => event === 'transcript_updated');
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.at(-1)?.call).toMatchObject({
      transcript_with_tool_calls: [{ role: 'agent' }, { role: 'user' }, { role: 'agent' }],
    });
  });

  test('is told to the account where the agent has no webhook of its own', async () => {
    const of = retell.addAccount({ webhookUrl: 'https://v.example.test/account' });
    const own = of.addAgent({ webhook_url: HOOK });
    const none = of.addAgent();
    for (const [number, agent_id] of [
      ['+12025550124', own],
      ['+12025550125', none],
    ] as const) {
      of.addNumber({ phoneNumber: number, inboundAgents: [{ agent_id, weight: 1 }] });
      retell.call({ from: '+12025550188', to: number, script: goodbye });
    }
    await clock.advance(60_000);
    const urls = (agentId: string) =>
      new Set(
        retell.webhooks
          .filter(({ body }) => JSON.parse(body).call.agent_id === agentId)
          .map(({ url }) => url),
      );
    expect(urls(own)).toEqual(new Set([HOOK]));
    expect(urls(none)).toEqual(new Set(['https://v.example.test/account']));
  });
});

describe('a webhook', () => {
  test('is signed so that the SDK accepts it, and nothing that was changed', async () => {
    listen();
    await play();
    // The SDK takes the machine's time.
    vi.useFakeTimers({ now: clock.now(), toFake: ['Date'] });
    for (const { body, signature } of retell.webhooks) {
      expect(await verify(body, account.apiKey, signature)).toBe(true);
      expect(await verify(`${body} `, account.apiKey, signature)).toBe(false);
      expect(await verify(body, `${account.apiKey}x`, signature)).toBe(false);
    }
  });

  test('is tried four times in all, and does not hold up the next one', async () => {
    listen();
    answer = (request) => ({
      status: request.body.includes('"call_started"') ? 500 : 200,
      headers: {},
      body: '{}',
    });
    await play();
    expect(events().filter((event) => event === 'call_started')).toHaveLength(4);
    expect(events().indexOf('call_ended')).toBeGreaterThan(0);
    expect(retell.webhooks.filter(({ event }) => event === 'call_ended')).toHaveLength(1);
  });

  test('is given up on after the agent’s time limit, and tried again', async () => {
    listen({ webhook_timeout_ms: 500, webhook_events: ['call_ended'] });
    answer = () => new Promise(() => undefined);
    await play();
    expect(retell.webhooks.map(({ problem }) => problem)).toEqual(
      Array.from({ length: 4 }, () => expect.stringContaining('no answer within 500 ms')),
    );
  });

  test('is sent twice, late or never where that is asked for', async () => {
    listen();
    retell.setWebhookFaults({
      duplicateRate: 1,
      delayMs: 3_000,
      lose: (event) => event === 'call_started',
    });
    const { callId } = await play();
    expect(events()).toEqual(['call_ended', 'call_ended', 'call_analyzed', 'call_analyzed']);
    const ended = retell.webhooks[0];
    const call = account.calls.get(callId);
    expect(ended?.atMs).toBe((call?.endMs ?? 0) + 3_000);
  });
});

describe('the inbound webhook', () => {
  const inbound = (body: unknown) => {
    account.addNumber({
      phoneNumber: NUMBER,
      inboundWebhookUrl: 'https://v.example.test/in',
      inboundAgents: [{ agent_id: account.addAgent(), weight: 1 }],
    });
    answer = (request) =>
      request.url.pathname === '/in'
        ? { status: 200, headers: {}, body: JSON.stringify(body) }
        : { status: 200, headers: {}, body: '' };
  };

  test('sets variables, metadata and the agent of the call', async () => {
    const other = account.addAgent({ webhook_url: HOOK });
    inbound({
      call_inbound: {
        override_agent_id: other,
        dynamic_variables: { name: 'Anna' },
        metadata: { a: 1 },
        agent_override: { agent: { webhook_events: ['call_ended'] } },
      },
    });
    const { callId } = await play();
    expect(received[0]).toMatchObject({
      event: 'call_inbound',
      event_timestamp: NOW_MS,
      call_inbound: { call_id: callId, from_number: '+12025550188', to_number: NUMBER },
    });
    expect(received[1]).toMatchObject({
      event: 'call_ended',
      call: {
        agent_id: other,
        metadata: { a: 1 },
        retell_llm_dynamic_variables: { name: 'Anna' },
      },
    });
  });

  test('rejects with the boolean true alone, and only in a valid answer', async () => {
    inbound({ call_inbound: { reject: true, override_agent_id: 'agent_nobody' } });
    expect(await play()).toMatchObject({ reason: 'rejected' });
    for (const refusal of [{ reject: 'true' }, { reject: true, dynamic_variables: { a: 1 } }]) {
      answer = () => ({
        status: 200,
        headers: {},
        body: JSON.stringify({ call_inbound: refusal }),
      });
      expect(await play()).toMatchObject({ reason: 'agent_hangup' });
    }
    expect(account.calls.size).toBe(2);
  });

  test('that does not answer is asked four times, then the bound agent takes the call', async () => {
    inbound({});
    answer = () => {
      throw new NetworkFault('no-connection', 'refused');
    };
    expect(await play()).toMatchObject({ reason: 'agent_hangup' });
    expect(retell.webhooks.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });
});

describe('a call out', () => {
  const dial = async () => {
    const agentId = account.addAgent({ webhook_url: HOOK });
    account.addNumber({
      phoneNumber: NUMBER,
      outboundAgents: [{ agent_id: agentId, weight: 1 }],
    });
    await fetch(`${retell.origin}/v2/create-phone-call`, {
      method: 'POST',
      headers: { authorization: `Bearer ${account.apiKey}` },
      body: JSON.stringify({ from_number: NUMBER, to_number: '+12025550188' }),
    });
    await clock.advance(60_000);
  };

  test('that is answered is told of like any other', async () => {
    retell.answerAt('+12025550188', { kind: 'answers', script: goodbye });
    await dial();
    expect(events()).toEqual(['call_started', 'call_ended', 'call_analyzed']);
    expect(received[0]?.call).toMatchObject({ direction: 'outbound' });
  });

  test('that nobody takes is never told to have started', async () => {
    retell.answerAt('+12025550188', { kind: 'busy' });
    await dial();
    expect(events()).toEqual(['call_ended', 'call_analyzed']);
    expect(received[0]?.call).toMatchObject({
      call_status: 'not_connected',
      disconnection_reason: 'dial_busy',
    });
  });
});

describe('an account at its limit', () => {
  test('lets a caller wait for a line, and gives up after 40 s', async () => {
    const small = retell.addAccount({ concurrencyLimit: 1, webhookUrl: HOOK });
    small.addNumber({
      phoneNumber: NUMBER,
      inboundAgents: [{ agent_id: small.addAgent(), weight: 1 }],
    });
    const phone = (script: readonly Step[]) =>
      retell.call({ from: '+12025550188', to: NUMBER, script });
    const first = phone([{ waitForAgent: 'to-finish' }, { silence: 100_000 }]);
    await clock.advance(1_000);
    const second = phone(goodbye);
    await clock.advance(30_000);
    expect(second.call).toBeUndefined();
    await clock.advance(11_000);
    expect(await second.done).toMatchObject({ reason: 'concurrency_limit_reached' });
    const third = phone(goodbye);
    first.hangUp();
    await clock.advance(60_000);
    expect(await third.done).toMatchObject({ reason: 'agent_hangup' });
  });
});

test('a web call begins when somebody joins', async () => {
  const agentId = account.addAgent({ webhook_url: HOOK });
  const response = await fetch(`${retell.origin}/v3/create-web-call`, {
    method: 'POST',
    headers: { authorization: `Bearer ${account.apiKey}` },
    body: JSON.stringify({ agent_id: agentId, metadata: { a: 1 } }),
  });
  const callId = String(Reflect.get(Object(await response.json()), 'call_id'));
  await clock.advance(20_000);
  const call = retell.join(callId, goodbye);
  await clock.advance(60_000);
  expect(await call.done).toMatchObject({ reason: 'agent_hangup' });
  expect(events()).toEqual(['call_started', 'call_ended', 'call_analyzed']);
  expect(received[0]?.call).toMatchObject({ call_type: 'web_call', metadata: { a: 1 } });
  expect(received[0]?.call).not.toHaveProperty('from_number');
  expect(() => retell.join(callId, goodbye)).toThrow('no web call');
});
