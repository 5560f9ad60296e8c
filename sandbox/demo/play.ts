import type { Clock } from '#lib/clock.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import { followEvents } from './live-events.ts';
import { judgeDemo } from './result.ts';
import type { DemoResult } from './result.ts';
import { demoScript } from './scenario.ts';
import { AGENT_NUMBER, CALLER_NUMBER } from './stage.ts';
import type { Stage } from './stage.ts';

const RECORD_LIMIT_MS = 10_000;
const RECORD_POLL_MS = 50;

/** Phones the agent and follows the call to the end of its record. */
export async function playDemo(
  stage: Stage,
  clock: Clock,
  onEvent: (event: LiveEvent) => void,
): Promise<DemoResult> {
  const { sandbox, server, instanceId, apiKey } = stage;
  const ended = Promise.withResolvers<string>();
  const events = await followEvents({
    origin: server.origin,
    instanceId,
    apiKey,
    on(event) {
      onEvent(event);
      if (event.type === 'call-ended') ended.resolve(event.call_id);
    },
  });
  try {
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
    const callId = await Promise.race([ended.promise, noAnswer]);
    const record = await caller.done;
    await call.done;
    const warnings = sandbox.carrier.warnings
      .slice(warningsBefore)
      .map(({ code, message }) => `${code} ${message}`);
    const slackWords = stage.hasWordTimes ? 0 : 1;
    return judgeDemo(await finishedCall(stage, clock, callId), record, warnings, slackWords);
  } finally {
    events.close();
    await events.closed;
  }
}

/** The call's record once it is complete: it is written while the last event is on its way. */
async function finishedCall(stage: Stage, clock: Clock, callId: string) {
  const untilMs = clock.now() + RECORD_LIMIT_MS;
  for (;;) {
    const call = await stage.call(callId);
    if (call.ended_at !== null || clock.now() > untilMs) return call;
    await clock.sleep(RECORD_POLL_MS);
  }
}
