import { describe, expect, test, onTestFinished } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { startMcpTools } from '#sandbox/tools/mcp-tools.ts';
import type { McpTools } from '#sandbox/tools/mcp-tools.ts';
import { eventually } from '#test/e2e/support/eventually.ts';
import { logLines } from '#test/support/log-lines.ts';
import { openTools } from '#test/support/tools.ts';
import type { OpenedTools } from '#test/support/tools.ts';

const TOKEN = 'token-of-the-restaurant';

async function startServer(protocol: 'stateless' | 'sessions' = 'stateless'): Promise<McpTools> {
  const server = await startMcpTools({ clock: systemClock, token: TOKEN, protocol });
  onTestFinished(() => server.close());
  return server;
}

const agentWith = (server: { readonly url: string }, change: object = {}): object => ({
  mcp_servers: [{ name: 'book', url: server.url, bearer_token: TOKEN, ...change }],
});

const namesOf = ({ runner }: OpenedTools): readonly string[] =>
  runner.definitions.map(({ name }) => name).filter((name) => name.startsWith('book'));

/** A server that lists its tools does so in one go. */
const listed = (tools: OpenedTools): Promise<true> =>
  eventually('the tools of the server', () => (namesOf(tools).length > 0 ? true : undefined));

/** It is certain what the server has for this call. */
const settled = (tools: OpenedTools): Promise<string> =>
  eventually('the server to be judged', () =>
    tools.notes.find((text) => /^MCP server book: (?:no|\d+) tools/.test(text)),
  );

describe.each(['stateless', 'sessions'] as const)('an MCP server (%s)', (protocol) => {
  test('brings its tools, under names that every model takes', async () => {
    const server = await startServer(protocol);
    await using tools = openTools(agentWith(server));
    expect(namesOf(tools)).toEqual([]);
    await listed(tools);
    expect(namesOf(tools)).toEqual(['book_find_table', 'book_broken', 'book_draw', 'book_ponder']);
    expect(tools.notes[0]).toContain('tools left out');
    const [definition] = tools.runner.definitions.filter(({ name }) => name === 'book_find_table');
    expect(definition).toMatchObject({
      description: 'Finds a free table.',
      parameters: { type: 'object', required: ['guests'] },
    });
    expect(await tools.call('book_find_table', { guests: 2 })).toBe('A table for 2 by the window.');
    expect(server.called).toEqual(['find.table']);
  });

  test('is not asked with arguments that do not fit', async () => {
    const server = await startServer(protocol);
    await using tools = openTools(agentWith(server));
    await listed(tools);
    expect(await tools.call('book_find_table', { guests: 'two' })).toContain('must be integer');
    expect(server.called).toEqual([]);
  });

  test('may say that a tool failed, or show what cannot be told', async () => {
    const server = await startServer(protocol);
    await using tools = openTools(agentWith(server));
    await listed(tools);
    expect(await tools.call('book_broken')).toBe('{"error":"The tool says: the book is closed"}');
    expect(await tools.call('book_draw')).toBe('[image, which cannot be told on the telephone]');
  });

  test('is left in peace at the end of the call', async () => {
    const server = await startServer(protocol);
    await using tools = openTools(agentWith(server));
    await listed(tools);
    if (protocol === 'sessions') expect(server.sessions).toBe(1);
    tools.runner.close();
    await eventually('its session to end', () => (server.sessions === 0 ? true : undefined));
  });
});

describe('an MCP server', () => {
  test('whose tool never ends has its time, and can be called again', async () => {
    const server = await startServer();
    const clock = virtualClock(1_000);
    await using tools = openTools(agentWith(server, { timeout_ms: 3_000 }), { clock });
    await listed(tools);
    const said = tools.call('book_ponder');
    await eventually('the call to arrive', () => (server.called.length > 0 ? true : undefined));
    await clock.advance(3_000);
    expect(await said).toBe('{"error":"There was no result within 3 seconds."}');
    expect(await tools.call('book_find_table', { guests: 3 })).toContain('A table for 3');
  });

  test.each([
    { kind: 'status', status: 500 },
    { kind: 'malformed' },
    { kind: 'binary' },
    { kind: 'huge', bytes: 1e8 },
    { kind: 'cut' },
    { kind: 'reset' },
    { kind: 'redirect', to: 'http://127.0.0.1:1/' },
  ] as const)('that fails from the start costs the call its tools alone: %j', async (fault) => {
    const server = await startServer();
    server.fault = fault;
    await using tools = openTools(agentWith(server));
    expect(await settled(tools)).toMatch(/^MCP server book: no tools, ./);
    expect(namesOf(tools)).toEqual([]);
    expect(await tools.call('send_digits', { digits: '1' })).toBe('Sent.');
  });

  test.each(['hang', 'stall'] as const)('that %ss is given up in time', async (kind) => {
    const server = await startServer();
    server.fault = { kind };
    const clock = virtualClock(1_000);
    await using tools = openTools(agentWith(server), { clock });
    await eventually('the request to arrive', () =>
      server.requests.length > 0 ? true : undefined,
    );
    await clock.advance(6_000);
    expect(await settled(tools)).toBe('MCP server book: no tools, no answer within 6000 ms');
  });

  test.each([
    { kind: 'status', status: 500 },
    { kind: 'malformed' },
    { kind: 'huge', bytes: 1e8 },
    { kind: 'cut' },
    { kind: 'reset' },
  ] as const)('that fails in the middle of a call is told to the model: %j', async (fault) => {
    const server = await startServer();
    await using tools = openTools(agentWith(server));
    await listed(tools);
    server.fault = fault;
    expect(await tools.call('book_find_table', { guests: 2 })).toMatch(
      /^\{"error":"The tool failed/,
    );
    server.fault = undefined;
    expect(await tools.call('book_find_table', { guests: 2 })).toContain('A table for 2');
  });

  test('that refuses the token has no tools, and the token stands nowhere', async () => {
    const server = await startServer();
    const { log, text } = logLines();
    const wrong = 'another-token-of-somebody';
    await using tools = openTools(agentWith(server, { bearer_token: wrong }), { log });
    expect(await settled(tools)).toContain('no tools');
    expect(tools.notes.join('\n') + text()).not.toContain(wrong);
  });

  test('at a private address is not called', async () => {
    await using tools = openTools(agentWith({ url: 'https://[fd00::1]/mcp' }), {
      allowPrivate: false,
    });
    expect(await settled(tools)).toContain('fd00::1 is a private address');
  });

  test('that nobody waits for any more is not connected to', async () => {
    const server = await startServer();
    server.fault = { kind: 'hang' };
    await using tools = openTools(agentWith(server));
    await eventually('the request to arrive', () =>
      server.requests.length > 0 ? true : undefined,
    );
    tools.runner.close();
    expect(await settled(tools)).toBe('MCP server book: no tools, the call has ended');
  });
});
