import { afterAll, describe, expect, test } from 'vitest';
import { eventReader } from '#test/support/event-reader.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { ASK_FOR_STORY } from './support/brain.ts';
import { eventually } from './support/eventually.ts';
import { openWorld } from './support/world.ts';

const GREETING = 'Good morning, how can I help you?';
const LIMIT_MS = 180_000;

function liveEventSuite(name: string, databaseUrl: () => Promise<string>): void {
  describe(`live events of a server on ${name}`, () => {
    test(
      'a reader that was there before a kill believes after it what the store holds',
      async () => {
        await using world = await openWorld({ env: { DATABASE_URL: await databaseUrl() } });
        const agent = await world.addAgent({ config: { greeting: GREETING } });
        const reader = eventReader({
          instanceId: agent.instanceId,
          apiKey: world.apiKey,
          lastEventId: '0',
        });
        expect(await reader.connect(world.server.origin)).toBe(200);

        const over = await agent.dial([{ waitForAgent: 'to-finish' }, { hangUp: true }]);
        await over.record();
        const cut = await agent.dial([
          { waitForAgent: 'to-finish' },
          { say: ASK_FOR_STORY },
          { expectHangUp: true },
        ]);
        await cut.saying('Once');
        process.kill(world.server.pid, 'SIGKILL');
        await reader.ended();
        await cut.experience;

        await world.restart();
        expect(await reader.connect(world.server.origin)).toBe(200);
        const next = await agent.dial([{ waitForAgent: 'to-finish' }, { hangUp: true }]);
        await next.record();

        const ids = [await over.id(), await cut.id(), await next.id()];
        // On a database of many nodes a dead one is given up after 20 s.
        const calls = await eventually('the lost call to be closed', async () => {
          const all = await Promise.all(ids.map((id) => world.owner.call(id)));
          return all.every(({ ended_at: endedAt }) => endedAt !== null) ? all : undefined;
        });
        const stored = calls.map(({ call_id, turns, end_reason: endReason }) => [
          call_id,
          { turns, endReason },
        ]);
        const expected = JSON.stringify(Object.fromEntries(stored));
        await eventually(
          'the reader to have caught up',
          () => JSON.stringify(Object.fromEntries(reader.calls)) === expected || undefined,
          () => `${JSON.stringify(Object.fromEntries(reader.calls))}\n${expected}`,
        );
        expect(reader.complaints).toEqual([]);
        expect(calls.map(({ end_reason: reason }) => reason)).toEqual([
          'caller_hangup',
          'node_lost',
          'caller_hangup',
        ]);
        expect(calls[1]?.turns).toMatchObject([{ text: GREETING }, { text: ASK_FOR_STORY }]);
        expect(reader.events.map(({ type }) => type)).toContain('reset');
        await reader.disconnect();
      },
      LIMIT_MS,
    );
  });
}

liveEventSuite('PGlite', async () => '');

const postgres = await startPostgres();
if (postgres.isStarted) {
  afterAll(() => postgres.stop());
  liveEventSuite('Postgres', async () => {
    const name = postgres.newName();
    await postgres.run(`create database ${name}`);
    return postgres.url(name);
  });
} else {
  describe(`live events of a server on Postgres: skipped, because ${postgres.reason}`, () => {
    test.skip('every test of them', () => undefined);
  });
}
