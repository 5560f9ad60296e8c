import type { ReplayReport, WhatIfReport } from '#protocol/replay.ts';

/** A report for people, in lines of text. */
export function printedReport(report: ReplayReport): string {
  const lines = [
    headline(report),
    ...report.warnings.map((warning) => `! ${warning}`),
    ...differenceLines(report),
    ...(report.what_if ? whatIfLines(report.what_if) : []),
  ];
  return lines.join('\n');
}

function headline({ call_id: callId, code, steps, differences, what_if: whatIf }: ReplayReport) {
  const call = callId === null ? 'The call' : `Call ${callId}`;
  const since =
    code.was === null
      ? `the code of then is not known, today's is ${code.now}`
      : code.same_conversation
        ? `the conversation's code is that of then, ${code.now}`
        : `then ${code.was}, today ${code.now}`;
  if (whatIf) {
    const settings = whatIf.policy.map(
      ({ path, was, would_be: wouldBe }) =>
        `${path} ${JSON.stringify(wouldBe)} instead of ${JSON.stringify(was)}`,
    );
    return `${call} with ${settings.join(', ')}`;
  }
  return differences.length === 0
    ? `${call}: identical at each of ${steps} steps (${since}).`
    : `${call}: different at ${differences.length} of ${steps} steps (${since}).`;
}

function differenceLines({ differences, what_if: whatIf }: ReplayReport): readonly string[] {
  if (whatIf) return [];
  let turn: number | undefined;
  return differences.flatMap((difference) => {
    const heading = difference.turn === turn ? [] : ['', `turn ${difference.turn}`];
    turn = difference.turn;
    const at =
      difference.at_ms === null ? [] : [`  ${seconds(difference.at_ms)}  ${difference.input}`];
    return [
      ...heading,
      ...at,
      ...difference.was.map((line) => `    - ${line}`),
      ...difference.would_be.map((line) => `    + ${line}`),
    ];
  });
}

const ASSUMPTIONS: Readonly<Record<string, string>> = {
  'other-context': 'assumed: the model answers the same, though it was heard otherwise before',
  'asked-again': 'assumed: asked the same again, the model answers the same',
  'line-plays-on': 'reckoned: the line plays on at its pace',
};

function whatIfLines({ turns, voice_to_voice_ms: figures, end }: WhatIfReport): readonly string[] {
  const rows = turns.flatMap((row) => {
    if (row.verdict === 'unknown') {
      const on =
        row.resumes_ms === null
          ? 'nothing after it can be told'
          : `taken up again at ${seconds(row.resumes_ms).trim()}`;
      return [`${seconds(row.at_ms)}  ?        ${row.why}; ${on}`];
    }
    const { verdict, role, was, would_be: wouldBe } = row;
    const facts = wouldBe ?? was;
    if (!facts) return [];
    const { start_ms: startMs, heard, interrupted } = facts;
    return [
      `${seconds(startMs)}  ${verdict.padEnd(8)} ${role.padEnd(6)} ${JSON.stringify(heard)}${interrupted ? ' –' : ''}`,
      ...changesOf(row).map((line) => `${' '.repeat(19)}${line}`),
    ];
  });
  const summary =
    figures.answers === 0
      ? 'No answer can be compared.'
      : `First sound after the caller's last: median ${figures.was_p50} → ${figures.would_be_p50} ms over ${count(figures.answers, 'answer')}, ${signed(figures.change_mean ?? 0)} ms on average.`;
  const ends = `End: ${end.was ?? 'not in the journal'} → ${end.would_be ?? 'not known'}.`;
  return ['', ...rows, '', summary, ends];
}

type TurnRow = Exclude<WhatIfReport['turns'][number], { verdict: 'unknown' }>;

/** The last one is what the caller notices. */
const STAGES = [
  ['end_decided', 'end decided'],
  ['played', 'first sound'],
] as const;

function changesOf(row: TurnRow): readonly string[] {
  const { was, would_be: wouldBe, assumptions, verdict } = row;
  const lines = assumptions.map((one) => ASSUMPTIONS[one] ?? one);
  if (verdict !== 'changed' || !was || !wouldBe) return lines;
  const stages = STAGES.flatMap(([stage, name]) => {
    const before = was.waterfall_ms[stage];
    const after = wouldBe.waterfall_ms[stage];
    if (before === undefined || after === undefined || before === after) return [];
    return [`${name} ${before} → ${after} ms (${signed(after - before)})`];
  });
  if (stages.length > 0) lines.unshift(stages.join(', '));
  if (was.heard !== wouldBe.heard)
    lines.unshift(`was heard: ${JSON.stringify(was.heard)}${was.interrupted ? ' –' : ''}`);
  else if (was.interrupted !== wouldBe.interrupted)
    lines.unshift(wouldBe.interrupted ? 'would be interrupted' : 'was interrupted');
  if (lines.length === assumptions.length)
    lines.unshift(`at ${seconds(was.start_ms).trim()}–${seconds(was.end_ms).trim()} then`);
  return lines;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`.padStart(9);

const signed = (ms: number): string => (ms > 0 ? `+${ms}` : String(ms).replace('-', '−'));

const count = (number: number, noun: string): string =>
  `${number} ${noun}${number === 1 ? '' : 's'}`;
