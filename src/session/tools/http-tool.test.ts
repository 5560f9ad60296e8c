import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { startHttpTools } from '#sandbox/tools/http-tools.ts';
import type { HttpTools } from '#sandbox/tools/http-tools.ts';
import { logLines } from '#test/support/log-lines.ts';
import { eventually } from '#test/e2e/support/eventually.ts';
import { openTools } from '#test/support/tools.ts';
import { MAX_RESULT_CHARS } from './tool.ts';

const KEY = 'key-of-the-restaurant';
let server: HttpTools;
beforeAll(async () => {
  server = await startHttpTools({
    clock: systemClock,
    key: KEY,
    answer: ({ given, path }) => (path === '/plain' ? 'by the window' : { table: 7, given }),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  server.fault = undefined;
});

/** An agent with one tool at the server. */
const agentWith = (change: object = {}): object => ({
  tools: [
    {
      name: 'find_table',
      description: 'Finds a table.',
      url: `${server.origin}/tables`,
      headers: { 'X-Api-Key': KEY },
      parameters: {
        type: 'object',
        properties: { guests: { type: 'integer', minimum: 1 }, day: { enum: ['mon', 'tue'] } },
        required: ['guests'],
        additionalProperties: false,
      },
      ...change,
    },
  ],
});

describe('a tool over HTTP', () => {
  test('gets the arguments as JSON with its headers, and its answer is the result', async () => {
    await using tools = openTools(agentWith());
    expect(await tools.call('find_table', { guests: 2, day: 'mon' })).toBe(
      '{"table":7,"given":{"guests":2,"day":"mon"}}',
    );
    expect(server.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: '/tables',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
    });
  });

  test('gets them as a query with GET', async () => {
    await using tools = openTools(
      agentWith({ method: 'GET', url: `${server.origin}/plain?place=here` }),
    );
    expect(await tools.call('find_table', { guests: 2 })).toBe('by the window');
    expect(server.requests.at(-1)?.given).toEqual({ place: 'here', guests: '2' });
  });

  test('is told to the model as the owner describes it', async () => {
    await using tools = openTools(agentWith());
    const known = tools.runner.definitions.find(({ name }) => name === 'find_table');
    expect(known).toMatchObject({
      description: 'Finds a table.',
      parameters: { type: 'object', required: ['guests'] },
    });
  });

  test.each([
    [{}, "must have required property 'guests'"],
    [{ guests: 0 }, 'guests must be >= 1'],
    [{ guests: 2, day: 'sun' }, 'allowed values: ["mon","tue"]'],
    [{ guests: 2, shoe: 9 }, '(shoe)'],
    ['{"guests": 2', 'are not a JSON object'],
    ['[2]', 'are not a JSON object'],
    [`{"guests": ${'['.repeat(200)}`, 'are not a JSON object'],
    [`{"guests": 2, "x": "${'x'.repeat(40_000)}"}`, 'are too long'],
  ])('is not asked with arguments that do not fit: %j', async (given, problem) => {
    await using tools = openTools(agentWith());
    const before = server.requests.length;
    const said: { error: string } = JSON.parse(await tools.call('find_table', given));
    expect(said.error).toContain(problem);
    expect(server.requests).toHaveLength(before);
  });

  test('without arguments is asked with an empty object', async () => {
    await using tools = openTools(agentWith({ parameters: { type: 'object' } }));
    expect(await tools.call('find_table', '')).toBe('{"table":7,"given":{}}');
  });

  test.each([
    [{ kind: 'status', status: 500 }, 'The tool answered HTTP 500: something is wrong here'],
    [{ kind: 'status', status: 404 }, 'The tool answered HTTP 404: something is wrong here'],
    [{ kind: 'binary' }, 'The tool answered with image/png, which is no text.'],
    [{ kind: 'reset' }, 'The tool cannot be reached (ECONNRESET).'],
    [{ kind: 'cut' }, 'The tool cannot be reached'],
    [{ kind: 'redirect', to: 'http://127.0.0.1:1/' }, 'with a redirect (HTTP 307)'],
  ] as const)('that fails is told to the model: %j', async (fault, told) => {
    await using tools = openTools(agentWith());
    server.fault = fault;
    const said: { error: string } = JSON.parse(await tools.call('find_table', { guests: 2 }));
    expect(said.error).toContain(told);
  });

  test('that answers with nothing has done what it was to do', async () => {
    await using tools = openTools(agentWith());
    server.fault = { kind: 'status', status: 204 };
    expect(await tools.call('find_table', { guests: 2 })).toBe('Done (HTTP 204).');
  });

  test('that promises JSON and breaks off is shown as it came', async () => {
    await using tools = openTools(agentWith());
    server.fault = { kind: 'malformed' };
    expect(await tools.call('find_table', { guests: 2 })).toBe('{"table": "by the win');
  });

  test('that answers without end is read to a limit, and its connection closed', async () => {
    await using tools = openTools(agentWith());
    server.fault = { kind: 'huge', bytes: 1e9 };
    const said = await tools.call('find_table', { guests: 2 });
    expect(said.length).toBeLessThan(MAX_RESULT_CHARS + 100);
    expect(said).toMatch(/cut off here: the result is longer\]$/);
    await eventually('the server to be left alone', () => (server.open === 0 ? true : undefined));
  });

  test.each(['hang', 'stall'] as const)(
    'that never answers (%s) is given up after its time, and its connection closed',
    async (kind) => {
      const clock = virtualClock(1_000);
      await using tools = openTools(agentWith({ timeout_ms: 3_000 }), { clock });
      server.fault = { kind };
      const said = tools.call('find_table', { guests: 2 });
      await eventually('the request to arrive', () => (server.open === 1 ? true : undefined));
      await clock.advance(3_000);
      expect(await said).toBe('{"error":"There was no result within 3 seconds."}');
      await eventually('the server to be left alone', () => (server.open === 0 ? true : undefined));
      expect(clock.pending).toBe(0);
    },
  );

  test('that is slow is waited for within its time', async () => {
    await using tools = openTools(agentWith());
    server.fault = { kind: 'slow', delayMs: 50 };
    expect(await tools.call('find_table', { guests: 2 })).toContain('"table":7');
  });

  test('that is stopped is asked no longer, and nothing comes of it', async () => {
    await using tools = openTools(agentWith());
    server.fault = { kind: 'hang' };
    tools.runner.run({ replyId: 1, callId: 'a', name: 'find_table', arguments: '{"guests":2}' });
    await eventually('the request to arrive', () => (server.open === 1 ? true : undefined));
    tools.runner.stop(1, ['a']);
    await eventually('the server to be left alone', () => (server.open === 0 ? true : undefined));
    expect(tools.answers).toEqual([]);
    expect(tools.notes.at(-1)).toMatch(/^tool find_table: stopped after \d+ ms$/);
  });

  test('goes on after the end of the call where its owner wants that', async () => {
    await using tools = openTools(agentWith({ cancel_on_interruption: false }));
    expect(tools.runner.isLasting('find_table')).toBe(true);
    server.fault = { kind: 'slow', delayMs: 100 };
    tools.runner.run({ replyId: 1, callId: 'a', name: 'find_table', arguments: '{"guests":2}' });
    await eventually('the request to arrive', () => (server.open === 1 ? true : undefined));
    tools.runner.close();
    await eventually('its answer', () =>
      tools.notes.some((text) => /find_table: \d+ characters/.test(text)) ? true : undefined,
    );
    expect(tools.answers).toEqual([]);
  });

  test('has its key in no result, note or log, also if the server repeats it', async () => {
    const { log, text } = logLines();
    const wrong = 'another-key-of-somebody';
    await using tools = openTools(agentWith({ headers: { 'X-Api-Key': wrong } }), { log });
    const said = await tools.call('find_table', { guests: 2 });
    expect(said).toContain('HTTP 401');
    expect(said).toContain('the key [hidden] is not known');
    expect(tools.notes.join('\n') + text()).not.toContain(wrong);
  });
});

describe('private addresses', () => {
  test.each([
    ['http://127.0.0.1:9/', 'only https'],
    ['https://127.0.0.1:9/', '127.0.0.1 is a private address'],
    ['https://2130706433/', '127.0.0.1 is a private address'],
    ['https://0x7f.1/', '127.0.0.1 is a private address'],
    ['https://[::1]/', '::1 is a private address'],
    ['https://[::ffff:10.0.0.1]/', 'is a private address'],
    ['https://169.254.169.254/latest/meta-data/', '169.254.169.254 is a private address'],
    ['https://localhost:9/', 'localhost has only private addresses'],
  ])('are not called: %s', async (url, why) => {
    await using tools = openTools(agentWith({ url }), { allowPrivate: false });
    const said: { error: string } = JSON.parse(await tools.call('find_table', { guests: 2 }));
    expect(said.error).toContain('may not be called');
    expect(said.error).toContain(why);
  });

  test('are not called through a redirect either, nor is any other', async () => {
    await using tools = openTools(agentWith());
    const before = server.requests.length;
    server.fault = { kind: 'redirect', to: `${server.origin}/elsewhere` };
    await tools.call('find_table', { guests: 2 });
    expect(server.requests).toHaveLength(before + 1);
  });
});
