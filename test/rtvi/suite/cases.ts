import { expect } from 'vitest';
import { z } from 'zod';
import type { Call, EndReason } from '#protocol/calls.ts';
import type { Monologue } from '#test/browser/monologue.ts';
import { ASK_FOR_STORY, STORY } from '#test/e2e/support/brain.ts';
import type { Agent } from '#test/e2e/support/agents.ts';
import { endedRecord } from '#test/e2e/support/ended-record.ts';
import { eventually } from '#test/e2e/support/eventually.ts';
import { plain } from '#test/e2e/support/words.ts';
import type { World } from '#test/e2e/support/world.ts';
import type { Connection, Target } from '../support/client-drive.ts';
import type { Actions } from './actions.ts';
import type { RtviDriver } from './driver.ts';
import { EVERY_EVENT, TURN_ORDER, namesOf, textsOf } from './events.ts';

/** What holds of a stock client anywhere, as a sentence, and how it is shown. */
export type RtviCase = {
  readonly sentence: string;
  readonly run: (driver: RtviDriver, world: World) => Promise<void>;
};

const GREETING = 'Good morning, you have reached the bakery. How can I help you today?';
const NOBODY_SPEAKS: Monologue = [];
/** Nothing is asked while a case is busy with something else. */
const PATIENT = { idle: { prompt_after_ms: 60_000 } };
const SHORTEST_CALL_SECONDS = 30;

export const targetOf = ({ server, apiKey }: World, instanceId: string): Target => ({
  endpoint: `${server.origin}/v1/instances/${instanceId}/connect`,
  apiKey,
  socketOrigin: server.origin.replace(/^http/, 'ws'),
});

