import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const bundle = join(root, 'console/dist');

const contentsOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
  );

test('the bundle in the repository is what its sources make: npm run -s build:console', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hydracore-bundle-'));
  try {
    await promisify(execFile)(process.execPath, ['console/build.ts', folder], { cwd: root });
    const built = contentsOf(folder);
    const kept = contentsOf(bundle);
    expect(Object.keys(kept).toSorted()).toEqual(Object.keys(built).toSorted());
    // Not by toEqual, whose message would be the bundle.
    for (const [path, text] of Object.entries(built)) expect(kept[path] === text, path).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the first load is under 200 kB of compressed JavaScript', () => {
  const page = readFileSync(join(bundle, 'index.html'), 'utf8');
  const scripts = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map(
    ([, path = '']) => path,
  );
  expect(scripts.length).toBeGreaterThan(0);
  const bytes = scripts.map((path) => gzipSync(readFileSync(join(bundle, path))).length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(200_000);
});
