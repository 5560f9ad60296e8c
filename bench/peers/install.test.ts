import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheFolder, install } from './install.ts';

let folder: string;
let lockFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hydracore-install-'));
  lockFile = join(folder, 'packages.lock');
  writeFileSync(lockFile, 'a==1');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const installed = (script: string, said: string[] = []): Promise<string> =>
  install(
    { name: 'peer', lockFile, files: [lockFile], steps: [[process.execPath, '-e', script]] },
    join(folder, 'cache'),
    (sentence) => void said.push(sentence),
  );
const TOUCH = `require('fs').writeFileSync('made', require('fs').readFileSync('packages.lock'))`;

describe('a peer', () => {
  test('is installed in a folder of its own, once for each list of packages', async () => {
    const said: string[] = [];
    const first = await installed(TOUCH, said);
    expect(existsSync(join(first, 'made'))).toBe(true);
    expect(await installed('process.exit(1)', said)).toBe(first);
    writeFileSync(lockFile, 'a==2');
    expect(await installed(TOUCH, said)).not.toBe(first);
    expect(said).toHaveLength(2);
  });

  test('that could not be installed says why, and is tried again', async () => {
    const script = `console.error('no such package'); process.exit(3)`;
    await expect(installed(script)).rejects.toThrow(/ended with 3: no such package/);
    await expect(installed(TOUCH)).resolves.toContain('peer-');
  });

  test('whose installer is missing says so', async () => {
    const steps = [['no-such-program-anywhere']] as const;
    const peer = { name: 'peer', lockFile, files: [], steps };
    await expect(install(peer, folder, () => undefined)).rejects.toThrow(/no-such-program/);
  });
});

test('the cache is where the environment puts it', () => {
  expect(cacheFolder({ PEERS_CACHE: '/peers' })).toBe('/peers');
  expect(cacheFolder({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/hydracore-voice/peers');
  expect(cacheFolder({})).toContain('.cache');
});
