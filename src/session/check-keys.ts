import type { KeyProblem } from '#contracts/provider.ts';
import type { VendorSpec } from '#contracts/vendor-spec.ts';
import type { Check, Role, VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { SecretField } from '#protocol/voice-channel.ts';

/** Longer than a vendor's own limit: what holds is that a setup is answered. */
const CHECK_WITHIN_MS = 6_000;

type Checkable = {
  readonly vendor: { check(signal: AbortSignal): Promise<Check> };
  readonly spec: VendorSpec;
  readonly role: Role;
};

/** Tries each key in each role that it opens, all at once. */
export async function checkKeys(
  links: readonly Checkable[],
  clock: Clock,
): Promise<readonly KeyProblem[]> {
  const stop = new AbortController();
  const failures = Promise.all(links.map((link) => failureOf(link, stop.signal)));
  const late = clock.sleep(CHECK_WITHIN_MS, stop.signal).then(
    () => undefined,
    () => undefined,
  );
  const done = await Promise.race([failures, late]);
  stop.abort();
  const checked = links.map((link, index) => ({
    field: link.spec.credential,
    failure: done ? done[index] : noAnswer(link),
  }));
  const fields = [...new Set(checked.map(({ field }) => field))];
  return fields.flatMap((field) =>
    problemOf(
      field,
      checked.filter((one) => one.field === field),
    ),
  );
}

async function failureOf(link: Checkable, signal: AbortSignal): Promise<VendorFailure | undefined> {
  try {
    const check = await link.vendor.check(signal);
    return check.ok ? undefined : check.failure;
  } catch {
    // A vendor does not throw; if one does, a setup must not fail of it.
    return noAnswer(link);
  }
}

const noAnswer = ({ spec, role }: Checkable): VendorFailure => ({
  vendor: spec.name,
  role,
  code: 'timeout',
  message: `${spec.name} has not answered within ${CHECK_WITHIN_MS / 1_000} s`,
});

/** One problem for each key: a key that is good for one of its roles is a good key. */
function problemOf(
  field: SecretField,
  checked: readonly { readonly failure: VendorFailure | undefined }[],
): readonly KeyProblem[] {
  const failures = checked.flatMap(({ failure }) => failure ?? []);
  // Too busy to answer is not to say no.
  const real = failures.filter(({ code }) => code !== 'limited');
  if (real.length === 0) return [];
  const isRefused = checked.every(({ failure }) => failure?.code === 'refused');
  const [first] = real;
  if (isRefused && first) return [{ field, kind: 'refused', message: first.message }];
  const messages = new Set(
    real.map(({ role, message }) => (checked.length > 1 ? `${message} (${role})` : message)),
  );
  return [{ field, kind: 'failing', message: [...messages].join('; ') }];
}
