import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#lib/clock.ts';
import { isRecord } from '#lib/record.ts';
import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { askUntil, whileFollowing } from './follow-call.ts';
import { judgeDemo } from './result.ts';
import type { DemoResult } from './result.ts';
import { demoScript } from './scenario.ts';
import { AGENT_NUMBER, CALLER_NUMBER } from './stage.ts';
import type { Stage } from './stage.ts';

export type RetellDemoResult = DemoResult & {
  readonly provider: 'retell';
  /** Retell's id of the call. */
  readonly retell_call_id: string;
  /** In US cents, as Retell bills it; null if it never said. */
  readonly cost_cents: number | null;
  /** Whether the call's record holds all that Retell has of it: cost, recording, latency, analysis. */
  readonly record_complete: boolean;
  /** Whether Retell's account is as it was before the channel was set up. */
  readonly restored: boolean;
};

/** Webhooks come after the end of a call, and undoing a setup after its answer. */
const LIMIT_MS = 20_000;

/**
 * Phones an agent whose voice Retell carries, follows the call until its record is complete, and takes
 * the channel down again.
 */
export async function playRetellDemo(
  stage: Stage,
  clock: Clock,
  onEvent: (event: LiveEvent) => void,
): Promise<RetellDemoResult> {
  const { sandbox, instanceId, retell } = stage;
  if (!retell) throw new Error('The channel is not set up with Retell.');
  return whileFollowing(stage, 'call-started', onEvent, async (started) => {
    const phone = sandbox.retell.call({
      from: CALLER_NUMBER,
      to: AGENT_NUMBER,
      script: demoScript,
    });
    const outcome = await phone.done;
    if (!outcome.record)
      throw new Error(`Retell did not connect the call (${outcome.reason}): ${strangeness(stage)}`);
    const unknown = clock.sleep(LIMIT_MS).then((): never => {
      throw new Error(`The server said nothing of the call: ${strangeness(stage)}`);
    });
    unknown.catch(() => undefined);
    const callId = await Promise.race([started, unknown]);
    const call = await askUntil(clock, LIMIT_MS, () => stage.call(callId), isComplete);
    await stage.owner.ask('DELETE', `/v1/instances/${instanceId}/channels/voice`);
    const isRestored = (): boolean => isDeepStrictEqual(retell.account.snapshot(), retell.before);
    const restored = await askUntil(clock, LIMIT_MS, async () => isRestored(), Boolean);

    const result = judgeDemo(call, outcome.record, []);
    const record_complete = isComplete(call);
    const problems = [
      ...result.problems,
      ...undelivered(stage).map((what) => `Retell was not heard: ${what}`),
      ...(record_complete ? [] : ['the record of the call lacks what Retell has of it']),
      ...(restored ? [] : ["Retell's account is not as it was found"]),
    ];
    return {
      ...result,
      ok: problems.length === 0,
      provider: 'retell',
      retell_call_id: outcome.callId,
      cost_cents: costOf(call),
      record_complete,
      restored,
      problems,
    };
  });
}

const RECORD = ['call_cost', 'recording_url', 'latency', 'disconnection_reason', 'call_analysis'];

const isComplete = ({ ended_at, provider_record: record }: Call): boolean =>
  ended_at !== null && RECORD.every((name) => record?.[name] !== undefined);

function costOf({ provider_record: record }: Call): number | null {
  const cost = record?.['call_cost'];
  const cents = isRecord(cost) ? cost['combined_cost'] : undefined;
  return typeof cents === 'number' ? cents : null;
}

/** Webhooks that the server has not taken. */
const undelivered = ({ sandbox }: Stage): readonly string[] =>
  sandbox.retell.webhooks.flatMap(({ event, status, problem }) =>
    status !== undefined && status < 300
      ? []
      : [`${event} was answered ${status ?? problem ?? ''}`],
  );

/** What may explain a call that did not come about. */
function strangeness(stage: Stage): string {
  const frames = stage.sandbox.retell.calls.flatMap((call) => call.frames);
  const odd = frames.flatMap(({ direction, frame, dropped }) =>
    direction === 'connection' ? [String(frame)] : (dropped ?? []),
  );
  return [...undelivered(stage), ...odd].join('; ') || 'nothing is known of why';
}
