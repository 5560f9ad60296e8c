import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import type { Brain } from '#sandbox/vendors/brain.ts';
import { ASK_FOR_STORY, STORY, testBrain } from '#test/e2e/support/brain.ts';
import { eventually } from '#test/e2e/support/eventually.ts';
import { heardBy, plain, writtenAsHeard } from '#test/e2e/support/words.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import type { World } from '#test/e2e/support/world.ts';
import { stockCall } from './support/stock-client.ts';

/** As `testBrain`; asked for the map it has it shown. */
const brain: Brain = (request) => {
  const last = request.items.at(-1);
  if (last?.type === 'function_call_output') return { text: `It says: ${last.output}` };
  const isAskedForMap = last?.type === 'message' && /map/i.test(last.text);
  return isAskedForMap && request.tools.includes('show_map')
    ? { toolCalls: [{ name: 'show_map', arguments: { place: 'bakery' } }] }
    : testBrain(request);
};

let sandbox: Sandbox;
let world: World;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: systemClock, brain });
  world = await openWorld({ sandbox });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await sandbox.close();
});

const LIMIT_MS = 120_000;
const GREETING = 'Good morning, you have reached the bakery. How can I help you today?';

const dial = async (instanceId: string, script: readonly Step[]) => {
  const { bank, openEar } = world.sandbox;
  const person = await scriptedCaller({ bank, openEar, script, voice: 'rms' });
  const call = await stockCall({
    endpoint: `${world.server.origin}/v1/instances/${instanceId}/connect`,
    headers: new Headers({ 'x-api-key': world.apiKey }),
    person,
    reachable: (wsUrl) =>
      wsUrl.replace(/^wss?:\/\/[^/]+/, world.server.origin.replace(/^http/, 'ws')),
  });
  return { call, person };
};

const textOf = (data: unknown): string =>
  typeof data === 'object' && data !== null && 'text' in data ? String(data.text) : '';
const isFinal = (data: unknown): boolean =>
  typeof data === 'object' && data !== null && 'final' in data && data.final === true;

/** As Pipecat's server tells of a turn. */
const TURN_ORDER = [
  'onUserStartedSpeaking',
  'onUserTranscript',
  'onUserStoppedSpeaking',
  'onUserLlmText',
  'onBotLlmStarted',
  'onBotLlmText',
  'onBotTtsStarted',
  'onBotStartedSpeaking',
  'onBotOutput',
  'onBotTtsText',
];
const EVERY_EVENT = [
  ...TURN_ORDER,
  'onBotReady',
  'onBotStoppedSpeaking',
  'onBotLlmStopped',
  'onBotTtsStopped',
  'onBotTranscript',
  'onMetrics',
  'onDisconnected',
];

