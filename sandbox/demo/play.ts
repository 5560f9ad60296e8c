import type { Clock } from '#lib/clock.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import { askUntil, whileFollowing } from './follow-call.ts';
import { judgeDemo } from './result.ts';
import type { DemoResult } from './result.ts';
import { demoScript } from './scenario.ts';
import { AGENT_NUMBER, CALLER_NUMBER } from './stage.ts';
import type { Stage } from './stage.ts';

const RECORD_LIMIT_MS = 10_000;

/** Phones the agent and follows the call to the end of its record. */
export async function playDemo(
  stage: Stage,
  clock: Clock,
  onEvent: (event: LiveEvent) => void,
): Promise<DemoResult> {
  const { sandbox } = stage;
  return whileFollowing(stage, 'call-ended', onEvent, async (ended) => {
    const warningsBefore = sandbox.carrier.warnings.length;
    const caller = await scriptedCaller({
      bank: sandbox.bank,
      openEar: sandbox.openEar,
      script: demoScript,
      voice: 'rms',
    });
    const call = sandbox.carrier.dial({ from: CALLER_NUMBER, to: AGENT_NUMBER, caller });
    const noAnswer = call.done.then(async () => {
      await clock.sleep(RECORD_LIMIT_MS);
      throw new Error(
        `The call ended (${call.status}) and the server said nothing of it. ${sandbox.carrier.warnings
          .map(({ code, message }) => `${code} ${message}`)
          .join('; ')}`,
      );
    });
    noAnswer.catch(() => undefined);
    const callId = await Promise.race([ended, noAnswer]);
    const record = await caller.done;
    await call.done;
    const warnings = sandbox.carrier.warnings
      .slice(warningsBefore)
      .map(({ code, message }) => `${code} ${message}`);
    const slackWords = stage.hasWordTimes ? 0 : 1;
    // It is written while the last event is on its way.
    const finished = await askUntil(
      clock,
      RECORD_LIMIT_MS,
      () => stage.call(callId),
      ({ ended_at }) => ended_at !== null,
    );
    return judgeDemo(finished, record, warnings, slackWords);
  });
}
