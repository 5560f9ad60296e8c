import type { KeyProblem } from './provider.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { SecretField } from '#protocol/voice-channel.ts';

/*
 * What a `degraded` channel says in `error_message`: one warning on each line. A line that begins
 * with a key's field is about that key, and goes when the key works.
 */

const lineOf = ({ field, message }: Omit<KeyProblem, 'kind'>): string =>
  `${field}: ${message.replaceAll(/\s+/g, ' ').trim()}`;

const fieldOf = (line: string): SecretField | undefined =>
  secretFields.find((field) => line.startsWith(`${field}: `));

/** All warnings of a channel as one text; undefined: there is none. */
export function warningOf(
  warnings: readonly (string | undefined)[],
  problems: readonly Omit<KeyProblem, 'kind'>[],
): string | undefined {
  const lines = [...warnings.filter((line) => line !== undefined), ...problems.map(lineOf)];
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** Which keys a channel's message is about. */
export const keysIn = (errorMessage: string | null | undefined): readonly SecretField[] =>
  (errorMessage ?? '').split('\n').flatMap((line) => fieldOf(line) ?? []);

/** A message that says this of the key, and of other keys what it said before. */
export const withKeyProblem = (
  errorMessage: string | null,
  problem: Omit<KeyProblem, 'kind'>,
): string =>
  [
    ...(errorMessage ?? '')
      .split('\n')
      .filter((line) => line !== '' && fieldOf(line) !== problem.field),
    lineOf(problem),
  ].join('\n');
