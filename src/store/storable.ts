/**
 * The value as JSON that Postgres can hold: it has no way to store U+0000 nor half a surrogate
 * pair, and refuses the whole row. Both become U+FFFD, the character for "unreadable".
 */
export function storable<T>(value: T): T {
  // Only characters inside strings change.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return NEEDS_CLEANING.test(JSON.stringify(value) ?? '') ? (clean(value) as T) : value;
}

export const storableText = (text: string): string =>
  text.toWellFormed().replaceAll('\0', '\uFFFD');

/** `JSON.stringify` escapes exactly these; a hit that was text all along is cleaned for nothing. */
const NEEDS_CLEANING = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

function clean(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [storableText(name), clean(item)]),
  );
}
