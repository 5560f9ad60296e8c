import type { EndReason } from '#protocol/calls.ts';
import type { CallFigures, VendorRole } from '#protocol/calls-summary.ts';
import { allEndReasons, faultyEnds } from './format.ts';
import { vendorFacts } from './vendor-chain.ts';

/** Most frequent first. */
export const endReasonsOf = (
  figures: Pick<CallFigures, 'end_reasons'>,
): readonly { readonly reason: EndReason; readonly count: number }[] =>
  reasonsOf(figures).toSorted((left, right) => right.count - left.count);

/** How many calls ended as nobody wanted. */
export const faultyCount = (figures: Pick<CallFigures, 'end_reasons'>): number =>
  reasonsOf(figures)
    .filter(({ reason }) => faultyEnds.has(reason))
    .reduce((sum, { count }) => sum + count, 0);

const reasonsOf = ({ end_reasons: reasons }: Pick<CallFigures, 'end_reasons'>) =>
  allEndReasons.flatMap((reason) => {
    const count = reasons[reason];
    return count === undefined ? [] : [{ reason, count }];
  });

/** The failures of one vendor in one role, or of all that are not shown by themselves. */
export type FailureSeries = {
  readonly name: string;
  readonly total: number;
  /** One for each bar. */
  readonly counts: readonly number[];
};

/** As many as can be told apart by colour. */
export const FAILURE_SERIES_MAX = 5;

/** Failures over time: the most frequent vendors each by itself, the rest together as the last. */
export function failureSeries(summary: {
  readonly total: Pick<CallFigures, 'vendor_failures'>;
  readonly buckets: readonly Pick<CallFigures, 'vendor_failures'>[];
}): readonly FailureSeries[] {
  const all = summary.total.vendor_failures;
  const shownCount = all.length > FAILURE_SERIES_MAX ? FAILURE_SERIES_MAX - 1 : all.length;
  const keyOf = ({ role, vendor }: { readonly role: VendorRole; readonly vendor: string }) =>
    `${role} ${vendor}`;
  const seriesOf = (
    name: string,
    belongs: (failure: CallFigures['vendor_failures'][number]) => boolean,
  ): FailureSeries => {
    const countIn = (failures: CallFigures['vendor_failures']): number =>
      failures.filter(belongs).reduce((sum, one) => sum + one.failures, 0);
    return {
      name,
      total: countIn(all),
      counts: summary.buckets.map((bucket) => countIn(bucket.vendor_failures)),
    };
  };
  const shown = all.slice(0, shownCount);
  const shownKeys = new Set(shown.map(keyOf));
  return [
    ...shown.map((one) =>
      seriesOf(
        `${labelOf(one.vendor)}, ${ROLE_NAMES[one.role]}`,
        (failure) => keyOf(failure) === keyOf(one),
      ),
    ),
    ...(shownCount < all.length
      ? [seriesOf('Others', (failure) => !shownKeys.has(keyOf(failure)))]
      : []),
  ];
}

const ROLE_NAMES: Readonly<Record<VendorRole, string>> = {
  'speech-to-text': 'hearing',
  'language-model': 'thinking',
  'text-to-speech': 'speaking',
};

const labelOf = (vendor: string): string =>
  vendorFacts.find(({ name }) => name === vendor)?.label ?? vendor;
