import { table as aligned } from '../lib/output.ts';
import type { Spread } from './figures.ts';
import type { Cost, Measured } from './measure.ts';
import type { SystemUnderTest } from './system.ts';

type Range = {
  readonly p50: number;
  readonly p95: number;
  readonly count: number;
  /** Of each call by itself: how far repeated measurements lie apart. */
  readonly p50_of_each_call: readonly number[];
} | null;

/** One line of the comparison, as `--json` prints it. Names carry their units. */
export type PeerReport =
  | {
      readonly name: string;
      readonly version: string;
      readonly status: 'measured';
      /** At the caller's ear, of one call at a time. */
      readonly voice_to_voice_ms: Range;
      readonly barge_in_ms: Range;
      readonly turns: number;
      readonly failed_turns: number;
      readonly cpu_ms_per_call_second: number;
      readonly mb_per_call: number;
      readonly calls_until_degraded: number;
      readonly limited_by: string;
      /** The cost of a call at that many; null: not one call was carried. */
      readonly at_most_calls: {
        readonly cpu_ms_per_call_second: number;
        readonly mb_per_call: number;
      } | null;
      /** Words for each interruption; null: none was answered. */
      readonly unheard_words_in_context: number | null;
      readonly heard_words_missing_from_context: number | null;
      readonly settings: SystemUnderTest['settings'];
      /** This system's figure for one of ours; absent for ourselves. */
      readonly ratios?: Ratios;
    }
  | { readonly name: string; readonly status: 'skipped'; readonly reason: string };

export type Ratios = {
  readonly voice_to_voice_p50: number | null;
  readonly barge_in_p50: number | null;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly calls: number | null;
};

export type PeersReport = {
  /** Our own part was measured, and no turn of the single call failed. */
  readonly ok: boolean;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memory_gb: number;
    readonly node: string;
    /** Of one minute, before the run: a busy machine measures itself. */
    readonly load: number;
    /** The server under test has a core to itself; callers and vendors share the others. */
    readonly pinned: boolean;
  };
  readonly date: string;
  readonly quick: boolean;
  readonly delays_ms: Readonly<Record<string, number>>;
  readonly peers: readonly PeerReport[];
};

export function measuredReport(system: SystemUnderTest, measured: Measured): PeerReport {
  const { single, singles, truth } = measured;
  return {
    name: system.name,
    version: system.version,
    status: 'measured',
    voice_to_voice_ms: rangeOf(
      single.voiceToVoice,
      singles.map(({ voiceToVoice }) => voiceToVoice),
    ),
    barge_in_ms: rangeOf(
      single.bargeIn,
      singles.map(({ bargeIn }) => bargeIn),
    ),
    turns: single.turns,
    failed_turns: single.failedTurns,
    ...costReport(measured.cost),
    calls_until_degraded: measured.callsUntilDegraded,
    limited_by: measured.limitedBy,
    at_most_calls: measured.costAtMost ? costReport(measured.costAtMost) : null,
    unheard_words_in_context: truth ? round(truth.unheard, 2) : null,
    heard_words_missing_from_context: truth ? round(truth.missing, 2) : null,
    settings: system.settings,
  };
}

/** Our own name in a report: ratios are to it, and it alone decides whether a run is sound. */
export const OURS = 'hydracore-voice';

/** Adds the ratios to us; where we were not measured there are none. */
export function withRatios(reports: readonly PeerReport[]): readonly PeerReport[] {
  const ours = reports.find(({ name }) => name === OURS);
  if (ours?.status !== 'measured') return reports;
  return reports.map((peer): PeerReport => {
    if (peer.status !== 'measured' || peer === ours) return peer;
    return {
      ...peer,
      ratios: {
        voice_to_voice_p50: ratio(peer.voice_to_voice_ms?.p50, ours.voice_to_voice_ms?.p50),
        barge_in_p50: ratio(peer.barge_in_ms?.p50, ours.barge_in_ms?.p50),
        cpu: ratio(peer.cpu_ms_per_call_second, ours.cpu_ms_per_call_second),
        memory: ratio(peer.mb_per_call, ours.mb_per_call),
        calls: ratio(peer.calls_until_degraded, ours.calls_until_degraded),
      },
    };
  });
}