export const rtviCases: readonly RtviCase[] = [
  {
    sentence: 'talks, interrupts and is hung up on, and is told what is on record',
    async run(driver, world) {
      const agent = await world.addAgent({ config: { greeting: GREETING, voice: PATIENT } });
      const [client, callId] = await call(driver, world, agent, [
        { afterMs: 9_000, say: ASK_FOR_STORY },
        // About in the middle of it.
        { afterMs: 5_000, say: 'Thank you, goodbye.' },
      ]);
      await client.over();
      const { end_reason: reason, turns } = await endedRecord(world.owner, callId);
      expect(reason).toBe('agent_hangup');
      expect(turns.map(({ role, interrupted }) => `${role} ${interrupted}`)).toEqual([
        'agent false',
        'caller false',
        'agent true',
        'caller false',
        'agent false',
      ]);
      expect(turns[0]?.heard).toBe(GREETING);
      expect(plain(turns[1]?.heard ?? '')).toBe(plain(ASK_FOR_STORY));
      expect(STORY).toContain(turns[2]?.heard ?? '-');

      const events = await client.events();
      const said = (role: string) => turns.filter((turn) => turn.role === role);
      const finals = events.filter(({ data }) => isFinalSchema.safeParse(data).success);
      expect(textsOf(finals, 'onUserTranscript')).toEqual(said('caller').map(({ text }) => text));
      expect(textsOf(events, 'onBotTtsText').join(' ')).toBe(
        said('agent')
          .map(({ heard }) => heard)
          .join(' '),
      );
      const names = namesOf(events);
      expect(names).toEqual(expect.arrayContaining([...EVERY_EVENT]));
      const from = names.indexOf('onUserStartedSpeaking');
      const turn = names.slice(from, names.indexOf('onUserStartedSpeaking', from + 1));
      const places = TURN_ORDER.map((name) => turn.indexOf(name));
      expect(places).toEqual(places.toSorted((left, right) => left - right));
    },
  },
  {
    sentence: 'types, presses keys, asks and says goodbye without a word spoken',
    async run(driver, world) {
      const agent = await world.addAgent({ config: { greeting: '', voice: PATIENT } });
      const [client, callId] = await call(driver, world, agent);
      await client.type(ASK_FOR_STORY);
      await saying(client, 'Once there was');
      await client.press('42#');
      await saying(client, 'You pressed forty two.');
      await eventually('the agent to have finished', async () => {
        const names = namesOf(await client.events());
        return (
          names.lastIndexOf('onBotStoppedSpeaking') > names.lastIndexOf('onBotStartedSpeaking') ||
          undefined
        );
      });
      await client.type('The sky is green.', false);
      expect(await client.ask('call')).toEqual({ call_id: callId });
      await expect(client.ask('weather')).rejects.toThrow('Nothing here answers');
      await client.disconnectBot();
      await client.over();
      const { turns } = await endOf(world, callId, 'caller_hangup');
      expect(turns.map(({ role }) => role)).toEqual(['caller', 'agent', 'agent', 'caller']);
      expect(turns[1]).toMatchObject({ interrupted: true });
      expect(turns[3]?.text).toBe('The sky is green.');
    },
  },
  {
    sentence: "runs the page's own function for the agent, whose answer is heard",
    async run(driver, world) {
      const parameters = { type: 'object', properties: { place: { type: 'string' } } };
      const agent = await world.addAgent({
        config: { greeting: '', client_tools: [{ name: 'show_map', parameters }] },
      });
      const client = await driver.open(NOBODY_SPEAKS);
      await client.offer('show_map', 'The map is on your screen.');
      await client.start(targetOf(world, agent.instanceId));
      await client.type('Show me the map.');
      await saying(client, 'on your screen.');
      const events = await client.events();
      expect(events.filter(({ name }) => name === 'show_map')).toEqual([
        {
          name: 'show_map',
          data: { functionName: 'show_map', arguments: { place: 'bakery' } },
        },
      ]);
      expect(namesOf(events)).toEqual(
        expect.arrayContaining(['onLLMFunctionCallStarted', 'onLLMFunctionCallStopped']),
      );
      await client.disconnect();
    },
  },
  {
    sentence: 'is told why it cannot call',
    async run(driver, world) {
      const agent = await world.addAgent({
        setup: { openai_api_key: null, cartesia_api_key: null },
      });
      const client = await driver.open(NOBODY_SPEAKS);
      await expect(client.start(targetOf(world, agent.instanceId))).rejects.toThrow(
        'For calls the voice channel still needs a language model key',
      );
    },
  },
  {
    sentence: 'is let in once with a token, and goes on where another comes with it again',
    async run(driver, world) {
      const agent = await world.addAgent({ config: { greeting: '', voice: PATIENT } });
      const { endpoint, socketOrigin } = targetOf(world, agent.instanceId);
      const given = await world.owner.ask('POST', new URL(endpoint).pathname);
      const connection: Connection = connectionSchema.parse(given);
      const client = await driver.open(NOBODY_SPEAKS);
      await client.connect(connection, socketOrigin);
      const stranger = await driver.open(NOBODY_SPEAKS);
      await expect(stranger.connect(connection, socketOrigin)).rejects.toThrow('Failed to connect');
      const madeUp = { ...connection, token: 'q0dC3bWzq8Zr3m6f1nJtqgYwH6m1cZ5k' };
      const guesser = await driver.open(NOBODY_SPEAKS);
      await expect(guesser.connect(madeUp, socketOrigin)).rejects.toThrow('Failed to connect');
      await client.type(ASK_FOR_STORY);
      await saying(client, 'Once there was');
      await client.disconnect();
      await client.over();
    },
  },
  {
    sentence: 'is hung up on by the owner',
    async run(driver, world) {
      const agent = await world.addAgent({ config: { greeting: GREETING } });
      const [client, callId] = await call(driver, world, agent);
      await world.owner.ask('POST', `/v1/calls/${callId}/hangup`);
      await client.over();
      await endOf(world, callId, 'api_hangup');
    },
  },
  {
    sentence: 'is told goodbye when the time of a call is up',
    async run(driver, world) {
      const agent = await world.addAgent({
        config: {
          greeting: GREETING,
          voice: { ...PATIENT, max_call_seconds: SHORTEST_CALL_SECONDS },
        },
      });
      const [client, callId] = await call(driver, world, agent);
      await client.over();
      const { turns } = await endOf(world, callId, 'max_duration');
      expect(turns.map(({ role }) => role)).toEqual(['agent', 'agent']);
      const told = textsOf(await client.events(), 'onBotTtsText').join(' ');
      expect(told).toBe(turns.map(({ heard }) => heard).join(' '));
      expect(turns[1]?.heard).toContain('time limit');
    },
  },
  {
    // The last one: after it the server is another process.
    sentence: 'is told goodbye by a server that shuts down, and can call the next one',
    async run(driver, world) {
      const agent = await world.addAgent({ config: { greeting: GREETING } });
      const [client, callId] = await call(driver, world, agent);
      await world.server.stop();
      await client.over();
      await world.restart();
      await endOf(world, callId, 'shutdown');
      const [again] = await call(driver, world, agent);
      await saying(again, 'Good morning');
      await again.disconnect();
    },
  },
];

const isFinalSchema = z.object({ final: z.literal(true) });
const connectionSchema = z.object({ wsUrl: z.string(), token: z.string() });

/** A client that is in a call of this agent, and the call's id. */
async function call(
  driver: RtviDriver,
  world: World,
  agent: Agent,
  says: Monologue = NOBODY_SPEAKS,
): Promise<readonly [Actions, string]> {
  const client = await driver.open(says);
  await client.start(targetOf(world, agent.instanceId));
  const [live] = await agent.calls();
  expect(live).toMatchObject({ caller_phone: 'web' });
  return [client, live?.call_id ?? ''];
}

const saying = (client: Actions, text: string): Promise<true> =>
  eventually(`the agent to say "${text}"`, async () =>
    textsOf(await client.events(), 'onBotTtsText')
      .join(' ')
      .includes(text)
      ? true
      : undefined,
  );

async function endOf(world: World, callId: string, reason: EndReason): Promise<Call> {
  const record = await endedRecord(world.owner, callId);
  expect(record).toMatchObject({
    end_reason: reason,
    caller_phone: 'web',
    provider: 'pipecat',
  });
  return record;
}
