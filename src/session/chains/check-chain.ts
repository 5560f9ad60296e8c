import type { Check } from '#contracts/vendor.ts';
import { failureOfChain } from './links.ts';
import type { Attempt, Link } from './links.ts';

type Checkable = { check(signal: AbortSignal): Promise<Check> };

/** A chain works as long as one of its links does. */
export async function checkChain(
  links: readonly Link<Checkable>[],
  signal: AbortSignal,
): Promise<Check> {
  const attempts: Attempt<Link<Checkable>>[] = [];
  for (const link of links) {
    const checked = await link.vendor.check(signal);
    if (checked.ok) return checked;
    attempts.push({ link, failure: checked.failure });
  }
  return { ok: false, failure: failureOfChain(attempts) };
}
