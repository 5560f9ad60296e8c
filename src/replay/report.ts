import type { Policy } from '#conversation/policy.ts';
import type { Turn } from '#protocol/calls.ts';
import type { ReplayReport, WhatIfReport, WhatIfRow } from '#protocol/replay.ts';
import { codeVersion, isSameConversation } from './code-version.ts';
import { inputLine } from './input-line.ts';
import { policyValue, withChanges } from './policy-fields.ts';
import type { PolicyChange } from './policy-fields.ts';
import { VoiceError } from '#lib/errors.ts';
import type { Recording } from './read-journal.ts';
import { differencesOf, replay, turnDifferencesOf } from './replay.ts';
import { whatIf } from './what-if.ts';
import type { Row } from './what-if.ts';

/**
 * Replays a call, as it was or with some settings changed.
 *
 * @param turns of the call's record: what a journal from before version 1 is compared by
 * @throws VoiceError where the settings decided nothing in such a call
 */
export function replayReport(
  recording: Recording,
  options: {
    readonly callId?: string | undefined;
    readonly turns?: readonly Turn[] | undefined;
    readonly changes?: readonly PolicyChange[];
  } = {},
): ReplayReport {
  const { head, steps } = recording;
  const { changes = [], turns } = options;
  const replayed = replay(recording);
  const now = codeVersion();
  const stepwise = differencesOf(replayed).map(({ turn, atMs, input, was, wouldBe }) => ({
    turn,
    at_ms: atMs,
    input: inputLine(input),
    was: [...was],
    would_be: [...wouldBe],
  }));
  const whole = head || !turns ? [] : turnDifferencesOf(replayed, turns);
  const fault =
    replayed.fault === undefined ? [] : [faultOf(recording, replayed.fault, replayed.steps.length)];
  const differences = [...stepwise, ...whole, ...fault];
  const warnings = [...recording.warnings];
  if (changes.length > 0) warnings.push(...whatIfWarnings(recording, changes, differences.length));
  const result = changes.length > 0 ? whatIfReport(recording, changes) : null;
  const wouldDiffer = result?.turns.some(({ verdict }) => verdict !== 'same') ?? false;
  return {
    ok: result ? !wouldDiffer : differences.length === 0,
    call_id: options.callId ?? null,
    journal_version: head?.version ?? null,
    code: {
      was: head?.code ?? null,
      now,
      same_conversation: head ? isSameConversation(head.code, now) : null,
    },
    steps: steps.length,
    warnings,
    differences,
    what_if: result,
  };
}

const faultOf = ({ steps }: Recording, fault: string, index: number) => {
  const input = steps[index]?.input;
  return {
    turn: -1,
    at_ms: input?.atMs ?? null,
    input: input ? inputLine(input) : null,
    was: [],
    would_be: [`a fault of the program: ${fault}`],
  };
};

function whatIfWarnings(
  { policy }: Recording,
  changes: readonly PolicyChange[],
  differences: number,
): readonly string[] {
  const warnings: string[] = [];
  if (differences > 0)
    warnings.push(
      'Without any change, too, today’s code does not do what was done then. What is compared here is today’s code with both settings.',
    );
  const silent = ['endpointing.silenceMs', 'endpointing.eagerSilenceMs'];
  for (const { path } of changes)
    if (policy.endpointing.vendorDecides && silent.includes(path))
      warnings.push(
        `The recogniser of this call decided the end of turns itself: ${path} had nothing to say while it did.`,
      );
  return warnings;
}

/** Why another setting would have decided nothing in a call with this policy; undefined: it would have. */
export const whatIfRefusal = ({ sound }: Policy): string | undefined =>
  sound === 'theirs'
    ? 'In this call the provider heard, spoke and took turns itself: another setting of ours would not have changed when.'
    : undefined;

function whatIfReport(recording: Recording, changes: readonly PolicyChange[]): WhatIfReport {
  const { policy } = recording;
  const refusal = whatIfRefusal(policy);
  if (refusal !== undefined) throw new VoiceError('invalid', refusal);
  const changed = withChanges(policy, changes);
  const { rows, end, wasEnd } = whatIf(replay(recording), changes);
  const answers = rows.flatMap((row) => {
    const was = row.is === 'turn' ? row.was?.waterfall_ms.played : undefined;
    const wouldBe = row.is === 'turn' ? row.wouldBe?.waterfall_ms.played : undefined;
    return was === undefined || wouldBe === undefined ? [] : [{ was, wouldBe }];
  });
  const total = answers.reduce((sum, { was, wouldBe }) => sum + wouldBe - was, 0);
  return {
    policy: changes.map(({ path }) => ({
      path,
      was: policyValue(policy, path),
      would_be: policyValue(changed, path),
    })),
    turns: rows.map(rowReport),
    voice_to_voice_ms: {
      answers: answers.length,
      was_p50: median(answers.map(({ was }) => was)),
      would_be_p50: median(answers.map(({ wouldBe }) => wouldBe)),
      change_mean: answers.length === 0 ? null : Math.round(total / answers.length),
    },
    end: { was: wasEnd?.reason ?? null, would_be: end?.reason ?? null },
  };
}

function rowReport(row: Row): WhatIfRow {
  if (row.is === 'unknown')
    return {
      verdict: 'unknown',
      at_ms: row.atMs,
      why: row.why,
      resumes_ms: row.resumesMs ?? null,
    };
  const { verdict, was, wouldBe, assumptions } = row;
  const played = [was?.waterfall_ms.played, wouldBe?.waterfall_ms.played] as const;
  return {
    verdict,
    role: (was ?? wouldBe)?.role ?? 'agent',
    was: was ?? null,
    would_be: wouldBe ?? null,
    latency_change_ms:
      played[0] === undefined || played[1] === undefined ? null : played[1] - played[0],
    assumptions: [...assumptions],
  };
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? null;
}
