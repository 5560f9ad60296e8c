import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { ASK_FOR_STORY, STORY, testBrain } from '#test/e2e/support/brain.ts';
import { endedRecord } from '#test/e2e/support/ended-record.ts';
import { heardBy, plain, writtenAsHeard } from '#test/e2e/support/words.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import type { World } from '#test/e2e/support/world.ts';
import { dialFromBrowser } from './support/dial.ts';

let sandbox: Sandbox;
let world: World;
beforeAll(async () => {
  sandbox = await startSandbox({ clock: systemClock, brain: testBrain });
  world = await openWorld({ sandbox });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await sandbox.close();
});

const LIMIT_MS = 120_000;
const GREETING = 'Good morning, you have reached the bakery. How can I help you today?';

const dial = (instanceId: string, script: readonly Step[]) =>
  dialFromBrowser(world, instanceId, script);

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
      await call.drive.over;
      const experience = await person.done;
      expect(experience.problem).toBeUndefined();
      const record = await endedRecord(world.owner, live?.call_id ?? '');
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

      expect(call.longestLeadMs()).toBeLessThan(1_000);
    },
    LIMIT_MS,
  );
});