describe("Pipecat's own client", () => {
  test(
    'talks, interrupts and is hung up on, and both records of it agree',
    async () => {
      const agent = await world.addAgent({
        config: { greeting: GREETING, voice: { idle: { prompt_after_ms: 60_000 } } },
      });
      const { call, person } = await dial(agent.instanceId, [
        { waitForAgent: 'to-finish' },
        { say: ASK_FOR_STORY },
        { interrupt: 'Thank you, goodbye.', afterWords: 6 },
        { expectHangUp: true },
      ]);
      const [live] = await agent.calls();
      expect(live).toMatchObject({ caller_phone: 'web' });
      await call.over;
      const experience = await person.done;
      expect(experience.problem).toBeUndefined();
      const record = await eventually('the record to be complete', async () => {
        const found = await world.owner.call(live?.call_id ?? '');
        return found.ended_at === null ? undefined : found;
      });
      expect(record).toMatchObject({
        caller_phone: 'web',
        provider: 'pipecat',
        end_reason: 'agent_hangup',
      });
      expect(record.turns.map(({ role, interrupted }) => `${role} ${interrupted}`)).toEqual([
        'agent false',
        'caller false',
        'agent true',
        'caller false',
        'agent false',
      ]);
      expect(record.turns[0]?.heard).toBe(GREETING);
      expect(plain(record.turns[1]?.heard ?? '')).toBe(plain(ASK_FOR_STORY));
      // What is in the browser's hands when the caller cuts in is heard to its end.
      const [wordsHeard, wordsWritten] = [heardBy(experience), writtenAsHeard(record)].map(
        (words) => words.split(' ').length,
      );
      expect(Math.abs((wordsHeard ?? 0) - (wordsWritten ?? 0))).toBeLessThanOrEqual(2);
      expect(STORY).toContain(record.turns[2]?.heard ?? '-');

      const finals = call.of('onUserTranscript').filter((data) => isFinal(data));
      expect(finals.map(textOf)).toEqual(
        record.turns.filter(({ role }) => role === 'caller').map(({ text }) => text),
      );
      expect(call.of('onBotTtsText').map(textOf).join(' ')).toBe(
        record.turns
          .filter(({ role }) => role === 'agent')
          .map(({ heard }) => heard)
          .join(' '),
      );
      expect(call.names()).toEqual(expect.arrayContaining([...EVERY_EVENT]));
      const from = call.names().indexOf('onUserStartedSpeaking');
      const turn = call
        .names()
        .slice(from, call.names().indexOf('onUserStartedSpeaking', from + 1));
      expect(TURN_ORDER.map((name) => turn.indexOf(name))).toEqual(
        TURN_ORDER.map((name) => turn.indexOf(name)).toSorted((left, right) => left - right),
      );
      expect(call.longestLeadMs).toBeLessThan(600);
    },
    LIMIT_MS,
  );

  test(
    'types, presses keys, asks and says goodbye without a word spoken',
    async () => {
      const agent = await world.addAgent({ config: { greeting: '' } });
      const { call } = await dial(agent.instanceId, [{ silence: 60_000 }]);
      const { client } = call;
      const [live] = await agent.calls();
      const said = (text: string) =>
        eventually(`the agent to say "${text}"`, () =>
          call.of('onBotTtsText').map(textOf).join(' ').includes(text) ? true : undefined,
        );
      await client.sendText(ASK_FOR_STORY);
      await said('Once there was');
      client.sendDTMF('42#');
      await said('You pressed forty two.');
      await eventually('the agent to have finished', () => {
        const names = call.names();
        const isSilent =
          names.lastIndexOf('onBotStoppedSpeaking') > names.lastIndexOf('onBotStartedSpeaking');
        return isSilent || undefined;
      });
      await client.sendText('The sky is green.', { run_immediately: false });
      expect(await client.sendClientRequest('call', {})).toEqual({ call_id: live?.call_id });
      await expect(client.sendClientRequest('weather', {})).rejects.toMatchObject({
        data: { error: expect.stringContaining('Nothing here answers') as unknown },
      });
      client.disconnectBot();
      await call.over;
      const record = await eventually('the record to be complete', async () => {
        const found = await world.owner.call(live?.call_id ?? '');
        return found.ended_at === null ? undefined : found;
      });
      expect(record.end_reason).toBe('caller_hangup');
      expect(record.turns.map(({ role }) => role)).toEqual(['caller', 'agent', 'agent', 'caller']);
      expect(record.turns[1]).toMatchObject({ interrupted: true });
      expect(record.turns[3]?.text).toBe('The sky is green.');
    },
    LIMIT_MS,
  );

  test(
    "runs the page's own function for the agent, whose answer is heard",
    async () => {
      const parameters = { type: 'object', properties: { place: { type: 'string' } } };
      const agent = await world.addAgent({
        config: { greeting: '', client_tools: [{ name: 'show_map', parameters }] },
      });
      const { call } = await dial(agent.instanceId, [{ silence: 60_000 }]);
      const asked: unknown[] = [];
      call.client.registerFunctionCallHandler('show_map', async (given) => {
        asked.push(given);
        return 'The map is on your screen.';
      });
      await call.client.sendText('Show me the map.');
      await eventually('the agent to have told the result', () =>
        call.of('onBotTtsText').map(textOf).join(' ').includes('on your screen.')
          ? true
          : undefined,
      );
      expect(asked).toEqual([{ functionName: 'show_map', arguments: { place: 'bakery' } }]);
      expect(call.names()).toEqual(
        expect.arrayContaining(['onLLMFunctionCallStarted', 'onLLMFunctionCallStopped']),
      );
      await call.client.disconnect();
    },
    LIMIT_MS,
  );

  test('is told why it cannot call', async () => {
    const agent = await world.addAgent({ setup: { openai_api_key: null, cartesia_api_key: null } });
    await expect(dial(agent.instanceId, [{ silence: 1_000 }])).rejects.toThrow(
      'For calls the voice channel still needs a language model key',
    );
  });
});
