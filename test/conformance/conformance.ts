import { z } from 'zod';
import type { Role } from '#contracts/vendor.ts';

/** One vendor, or one of its ways to do the same work, in one role. */
export type ConformanceRow = {
  readonly vendor: string;
  readonly role: Role;
  readonly checks: number;
  readonly failed: number;
};

export type Conformance = {
  readonly ok: boolean;
  readonly vendors: readonly ConformanceRow[];
  /** Everything that makes `ok` false, one sentence each. */
  readonly problems: readonly string[];
};

type Row = { readonly role: Role; readonly vendor: string; readonly name: string };
type Variant = Row & { readonly covers: RegExp };

/** The ways of vendors that have several ways in one role, told by the model. */
const VARIANTS: readonly Variant[] = [
  { role: 'speech-to-text', vendor: 'deepgram', name: 'deepgram nova-3', covers: /^nova-3/ },
  { role: 'speech-to-text', vendor: 'deepgram', name: 'deepgram flux', covers: /^flux/ },
  { role: 'text-to-speech', vendor: 'openai', name: 'openai realtime', covers: /realtime/ },
  {
    role: 'text-to-speech',
    vendor: 'openai',
    name: 'openai audio/speech',
    covers: /^(?!.*realtime)/,
  },
];

/** What has to be there whatever the registry says: a vendor lost on the way is not passed over. */
const REQUIRED: readonly Row[] = [
  ...VARIANTS,
  { role: 'speech-to-text', vendor: 'openai', name: 'openai' },
  { role: 'speech-to-text', vendor: 'google', name: 'google' },
  { role: 'language-model', vendor: 'openai', name: 'openai' },
  { role: 'language-model', vendor: 'anthropic', name: 'anthropic' },
  { role: 'language-model', vendor: 'google', name: 'google' },
  { role: 'text-to-speech', vendor: 'cartesia', name: 'cartesia' },
  { role: 'text-to-speech', vendor: 'elevenlabs', name: 'elevenlabs' },
  { role: 'text-to-speech', vendor: 'google', name: 'google' },
];

const ROLES: readonly Role[] = ['speech-to-text', 'language-model', 'text-to-speech'];

/** The part of Vitest's JSON report that counts here. */
export const vitestReportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()),
          meta: z.object({
            contract: z
              .object({
                role: z.enum(['speech-to-text', 'language-model', 'text-to-speech']),
                vendor: z.string(),
                model: z.string(),
              })
              .optional(),
          }),
        }),
      ),
    }),
  ),
});

export type VitestReport = z.infer<typeof vitestReportSchema>;

/**
 * Groups the contract tests of a run by vendor and role. A test counts as a check when its suite told
 * whom it was about; one that failed before it could is a problem of its own. Pure.
 * @param registry which role each vendor of the product fills
 */
export function conformanceOf(
  report: VitestReport,
  registry: readonly { readonly vendor: string; readonly role: Role }[],
): Conformance {
  const problems: string[] = [];
  const counts = new Map<string, { row: Row; checks: number; failed: number }>();
  const countOf = (row: Row) => {
    const key = `${row.role} ${row.name}`;
    const known = counts.get(key) ?? { row, checks: 0, failed: 0 };
    counts.set(key, known);
    return known;
  };
  for (const row of REQUIRED) countOf(row);

  for (const file of report.testResults) {
    if (file.assertionResults.length === 0)
      problems.push(`${file.name} has no test: ${firstLine(file.message)}`);
    for (const test of file.assertionResults) {
      const subject = test.meta.contract;
      const passed = test.status === 'passed';
      if (!passed)
        problems.push(`${test.fullName}: ${firstLine(test.failureMessages[0] ?? test.status)}`);
      if (!subject) continue;
      const count = countOf(rowOf(subject));
      count.checks += 1;
      if (!passed) count.failed += 1;
    }
  }

  const rows = [...counts.values()];
  for (const { row, checks } of rows)
    if (checks === 0) problems.push(`${row.name} was not checked as ${row.role}`);
  for (const { vendor, role } of registry)
    if (!rows.some(({ row, checks }) => row.vendor === vendor && row.role === role && checks > 0))
      problems.push(`${vendor} is in the registry and was not checked as ${role}`);
  for (const { row } of rows)
    if (!registry.some(({ vendor, role }) => row.vendor === vendor && row.role === role))
      problems.push(`${row.vendor} is not in the registry as ${row.role}`);

  return {
    ok: problems.length === 0,
    vendors: rows
      .map(({ row, checks, failed }) => ({ vendor: row.name, role: row.role, checks, failed }))
      .toSorted((left, right) => ROLES.indexOf(left.role) - ROLES.indexOf(right.role)),
    problems: [...new Set(problems)],
  };
}

/** The way a model stands for; the vendor as a whole where it has only one. */
function rowOf({ role, vendor, model }: { role: Role; vendor: string; model: string }): Row {
  const ways = VARIANTS.filter((one) => one.role === role && one.vendor === vendor);
  const way = ways.find(({ covers }) => covers.test(model));
  if (way) return way;
  return { role, vendor, name: ways.length === 0 ? vendor : `${vendor} ${model}` };
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** For people. */
export function conformanceTable({ ok, vendors, problems }: Conformance): string {
  const lines = vendors.map(
    ({ vendor, role, checks, failed }) =>
      `  ${role.padEnd(15)} ${vendor.padEnd(20)} ${String(checks).padStart(3)} checks  ${
        checks === 0 ? 'not checked' : failed === 0 ? 'all passed' : `${failed} FAILED`
      }`,
  );
  return [
    'Conformance of every vendor to the contract of its role, against the sandbox',
    ...lines,
    ...problems.map((problem) => `  problem: ${problem}`),
    ok ? 'All conform.' : 'Not all conform.',
  ].join('\n');
}
