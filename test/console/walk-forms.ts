import type { Walk } from './walk-page.ts';

const NUMBER_OF_NOBODY = '+12025550199';

/** Makes an agent, gives it a line, makes mistakes with both, and removes them again. */
export async function walkForms(walk: Walk): Promise<void> {
  const { page, stage, looker, follow, expect } = walk;
  await page.goto(`/instances/${stage.instanceId}/agent`);
  await page.getByLabel('Prompt').waitFor();
  await looker.look(page, 'agent');
  await page.goto(`/instances/${stage.instanceId}/voice`);
  await page.getByText('Calls are answered.').waitFor();
  await looker.look(page, 'voice');
  await looker.look(page, 'voice-chain', page.locator('.chains'));
  const shown = await page.evaluate(
    '[...document.querySelectorAll("input")].map((input) => input.value).join() + document.body.innerText',
  );
  for (const secret of Object.values(stage.sandbox.keys))
    expect(!String(shown).includes(secret), 'a stored secret is shown');

  await page.goto('/instances/new');
  await page.getByLabel('Name').fill('Hotel desk');
  await page.getByLabel('Language').fill('not a language!');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.locator('input[aria-invalid="true"]').waitFor();
  await looker.look(page, 'new-instance');
  await page.getByLabel('Language').fill('de');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('It is shown this one time').waitFor();
  await follow('Set up its phone line');
  await page.getByText('Nobody can call this agent yet.').waitFor();
  await setUpLine(walk);

  await follow('Overview');
  await page.getByText('No calls in this time').waitFor();
  await looker.look(page, 'overview-empty');
  await follow('Calls');
  await page.getByText('No calls yet').waitFor();
  await follow('Agent');
  await changeAgent(walk);

  await page.getByRole('button', { name: 'Delete instance' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText("Luigi's restaurant (demo)").waitFor();
  expect((await page.getByText('Hotel desk').count()) === 0, 'a deleted instance is listed');
}

async function setUpLine({ page, stage, looker, expect }: Walk): Promise<void> {
  const { deepgram, openai, cartesia } = stage.sandbox.keys;
  await page.getByLabel('Deepgram').fill(deepgram);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByText('Stored, but something is still missing.').waitFor();
  await page.locator('.reason').waitFor();
  const chain = await page.locator('.chains').textContent();
  expect(
    chain?.includes('HearsDeepgram') === true && chain.includes('ThinksNobody yet'),
    `the chain of one key is said to be ${chain}`,
  );
  await page.getByLabel('Account SID').fill('AC00000000000000000000000000000000');
  await page.getByLabel('Auth token').fill('00000000000000000000000000000000');
  await page.getByLabel('Number', { exact: true }).fill('12');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('input[aria-invalid="true"]').first().waitFor();
  await looker.look(page, 'voice-mistakes', page.locator('.choices'));
  // Nothing is missing any more: now Twilio is asked.
  await page.getByLabel('Number', { exact: true }).fill(NUMBER_OF_NOBODY);
  await page.getByLabel('OpenAI').fill(openai);
  await page.getByLabel('Cartesia').fill(cartesia);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Twilio does not accept these credentials').waitFor();
  await page.getByRole('radio', { name: 'Retell' }).check();
  await page.getByLabel('API key').waitFor();
  await looker.look(page, 'voice-retell');
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nobody can call this agent yet.').waitFor();
}

async function changeAgent({ page, looker, expect }: Walk): Promise<void> {
  const tools = page.getByLabel('Tools (JSON)');
  await tools.fill('[{');
  await page.getByText('This is not JSON').waitFor();
  await tools.fill('[{"name": "find room", "url": "ftp://rooms"}]');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('textarea[aria-invalid="true"]').waitFor();
  await looker.look(page, 'agent-mistakes', page.locator('textarea[aria-invalid="true"]'));
  await tools.fill('[]');
  await page.getByLabel('Greeting').fill('Guten Tag, hier ist das Hotel.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Not saved yet').waitFor({ state: 'detached' });
  await page.reload();
  await page.getByLabel('Greeting').waitFor();
  const greeting = await page.getByLabel('Greeting').inputValue();
  expect(greeting === 'Guten Tag, hier ist das Hotel.', `the greeting is “${greeting}”`);
}
