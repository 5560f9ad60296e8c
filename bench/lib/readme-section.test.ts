import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withFigures } from './readme-section.ts';

const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');

test('the figures of README are replaced, and nothing else of it', () => {
  const once = withFigures(readme, 'one');
  const twice = withFigures(once, 'other');
  expect(twice).toBe(once.replace('\none\n', '\nother\n'));
  expect(once.startsWith(readme.slice(0, readme.indexOf('<!-- figures')))).toBe(true);
});

test('a page without a place for them is refused', () => {
  expect(() => withFigures('# Read me', 'one')).toThrow('no <!-- figures');
});
