import { expect, test } from 'vitest';
import type { VendorSpec } from '#contracts/vendor-spec.ts';
import type { Check, FailureCode, Role } from '#contracts/vendor.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { checkKeys } from './check-keys.ts';

const spec: VendorSpec = {
  name: 'acme',
  credential: 'openai_api_key',
  defaultUrl: 'https://acme.test',
};
const answer = (role: Role, code?: FailureCode): Check =>
  code === undefined
    ? { ok: true }
    : { ok: false, failure: { vendor: 'acme', role, code, message: `acme: ${code}` } };
const link = (role: Role, code?: FailureCode) => ({
  spec,
  role,
  vendor: { check: () => Promise.resolve(answer(role, code)) },
});
const HEARING = 'speech-to-text';
const THINKING = 'language-model';

test('keys that work, or whose vendor is only too busy, are no problem', async () => {
  const links = [link(HEARING), link(THINKING, 'limited')];
  expect(await checkKeys(links, virtualClock())).toEqual([]);
});

test('a key that is refused in every role is refused', async () => {
  const links = [link(HEARING, 'refused'), link(THINKING, 'refused')];
  expect(await checkKeys(links, virtualClock())).toEqual([
    { field: 'openai_api_key', kind: 'refused', message: 'acme: refused' },
  ]);
});

test('a key that is refused for one thing and good for another is failing, and says for what', async () => {
  const links = [link(HEARING, 'refused'), link(THINKING)];
  expect(await checkKeys(links, virtualClock())).toEqual([
    {
      field: 'openai_api_key',
      kind: 'failing',
      message: 'acme: refused (speech-to-text)',
    },
  ]);
});

test.each(['quota', 'unreachable', 'invalid', 'garbled'] as const)(
  '%s is failing',
  async (code) => {
    expect(await checkKeys([link(HEARING, code)], virtualClock())).toEqual([
      { field: 'openai_api_key', kind: 'failing', message: `acme: ${code}` },
    ]);
  },
);

test('a vendor that never answers costs six seconds, and its request is given up', async () => {
  const clock = virtualClock();
  let signal: AbortSignal | undefined;
  const silent = {
    ...link(HEARING),
    vendor: {
      check(given: AbortSignal) {
        signal = given;
        return new Promise<Check>(() => undefined);
      },
    },
  };
  const checked = checkKeys([silent], clock);
  await clock.advance(5_999);
  expect(signal?.aborted).toBe(false);
  await clock.advance(1);
  expect(await checked).toEqual([
    {
      field: 'openai_api_key',
      kind: 'failing',
      message: 'acme has not answered within 6 s',
    },
  ]);
  expect(signal?.aborted).toBe(true);
  expect(clock.pending).toBe(0);
});
