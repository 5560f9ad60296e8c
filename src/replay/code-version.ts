import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

let known: string | undefined;

/**
 * The version of this program, and behind the `+` a hash over the sources of the conversation: two
 * that are equal decide alike, whatever else is different. `0.1.0+3f9c01d2`.
 */
export function codeVersion(): string {
  known ??= `${programVersion()}+${conversationHash()}`;
  return known;
}

/** Whether two programs have the same conversation. */
export const isSameConversation = (one: string, other: string): boolean =>
  one.split('+')[1] === other.split('+')[1];

const SOURCES = join(import.meta.dirname, '..');

function programVersion(): string {
  const text = readFileSync(join(SOURCES, '..', 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

function conversationHash(): string {
  const folder = join(SOURCES, 'conversation');
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.replaceAll('\\', '/'))
    .toSorted();
  for (const name of names) hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 8);
}
