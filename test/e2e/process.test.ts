import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PUBLIC_URL } from '#sandbox/demo/stage.ts';
import { ASK_FOR_STORY, STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { runServer } from './support/run-server.ts';
import { heardBy, plain, writtenAsHeard } from './support/words.ts';
import { openWorld } from './support/world.ts';
import type { World } from './support/world.ts';

const GREETING = 'Good morning, how can I help you?';
const FAREWELL = 'I have to end this call now. Goodbye.';
const LIMIT_MS = 120_000;

let world: World;
beforeAll(async () => {
  world = await openWorld({ env: { DRAIN_SECONDS: '12' } });
});
afterAll(() => world[Symbol.asyncDispose]());

const addAgent = () =>
  world.addAgent({ config: { greeting: GREETING, voice: { idle: { prompt_after_ms: 60_000 } } } });

test(
  'a server killed in mid-call loses nothing that was said before, and closes the call when it is back',
  async () => {
    const agent = await addAgent();
    const phone = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { expectHangUp: true },
    ]);
    await phone.saying('Once');
    process.kill(world.server.pid, 'SIGKILL');

    // The carrier asks what to do, gets no answer, and says so: the line does not hang.
    const { endedBy } = await phone.experience;
    expect(endedBy).toBe('other-side');
    await world.restart();
    const call = await phone.record();
    expect(call).toMatchObject({ end_reason: 'node_lost', state: 'ended' });
    expect(call.turns).toMatchObject([
      { role: 'agent', text: GREETING, heard: GREETING, interrupted: false },
      { role: 'caller', text: ASK_FOR_STORY },
    ]);
    expect(await agent.status()).toMatchObject({ status: 'active', active_calls: 0 });
  },
  LIMIT_MS,
);

test(
  'a server asked to stop takes no new calls, lets the others end, and says goodbye to the last',
  async () => {
    const agent = await addAgent();
    const short = await agent.dial([
      { waitForAgent: 'to-finish' },
      { say: ASK_FOR_STORY },
      { waitForAgent: 'to-finish' },
      { hangUp: true },
    ]);
    const long = await agent.dial([{ expectHangUp: true }]);
    await short.saying('Once');
    const isReady = () => world.owner.request('GET', '/readyz');
    expect((await isReady()).status).toBe(200);
    const exited = world.server.stop();
    await eventually('the server to drain', async () =>
      (await isReady()).status === 503 ? true : undefined,
    );
    const late = await agent.dial([{ expectHangUp: true }]);
    expect(heardBy(await late.experience)).toBe(
      plain('Sorry, we cannot take your call right now. Please call again in a few minutes.'),
    );
    const live = await agent.calls();
    expect(live.map((call) => call.caller_phone)).not.toContain(late.from);

    expect(await exited).toBe(0);
    await world.restart();
    const told = await short.record();
    expect(told.end_reason).toBe('caller_hangup');
    expect(told.turns.at(-1)).toMatchObject({ text: STORY, heard: STORY });
    const ended = await long.record();
    expect(ended.end_reason).toBe('shutdown');
    expect(ended.turns).toMatchObject([{ heard: GREETING }, { heard: FAREWELL }]);
    const experience = await long.experience;
    expect(experience.endedBy).toBe('other-side');
    expect(heardBy(experience)).toBe(writtenAsHeard(ended));
  },
  LIMIT_MS,
);

test(
  'what keeps a server from starting is said in one sentence',
  async () => {
    const env = {
      PORT: '0',
      HOST: '127.0.0.1',
      PUBLIC_URL,
      DATABASE_URL: '',
      JWT_SECRET: world.secrets.jwtSecret,
      MASTER_KEY: world.secrets.masterKey,
      LOG_LEVEL: 'warn',
    };
    const second = await runServer({ ...env, DATA_DIR: world.dataDir });
    expect(second).toEqual({
      code: 1,
      said: `The data folder ${world.dataDir} is in use by process ${world.server.pid}; stop it first, or use another folder.\n`,
    });

    const file = join(world.dataDir, 'file');
    writeFileSync(file, '');
    const unwritable = await runServer({ ...env, DATA_DIR: join(file, 'folder') });
    expect(unwritable).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^Cannot use the data folder .+\n$/),
    });

    expect(await world.server.stop()).toBe(0);
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const address = blocker.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    try {
      const blocked = await runServer({ ...env, DATA_DIR: world.dataDir, PORT: String(port) });
      expect(blocked).toEqual({
        code: 1,
        said: `Port ${port} is in use on 127.0.0.1: stop what uses it, or set PORT.\n`,
      });
    } finally {
      blocker.close();
    }
  },
  LIMIT_MS,
);
