import type { Walk } from './walk-page.ts';

/** On the page of an ended call: leads it again with other settings, after a mistake in one of them. */
export async function walkReplay({ page, looker, expect }: Walk): Promise<void> {
  await page.getByRole('button', { name: 'Replay this call' }).click();
  const silence = page.getByLabel('endpointing.silenceMs instead');
  await silence.waitFor();
  await page.getByText('the call is identical at each of').waitFor();
  await silence.fill('5');
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.locator('input[aria-invalid="true"]').waitFor();
  await looker.look(page, 'replay-mistake', silence);
  await silence.fill('300');
  await page.getByRole('button', { name: 'Another setting' }).click();
  await page.getByLabel('Setting').last().selectOption('bargeIn.enabled');
  await page.getByLabel('bargeIn.enabled instead').selectOption('false');
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  const rows = page.locator('.what-if-row');
  await rows.first().waitFor();
  await looker.look(page, 'replay', page.locator('.what-if .facts'));
  const answers = await page.locator('.what-if .facts').textContent();
  expect(answers?.includes(' answers)') === true, `the replay compares ${answers}`);
  // The caller cut in on the agent, which would have talked on.
  const otherwise = await page.locator('.what-if-row', { hasText: /Changed|Not known/ }).count();
  expect(otherwise > 0, 'nothing would have been different with an agent that talks on');
}
