import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { DIALLED_GREETING } from '#sandbox/carrier/call.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { startHttpTools } from '#sandbox/tools/http-tools.ts';
import type { HttpTools } from '#sandbox/tools/http-tools.ts';
import { startMcpTools } from '#sandbox/tools/mcp-tools.ts';
import type { McpTools } from '#sandbox/tools/mcp-tools.ts';
import type { Brain } from '#sandbox/vendors/brain.ts';
import { agentTurns, heardBy, plain } from './support/words.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const LIMIT_MS = 120_000;
const GREETING = 'Good morning, how can I help you?';
const KEY = 'key-of-the-restaurant-e2e';
const TOKEN = 'token-of-the-book-e2e';
const SALES = '+12025550177';
const GOODBYE_WORDS = 'I will put you through to a person.';

/** Looks things up with its tools, and says what they say. */
const brain: Brain = ({ items, tools }) => {
  const last = items.at(-1);
  if (last?.type === 'function_call_output') return { text: `It says: ${last.output}` };
  const said = last?.type === 'message' ? last.text : '';
  if (/person/i.test(said))
    return {
      text: GOODBYE_WORDS,
      toolCalls: [{ name: 'transfer_call', arguments: { to: 'sales' } }],
    };
  if (/window/i.test(said))
    return { toolCalls: [{ name: 'find_table', arguments: { place: 'window' } }] };
  if (/garden/i.test(said) && tools.includes('book_find_table'))
    return { toolCalls: [{ name: 'book_find_table', arguments: { guests: 2 } }] };
  return { text: 'I do not know.' };
};

let sandbox: Sandbox;
let world: World;
let http: HttpTools;
let mcp: McpTools;
beforeAll(async () => {
  http = await startHttpTools({
    clock: systemClock,
    key: KEY,
    answer: () => 'number seven is free.',
  });
  mcp = await startMcpTools({ clock: systemClock, token: TOKEN });
  sandbox = await startSandbox({ clock: systemClock, brain });
  world = await openWorld({ sandbox, env: { TOOL_ALLOW_PRIVATE: 'true' } });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await Promise.all([sandbox.close(), http.close(), mcp.close()]);
});

const config = (): object => ({
  greeting: GREETING,
  tools: [
    {
      name: 'find_table',
      url: `${http.origin}/tables`,
      headers: { 'X-Api-Key': KEY },
      parameters: { type: 'object', properties: { place: { type: 'string' } } },
    },
  ],
  mcp_servers: [{ name: 'book', url: mcp.url, bearer_token: TOKEN }],
  transfer_numbers: [{ name: 'sales', number: SALES }],
});

test(
  'an agent asks its tools, and hands the caller over to a person',
  async () => {
    const agent = await world.addAgent({ config: config() });
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: 'I would like a table by the window.' },
      { waitForAgent: 'to-finish' },
      { say: 'And what about the garden?' },
      { waitForAgent: 'to-finish' },
      { say: 'I would rather speak to a person.' },
      { expectHangUp: true },
    ]);
    const call = await phone.record();
    expect([call.end_reason, call.end_detail]).toEqual(['transferred', 'to sales']);
    expect(agentTurns(call).map(({ heard }) => heard)).toEqual([
      GREETING,
      'It says: number seven is free.',
      'It says: A table for 2 by the window.',
      GOODBYE_WORDS,
    ]);
    expect(http.requests).toMatchObject([{ path: '/tables', given: { place: 'window' } }]);
    expect(mcp.called).toEqual(['find.table']);
    expect(phone.call.dialled).toEqual([SALES]);
    // The caller heard the agent's last words to their end, and then somebody else.
    const heard = heardBy(await phone.experience);
    expect(heard.endsWith(`${plain(GOODBYE_WORDS)} ${plain(DIALLED_GREETING)}`)).toBe(true);
    expect(phone.events.filter(({ type }) => type === 'state')).toContainEqual(
      expect.objectContaining({ state: 'transferring' }),
    );
    expect(phone.events.filter(({ type }) => type === 'tool-result')).toHaveLength(3);
    for (const secret of [KEY, TOKEN]) expect(world.log.join('\n')).not.toContain(secret);
  },
  LIMIT_MS,
);

test(
  'an MCP server that is dead costs the call nothing but its tools',
  async () => {
    mcp.fault = { kind: 'hang' };
    const agent = await world.addAgent({ config: config() });
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: 'And what about the garden?' },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    const call = await phone.record();
    expect(agentTurns(call).map(({ heard }) => heard)).toEqual([GREETING, 'I do not know.']);
    expect(call.end_reason).toBe('caller_hangup');
  },
  LIMIT_MS,
);
