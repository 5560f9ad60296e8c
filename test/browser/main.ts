import { join } from 'node:path';
import { findChromium } from '#test/console/browser.ts';
import { callFromBrowser } from './talk.ts';

/**
 * `npm run -s e2e:browser`: Chromium calls the agent from the console with a synthesised voice for a
 * microphone, and takes pictures of it. `--json`: one JSON object on stdout. Exits 0 if all was well,
 * 1 if not, 2 if there is no Chromium.
 */
const isJson = process.argv.includes('--json');
const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write(
    'There is no Chromium: apt-get install chromium, or CHROMIUM=/path/to/chrome.\n',
  );
  process.exit(2);
}
const report = await callFromBrowser({
  chromium,
  pictures: join(import.meta.dirname, '../../docs/screenshots'),
  onStep: (step) => void process.stderr.write(`${step} …\n`),
});
const lines = report.transcript.map(
  ({ role, heard, unheard }) => `${role}: ${heard}${unheard === '' ? '' : ` ~~${unheard}~~`}`,
);
process.stdout.write(
  isJson
    ? `${JSON.stringify(report, null, 2)}\n`
    : `${[...lines, ...report.problems, report.ok ? 'All as it should be.' : 'Something is wrong.'].join('\n')}\n`,
);
process.exit(report.ok ? 0 : 1);