/** Whether our own measurement is sound; peers decide it only where we were left out. */
export function isOk(reports: readonly PeerReport[]): boolean {
  const ours = reports.find(({ name }) => name === OURS);
  if (!ours) return reports.every(({ status }) => status === 'measured');
  return ours.status === 'measured' && ours.turns > 0 && ours.failed_turns === 0;
}

/** For people; where and when it was measured, and what limited each, follow the figures. */
export function table(report: PeersReport): string {
  const { peers, machine, date, quick } = report;
  const notes = peers.flatMap((peer) =>
    peer.status === 'skipped'
      ? [`${peer.name} was skipped: ${peer.reason}`]
      : [`${peer.name}: limited by ${peer.limited_by}`],
  );
  const where = `${machine.cpu}, ${machine.cores} cores, load ${machine.load}, Node ${machine.node}, ${date}`;
  const rough = quick ? ['A quick run: the figures are rough.'] : [];
  return [figuresTable(peers), '', where, ...rough, ...notes].join('\n');
}

/** One column for each system that was measured, `×` the ratio to ours. Markdown. */
export function figuresTable(peers: readonly PeerReport[]): string {
  const measured = peers.filter((peer) => peer.status === 'measured');
  const rows: string[][] = [['', ...measured.map(({ name, version }) => `${name} ${version}`)]];
  const row = (title: string, of: (peer: (typeof measured)[number]) => string): void =>
    void rows.push([title, ...measured.map(of)]);
  const range = (value: Range): string => {
    if (!value) return '–';
    const each = value.p50_of_each_call;
    const apart = each.length > 1 ? ` (${Math.min(...each)}–${Math.max(...each)})` : '';
    return `${value.p50}${apart} / ${value.p95} ms`;
  };
  const times = (value: number | null | undefined): string =>
    value === null || value === undefined ? '' : ` (×${value})`;
  // It was no more than without a call: a collection of garbage took back what the calls had taken.
  const memory = (mb: number): string => (mb === 0 ? 'lost in noise' : `${mb} MB`);
  const words = (value: number | null): string => (value === null ? '–' : value.toFixed(1));

  row(
    'voice-to-voice p50 / p95',
    (peer) => `${range(peer.voice_to_voice_ms)}${times(peer.ratios?.voice_to_voice_p50)}`,
  );
  row(
    'barge-in to silence p50 / p95',
    (peer) => `${range(peer.barge_in_ms)}${times(peer.ratios?.barge_in_p50)}`,
  );
  row(
    'CPU per call-second',
    (peer) => `${peer.cpu_ms_per_call_second} ms${times(peer.ratios?.cpu)}`,
  );
  row('memory per call', (peer) => `${memory(peer.mb_per_call)}${times(peer.ratios?.memory)}`);
  row(
    'calls until it degrades',
    (peer) =>
      `${peer.calls_until_degraded}${peer.limited_by.startsWith('the server') ? '' : ' or more'}${times(peer.ratios?.calls)}`,
  );
  row('CPU, memory per call at that many', (peer) =>
    peer.at_most_calls
      ? `${peer.at_most_calls.cpu_ms_per_call_second} ms, ${memory(peer.at_most_calls.mb_per_call)}`
      : '–',
  );
  row('unheard words in the context', (peer) => words(peer.unheard_words_in_context));
  row('heard words not in the context', (peer) => words(peer.heard_words_missing_from_context));
  row('failed turns', (peer) => `${peer.failed_turns} of ${peer.turns}`);

  return aligned(rows);
}

const costReport = ({ cpuMsPerCallSecond, mbPerCall }: Cost) => ({
  cpu_ms_per_call_second: round(cpuMsPerCallSecond, 2),
  mb_per_call: round(mbPerCall, 2),
});

const rangeOf = (spread: Spread | undefined, each: readonly (Spread | undefined)[]): Range =>
  spread ? { ...spread, p50_of_each_call: each.flatMap((one) => one?.p50 ?? []) } : null;

const ratio = (theirs: number | undefined, ours: number | undefined): number | null =>
  theirs === undefined || ours === undefined || ours <= 0 ? null : round(theirs / ours, 2);

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
