import { expect, test } from 'vitest';
import type { Role } from '#contracts/vendor.ts';
import { registeredRoles } from '#test/support/registered-roles.ts';
import { conformanceOf, conformanceTable } from './conformance.ts';
import type { VitestReport } from './conformance.ts';

type Check = VitestReport['testResults'][number]['assertionResults'][number];

const check = (role: Role, vendor: string, model: string, status = 'passed'): Check => ({
  fullName: `${vendor} ${model} does its work`,
  status,
  failureMessages: status === 'passed' ? [] : ['AssertionError: it does not\n  at a place'],
  meta: { contract: { role, vendor, model } },
});
const complete: readonly Check[] = [
  check('speech-to-text', 'deepgram', 'nova-3'),
  check('speech-to-text', 'deepgram', 'flux-general-en'),
  check('speech-to-text', 'openai', 'a-model'),
  check('speech-to-text', 'google', 'a-model'),
  check('language-model', 'openai', 'a-model'),
  check('language-model', 'anthropic', 'a-model'),
  check('language-model', 'google', 'a-model'),
  check('text-to-speech', 'cartesia', 'a-model'),
  check('text-to-speech', 'elevenlabs', 'a-model'),
  check('text-to-speech', 'google', 'a-model'),
  check('text-to-speech', 'openai', 'gpt-realtime-9'),
  check('text-to-speech', 'openai', 'gpt-9-tts'),
];
const registry = [
  ...new Map(
    complete.flatMap(({ meta: { contract } }) =>
      contract ? [[`${contract.vendor} ${contract.role}`, contract] as const] : [],
    ),
  ).values(),
];
const reportOf = (checks: readonly Check[]): VitestReport => ({
  testResults: [
    { name: 'a.test.ts', status: 'passed', message: '', assertionResults: [...checks] },
  ],
});

test('every way of every vendor has a row of its own, by role', () => {
  const result = conformanceOf(reportOf([...complete, ...complete]), registry);
  expect(result).toMatchObject({ ok: true, problems: [] });
  expect(result.vendors.map(({ role, vendor }) => [role, vendor])).toEqual([
    ['speech-to-text', 'deepgram nova-3'],
    ['speech-to-text', 'deepgram flux'],
    ['speech-to-text', 'openai'],
    ['speech-to-text', 'google'],
    ['language-model', 'openai'],
    ['language-model', 'anthropic'],
    ['language-model', 'google'],
    ['text-to-speech', 'openai realtime'],
    ['text-to-speech', 'openai audio/speech'],
    ['text-to-speech', 'cartesia'],
    ['text-to-speech', 'elevenlabs'],
    ['text-to-speech', 'google'],
  ]);
  expect(result.vendors.every(({ checks, failed }) => checks === 2 && failed === 0)).toBe(true);
});

test('a failed check shows in its row and by its name', () => {
  const failed = check('text-to-speech', 'google', 'a-model', 'failed');
  const result = conformanceOf(reportOf([...complete, failed]), registry);
  expect(result.ok).toBe(false);
  expect(result.vendors.find(({ failed: count }) => count > 0)).toEqual({
    vendor: 'google',
    role: 'text-to-speech',
    checks: 2,
    failed: 1,
  });
  expect(result.problems).toEqual(['google a-model does its work: AssertionError: it does not']);
  expect(conformanceTable(result)).toMatch(/google +2 checks {2}1 FAILED/);
});

test.each(complete.map((one, index) => [one.fullName, index] as const))(
  'a run in which nobody looked whether %s has failed',
  (_name, index) => {
    const result = conformanceOf(reportOf(complete.toSpliced(index, 1)), registry);
    expect(result.ok).toBe(false);
    expect(result.vendors.filter(({ checks }) => checks === 0)).toHaveLength(1);
  },
);

test('a vendor that fell out of the registry is missed, and one that came in wants checks', () => {
  const fallen = conformanceOf(reportOf(complete), registry.slice(1));
  expect(fallen.problems).toEqual(['deepgram is not in the registry as speech-to-text']);
  const added = [...registry, { role: 'language-model', vendor: 'newcomer' } as const];
  expect(conformanceOf(reportOf(complete), added).problems).toEqual([
    'newcomer is in the registry and was not checked as language-model',
  ]);
});

test('a file that could not be loaded, or a test that failed before its suite told whom it is about, is a problem', () => {
  const report = reportOf([
    ...complete,
    { fullName: 'x', status: 'failed', failureMessages: ['no port'], meta: {} },
  ]);
  report.testResults.push({
    name: 'b.test.ts',
    status: 'failed',
    message: 'no',
    assertionResults: [],
  });
  expect(conformanceOf(report, registry).problems).toEqual([
    'x: no port',
    'b.test.ts has no test: no',
  ]);
});

test('the product’s registry names vendors with their roles', () => {
  expect(registeredRoles()).toContainEqual({ vendor: 'deepgram', role: 'speech-to-text' });
});
