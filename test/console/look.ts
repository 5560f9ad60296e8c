import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { z } from 'zod';

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);
const THEMES = ['light', 'dark'] as const;
const WIDTHS = {
  wide: { width: 1_280, height: 860 },
  phone: { width: 390, height: 844 },
} as const;
const WIDTH_NAMES = ['phone', 'wide'] as const;

/** What is wrong with pages, as sentences. */
export type Looker = {
  /** Looks at the page as it is now: both themes, both widths, by axe and by eye, at its top or at a part of it. */
  look(page: Page, name: string, part?: Locator): Promise<void>;
  readonly looked: readonly string[];
  readonly problems: readonly string[];
};

/** @param folder where pictures are kept; undefined: none are taken */
export function createLooker(folder: string | undefined): Looker {
  const looked: string[] = [];
  const problems: string[] = [];
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  return {
    looked,
    problems,
    async look(page, name, part) {
      looked.push(name);
      for (const theme of THEMES) {
        await page.emulateMedia({ colorScheme: theme });
        for (const width of WIDTH_NAMES) {
          await page.setViewportSize(WIDTHS[width]);
          const where = `${name}, ${theme}, ${width}`;
          problems.push(...(await axeProblems(page)).map((problem) => `${where}: ${problem}`));
          const surplusPx = await page.evaluate(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          if (Number(surplusPx) > 0)
            problems.push(`${where}: it is ${String(surplusPx)} px wider than its window`);
          if (folder === undefined) continue;
          await page.evaluate('scrollTo(0, 0)');
          await part?.scrollIntoViewIfNeeded();
          await page.screenshot({ path: join(folder, `${name}-${theme}-${width}.png`) });
        }
      }
      await page.emulateMedia({ colorScheme: 'light' });
    },
  };
}

async function axeProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axeSource);
  const violations = violationsSchema.parse(
    await page.evaluate('axe.run().then(({ violations }) => violations)'),
  );
  return violations.map(
    ({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ html }) => html).join(' ')}`,
  );
}

const violationsSchema = z.array(
  z.object({
    id: z.string(),
    help: z.string(),
    nodes: z.array(z.object({ html: z.string() })),
  }),
);
