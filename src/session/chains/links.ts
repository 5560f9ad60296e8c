import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';

/** One vendor of a chain. */
export type Link<Vendor> = {
  readonly vendor: Vendor;
  /** Its key was refused, or its account is out of quota: tried only when nothing else is left. */
  isOut(): boolean;
  /** Told of each of its failures. */
  failed(failure: VendorFailure): void;
};

/** What was tried for one piece of work, in order. */
export type Attempt<L> = {
  readonly link: L;
  readonly failure: VendorFailure;
  /** It did not fail: another was faster. */
  readonly isBeaten?: true;
};

/** The links of one call's chain, by whom to ask next. It remembers for the call who failed. */
export type LinkOrder<L> = {
  /** Who does a piece of work after `attempts`; undefined: nobody is left. */
  next(attempts: readonly Attempt<L>[]): L | undefined;
  /** As `next`, beside links that are at work on it. */
  nextBeside(attempts: readonly Attempt<L>[], working: readonly L[]): L | undefined;
  /** A link has failed: for the rest of the call it stands behind all others. */
  failed(attempt: Attempt<L>): void;
  /** Puts a link that did not fail behind all others. */
  demote(link: L): void;
};

export function linkOrder<L extends Link<unknown>>(links: readonly L[]): LinkOrder<L> {
  let order = [...links];
  const demote = (link: L): void => {
    order = [...order.filter((other) => other !== link), link];
  };
  return {
    next: (attempts) => nextLink(order, attempts),
    nextBeside: (attempts, working) =>
      nextLink(
        order.filter((link) => !working.includes(link)),
        attempts.filter(({ link }) => !working.includes(link)),
      ),
    failed({ link, failure }) {
      demote(link);
      link.failed(failure);
    },
    demote,
  };
}

/** Failures of a connection rather than of a vendor: another connection may do. */
const WORTH_ANOTHER_TRY: ReadonlySet<FailureCode> = new Set(['closed', 'garbled']);

/**
 * The first link in order that was not tried yet, a working key before one that is out. Once all were
 * tried, one that was only slow, or whose connection ended in the middle, gets a second chance.
 */
export function nextLink<L extends Pick<Link<unknown>, 'isOut'>>(
  order: readonly L[],
  attempts: readonly Attempt<L>[],
): L | undefined {
  const timesTried = (link: L): number => attempts.filter((tried) => tried.link === link).length;
  const fresh = order.filter((link) => timesTried(link) === 0);
  return (
    fresh.find((link) => !link.isOut()) ??
    fresh[0] ??
    attempts.find(
      ({ link, failure, isBeaten }) =>
        timesTried(link) === 1 && (isBeaten || WORTH_ANOTHER_TRY.has(failure.code)),
    )?.link
  );
}

/** The failure of a whole chain: names every link that was tried, and what became of it. */
export function failureOfChain(attempts: readonly Attempt<unknown>[]): VendorFailure {
  const last = attempts.at(-1);
  if (!last) throw new RangeError('a chain that tried nothing has not failed');
  if (attempts.length === 1) return last.failure;
  const vendors = new Set(attempts.map(({ failure }) => failure.vendor));
  return {
    ...last.failure,
    vendor: [...vendors].join(', '),
    message: attempts.map(({ failure }) => failure.message).join('; '),
  };
}
