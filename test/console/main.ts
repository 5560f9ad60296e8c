import { join } from 'node:path';
import { findChromium } from './browser.ts';
import { playHour } from './hour/hour.ts';
import { walkConsole } from './walk.ts';

/**
 * `npm run -s e2e:console`: Chromium walks through the console and takes pictures of every page. With
 * `--hour`, or `--hour=10` for as many minutes, it looks at the live page instead for an hour of
 * virtual time, while a thousand calls a minute begin and end. One JSON object on stdout. Exits 0 if
 * all was well, 1 if not, 2 if there is no Chromium or the arguments make no sense.
 */
const HOUR_MINUTES = 60;
const USAGE = 'Usage: npm run -s e2e:console [-- --hour[=MINUTES]], with 3 to 600 minutes.\n';

const [option, ...others] = process.argv.slice(2);
const hour = /^--hour(?:=(?<minutes>\d{1,3}))?$/.exec(option ?? '');
const minutes = Number(hour?.groups?.['minutes'] ?? HOUR_MINUTES);
if ((option !== undefined && !hour) || others.length > 0 || minutes < 3 || minutes > 600) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const chromium = findChromium();
if (chromium === undefined) {
  process.stderr.write(
    'There is no Chromium: apt-get install chromium, or CHROMIUM=/path/to/chrome.\n',
  );
  process.exit(2);
}
const onStep = (step: string): void => void process.stderr.write(`${step} …\n`);
const report = hour
  ? await playHour({ chromium, minutes, lookEveryMinutes: Math.max(1, minutes / 12), onStep })
  : await walkConsole({
      chromium,
      pictures: join(import.meta.dirname, '../../docs/screenshots'),
      onStep,
    });
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exit(report.ok ? 0 : 1);
