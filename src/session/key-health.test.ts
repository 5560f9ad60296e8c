import { expect, test } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createKeyHealth } from './key-health.ts';

test('a refused key is out for a minute, then for two, and back when it works', async () => {
  const clock = virtualClock();
  const health = createKeyHealth(clock);
  expect(health.failed('k', 'refused')).toBe(true);
  // Another call finds out the same: no news.
  expect(health.failed('k', 'refused')).toBe(false);
  expect(health.isOut('k')).toBe(true);
  expect(health.isOut('other')).toBe(false);
  await clock.advance(60_000);
  expect(health.isOut('k')).toBe(false);
  expect(health.failed('k', 'quota')).toBe(true);
  await clock.advance(119_999);
  expect(health.isOut('k')).toBe(true);
  health.works('k');
  expect(health.isOut('k')).toBe(false);
});

test('trouble that is not the key’s puts no key out', () => {
  const health = createKeyHealth(virtualClock());
  for (const code of ['closed', 'timeout', 'limited', 'unreachable', 'invalid', 'garbled'] as const)
    expect(health.failed('k', code)).toBe(false);
  expect(health.isOut('k')).toBe(false);
});
