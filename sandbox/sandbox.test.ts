import { expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { startSandbox } from './sandbox.ts';

it('starts a world with keys of its own, and leaves nothing behind', async () => {
  const clock = virtualClock();
  const sandbox = await startSandbox({ clock, brain: () => ({ text: 'Hello.' }) });
  const { keys, urls } = sandbox;
  const versions = { 'cartesia-version': '2026-08-14', 'anthropic-version': '2026-10-21' };
  const check = (path: string, authorization: string) =>
    fetch(path, { headers: { authorization, ...versions } });
  const statuses = await Promise.all([
    check(`${urls.deepgram}/v1/projects`, `Token ${keys.deepgram}`),
    check(`${urls.openai}/models`, `Bearer ${keys.openai}`),
    check(`${urls.cartesia}/voices`, `Bearer ${keys.cartesia}`),
    check(`${urls.anthropic}/v1/models`, `Bearer ${keys.anthropic}`),
    check(`${urls.elevenlabs}/v1/user`, `Bearer ${keys.elevenlabs}`),
    check(`${urls.openai}/models`, `Bearer ${keys.cartesia}`),
  ]);
  expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 401]);
  expect(sandbox.carrier.addAccount().accountSid).toMatch(/^AC/);

  await sandbox.close();
  await expect(fetch(`${urls.openai}/models`)).rejects.toThrow('fetch failed');
  await expect(sandbox.bank.speak('Not any more.', 'slt')).rejects.toThrow();
  expect(clock.pending).toBe(0);
});
