import { createLog } from '#lib/log.ts';
import type { Log } from '#lib/log.ts';

/** A real log at its most talkative, and everything it wrote. */
export function logLines(): { readonly log: Log; text(): string } {
  const lines: string[] = [];
  const log = createLog({
    level: 'trace',
    keepPii: true,
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { log, text: () => lines.join('') };
}
