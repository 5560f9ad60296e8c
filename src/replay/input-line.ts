import type { Input } from '#conversation/input.ts';

/** An input as one line for people. */
export function inputLine(input: Input): string {
  const { atMs: _atMs, type, ...rest } = input;
  const facts = Object.entries(rest).map(([name, value]) =>
    name === 'replyId' ? `#${String(value)}` : `${name} ${JSON.stringify(value)}`,
  );
  return [type, ...facts].join(' ');
}
