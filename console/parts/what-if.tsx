import type { ReactNode } from 'react';
import type { WhatIfReport } from '#protocol/replay.ts';
import { clockTime, endReasonName, wholeMs } from '../lib/format.ts';
import { assumptionNames, isNoChange, soonerOrLater, verdicts } from '../lib/replay-form.ts';
import { Badge } from './basics.tsx';

/** What another policy would have made of a call, turn by turn. */
export function WhatIf({ whatIf }: { readonly whatIf: WhatIfReport }): ReactNode {
  const { turns, end } = whatIf;
  const countOf = (...wanted: readonly Row['verdict'][]): number =>
    turns.filter(({ verdict }) => wanted.includes(verdict)).length;
  const unknown = countOf('untold');
  return (
    <section className="what-if" aria-label="What would have been different">
      <dl className="facts">
        <div>
          <dt>Voice to voice, median</dt>
          <dd>{latencyOf(whatIf)}</dd>
        </div>
        <div>
          <dt>Turns that would differ</dt>
          <dd>
            {countOf('changed', 'gone', 'new')} of {turns.length - countOf('unknown')}
            {unknown > 0 && `; of ${unknown} it is not known`}
          </dd>
        </div>
        <div>
          <dt>End</dt>
          <dd>
            {end.was === end.would_be
              ? `${nameOfEnd(end.was)}, as it was`
              : `${nameOfEnd(end.was)} → ${nameOfEnd(end.would_be)}`}
          </dd>
        </div>
      </dl>
      <ol className="rows">
        {turns.map((row, at) => (
          // oxlint-disable-next-line react/no-array-index-key -- the rows of one replay never change
          <li key={at}>{row.verdict === 'unknown' ? <Gap row={row} /> : <TurnRow row={row} />}</li>
        ))}
      </ol>
      <p className="hint">
        Vendors answer as fast as they did, and the caller speaks when they spoke. One call proves
        little: look at many.
      </p>
    </section>
  );
}

function latencyOf({ voice_to_voice_ms: figures }: WhatIfReport): string {
  const { answers, was_p50: was, would_be_p50: wouldBe, change_mean: mean } = figures;
  if (was === null || wouldBe === null || mean === null) return 'No answer can be compared';
  const over = answers === 1 ? 'one answer' : `${answers} answers`;
  return isNoChange(mean) && isNoChange(wouldBe - was)
    ? `${wholeMs(was)}, as it was (${over})`
    : `${wholeMs(was)} → ${wholeMs(wouldBe)}; ${soonerOrLater(mean)} on average (${over})`;
}

const nameOfEnd = (reason: string | null): string =>
  reason === null ? 'not known' : endReasonName(reason);

type Row = WhatIfReport['turns'][number];

function Gap({ row }: { readonly row: Extract<Row, { verdict: 'unknown' }> }): ReactNode {
  const { name, tone } = verdicts.unknown;
  return (
    <div className="what-if-row">
      <p className="what-if-head">
        <span className="at">{clockTime(row.at_ms / 1_000)}</span>
        <Badge tone={tone}>{name}</Badge>
      </p>
      <p>
        {row.why.charAt(0).toUpperCase()}
        {row.why.slice(1)}.{' '}
        {row.resumes_ms === null
          ? 'Nothing after it can be told.'
          : `The call is taken up again at ${clockTime(row.resumes_ms / 1_000)}.`}
      </p>
    </div>
  );
}

function TurnRow({ row }: { readonly row: Exclude<Row, { verdict: 'unknown' }> }): ReactNode {
  const { role, was, would_be: wouldBe, assumptions } = row;
  const facts = wouldBe ?? was;
  const { name, tone } = verdicts[row.verdict];
  if (!facts) return null;
  return (
    <div className="what-if-row">
      <p className="what-if-head">
        <span className="at">{clockTime(facts.start_ms / 1_000)}</span>
        <strong className={role}>{role === 'agent' ? 'Agent' : 'Caller'}</strong>
        <Badge tone={tone}>{name}</Badge>
        {row.verdict === 'changed' && <span className="what-if-change">{changeOf(row)}</span>}
      </p>
      <p>{facts.heard === '' ? facts.text : facts.heard}</p>
      {was && wouldBe && was.heard !== wouldBe.heard && (
        <p className="hint">
          Heard then: {was.heard === '' ? 'nothing' : `“${was.heard}”`}
          {was.interrupted ? ', interrupted' : ''}
        </p>
      )}
      {assumptions.map((assumption) => (
        <p key={assumption} className="hint">
          {assumptionNames[assumption]}
        </p>
      ))}
    </div>
  );
}

/** How much sooner the answer would have begun; or else what became of the turn. */
function changeOf(row: Exclude<Row, { verdict: 'unknown' }>): string {
  const { was, would_be: wouldBe, latency_change_ms: changeMs } = row;
  if (!was || !wouldBe) return '';
  if (changeMs !== null && !isNoChange(changeMs))
    return `${wholeMs(was.waterfall_ms.played ?? 0)} → ${wholeMs(wouldBe.waterfall_ms.played ?? 0)} (${soonerOrLater(changeMs)})`;
  if (was.interrupted !== wouldBe.interrupted)
    return wouldBe.interrupted ? 'would be interrupted' : 'would not be interrupted';
  return `began ${soonerOrLater(wouldBe.start_ms - was.start_ms)}`;
}
