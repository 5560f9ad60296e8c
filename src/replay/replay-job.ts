import type { Policy } from '#conversation/policy.ts';
import type { Turn } from '#protocol/calls.ts';
import type { ReplayBasis, ReplayReport, ReplaySetting } from '#protocol/replay.ts';
import { changeableFields, fits, policyValue } from './policy-fields.ts';
import type { PolicyChange } from './policy-fields.ts';
import { readJournal } from './read-journal.ts';
import { replayReport, whatIfRefusal } from './report.ts';

/** What a replay is made of. Plain data: it goes to a thread of its own. */
export type ReplayJob = {
  readonly callId: string;
  readonly entries: readonly unknown[];
  /** Of the call's record. */
  readonly turns: readonly Turn[];
  /** For a journal that does not name the settings of then. */
  readonly policyOfToday: Policy | undefined;
  /** None: as it was, and with what it can be replayed. */
  readonly changes: readonly PolicyChange[];
};

export type ReplayResult = {
  readonly report: ReplayReport;
  readonly refusal: ReplayBasis['refusal'];
  readonly settings: ReplayBasis['settings'];
};

/**
 * Replays a call. It computes for as long as the call is long, and lets nothing else run meanwhile.
 *
 * @throws VoiceError saying why the call cannot be replayed
 */
export function runReplayJob(job: ReplayJob): ReplayResult {
  const { callId, turns, changes } = job;
  const recording = readJournal(job.entries, job.policyOfToday);
  return {
    report: replayReport(recording, { callId, turns, changes }),
    refusal: whatIfRefusal(recording.policy) ?? null,
    settings: settingsOf(recording.policy),
  };
}

const settingsOf = (policy: Policy): ReplaySetting[] =>
  changeableFields.flatMap((field) => {
    if (field.kind === 'fixed') return [];
    const value = policyValue(policy, field.path);
    const was = fits(field, value) ? value : null;
    return [{ ...field, was: typeof was === 'object' && was !== null ? [...was] : was }];
  });
