import type { Call, Turn } from '#protocol/calls.ts';
import type { CallRecord } from '#sandbox/caller/record.ts';
import { callReport } from '#sandbox/caller/report.ts';

export type DemoResult = {
  readonly ok: boolean;
  readonly call_id: string;
  readonly duration_seconds: number;
  readonly turns: readonly Pick<Turn, 'role' | 'text' | 'heard' | 'interrupted' | 'waterfall_ms'>[];
  /** At the caller's ear: end of the last word to the first sound of the answer. */
  readonly voice_to_voice_ms: { readonly p50: number | null; readonly p95: number | null };
  /** At the caller's ear: start of the interrupting word to the agent's last sound. */
  readonly barge_in_ms: number | null;
  readonly cut_in_on_hesitation: boolean;
  /** Whether the server's transcript is what the sandbox's ears heard on the line. */
  readonly transcript_matches_audio: boolean;
  /** Every reason why `ok` is false. */
  readonly problems: readonly string[];
};

/**
 * Judges a demo call: what the server wrote down against what was heard on the line. Pure.
 *
 * @param slackWords by how many words the end of an interrupted turn may be off: none where the vendor
 *   of speech tells the times of words, one where it does not
 */
export function judgeDemo(
  call: Call,
  record: CallRecord,
  carrierWarnings: readonly string[],
  slackWords: 0 | 1 = 0,
): DemoResult {
  const report = callReport(record);
  const problems: string[] = [];
  const expect = (holds: boolean, otherwise: string): boolean => {
    if (!holds) problems.push(otherwise);
    return holds;
  };

  const agentHeard = wordsOf(record.agentWords.map(({ text }) => text));
  const agentWritten = wordsOf(call.turns.filter(isAgent).map(({ heard }) => heard));
  const callerSaid = wordsOf(record.steps.flatMap(({ said }) => said.map(({ text }) => text)));
  const callerWritten = wordsOf(call.turns.filter(isCaller).map(({ text }) => text));
  const agentMatches = expect(
    agentWordings(call.turns, slackWords).some((wording) => sameWords(agentHeard, wording)),
    difference('the agent', agentHeard, agentWritten),
  );
  const callerMatches = expect(
    sameWords(callerSaid, callerWritten),
    difference('the caller', callerSaid, callerWritten),
  );

  const callerTurns = call.turns.filter(isCaller).length;
  const interruptions = call.turns.filter((turn) => isAgent(turn) && turn.interrupted).length;
  expect(record.problem === undefined, `the caller gave up: ${record.problem ?? ''}`);
  expect(callerTurns >= 5, `the caller has ${callerTurns} turns, not five`);
  expect(interruptions === 1, `${interruptions} turns were interrupted, not one`);
  expect(!report.cutInOnHesitation, 'the agent cut in on the hesitation');
  expect(record.endedBy === 'other-side', 'the agent did not hang up');
  expect(call.end_reason === 'agent_hangup', `the call ended with ${call.end_reason ?? 'nothing'}`);
  for (const warning of carrierWarnings) problems.push(`the carrier warns: ${warning}`);

  return {
    ok: problems.length === 0,
    call_id: call.call_id,
    duration_seconds: call.duration_seconds,
    turns: call.turns.map(({ role, text, heard, interrupted, waterfall_ms }) => ({
      role,
      text,
      heard,
      interrupted,
      waterfall_ms,
    })),
    voice_to_voice_ms: {
      p50: percentile(report.voiceToVoiceMs, 0.5),
      p95: percentile(report.voiceToVoiceMs, 0.95),
    },
    barge_in_ms: rounded(report.bargeIns[0]?.bargeInMs),
    cut_in_on_hesitation: report.cutInOnHesitation,
    transcript_matches_audio: agentMatches && callerMatches,
    problems,
  };
}

/** What the agent may have been heard to say, by the transcript: more or less by the slack where it was cut short. */
function agentWordings(turns: readonly Turn[], slackWords: number): readonly (readonly string[])[] {
  const wording = (offBy: number): readonly string[] =>
    turns.filter(isAgent).flatMap(({ text, heard, interrupted }) => {
      const words = wordsOf([heard]);
      return interrupted ? wordsOf([text]).slice(0, Math.max(0, words.length + offBy)) : words;
    });
  return slackWords === 0
    ? [wordsOf(turns.filter(isAgent).map(({ heard }) => heard))]
    : [-1, 0, 1].map(wording);
}

const isAgent = (turn: Turn): boolean => turn.role === 'agent';
const isCaller = (turn: Turn): boolean => turn.role === 'caller';

/** Words as they compare: a recogniser's capitals and punctuation are its own. */
const wordsOf = (texts: readonly string[]): readonly string[] =>
  texts
    .join(' ')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}' ]/gu, ' ')
    .split(/\s+/)
    .filter((word) => word !== '');

const sameWords = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((word, index) => word === right[index]);

/** The first place where two word lists part, with a little around it. */
function difference(who: string, heard: readonly string[], written: readonly string[]): string {
  const at = heard.findIndex((word, index) => word !== written[index]);
  const from = Math.max(0, (at < 0 ? heard.length : at) - 3);
  const around = (words: readonly string[]): string => words.slice(from, from + 8).join(' ');
  return `${who} was heard to say "… ${around(heard)} …" and is written down as "… ${around(written)} …"`;
}

/** Nearest rank. */
function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return rounded(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]);
}

const rounded = (value: number | undefined): number | null =>
  value === undefined ? null : Math.round(value);
