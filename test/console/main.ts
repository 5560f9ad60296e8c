import { join } from 'node:path';
import { findChromium } from './browser.ts';
import { walkConsole } from './walk.ts';

/**
 * `npm run -s e2e:console`: Chromium walks through the console and takes pictures of every page. One
 * JSON object on stdout. Exits 0 if all was well, 1 if not, 2 if there is no Chromium.
 */
const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write(
    'There is no Chromium: apt-get install chromium, or CHROMIUM=/path/to/chrome.\n',
  );
  process.exit(2);
}
const report = await walkConsole({
  chromium,
  pictures: join(import.meta.dirname, '../../docs/screenshots'),
  onStep: (step) => void process.stderr.write(`${step} …\n`),
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exit(report.ok ? 0 : 1);
