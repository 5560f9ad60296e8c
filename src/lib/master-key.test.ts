import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { messageOf } from './errors.ts';
import {
  fixedMasterKeys,
  masterKey,
  masterKeyFile,
  newMasterKey,
  parseMasterKeys,
} from './master-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'master-key-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

describe('master keys given as text', () => {
  test('are read in order, the current one first', async () => {
    const [a, b] = [newMasterKey(), newMasterKey()];
    const source = fixedMasterKeys(`${text(a.bytes)}, ${text(b.bytes)}\n`, 'MASTER_KEY');
    expect((await source.load()).map((key) => key.id)).toEqual([a.id, b.id]);
    expect(source.save).toBeUndefined();
  });

  test('are refused with a sentence that does not show them', () => {
    const short = text(new Uint8Array(31).fill(7));
    for (const bad of ['', '  ', 'hunter2', short, `${text(newMasterKey().bytes)},${short}`]) {
      const refusal = (() => {
        try {
          return String(parseMasterKeys(bad, 'MASTER_KEY').length);
        } catch (error) {
          return messageOf(error);
        }
      })();
      expect(refusal).toMatch(/^MASTER_KEY (holds no master key|must hold 32 bytes in base64)/);
      expect(refusal).not.toContain(short);
      expect(refusal).not.toContain('hunter2');
    }
  });

  test('have an id that tells them apart and stays the same', () => {
    const key = newMasterKey();
    expect(masterKey(Uint8Array.from(key.bytes)).id).toBe(key.id);
    expect(key.id).toMatch(/^[0-9a-f]{16}$/);
    expect(newMasterKey().id).not.toBe(key.id);
    expect(text(key.bytes)).not.toContain(key.id);
  });
});

describe('a master key file', () => {
  test('is made once, for its owner alone, also when many start at the same time', async () => {
    const path = join(folder, 'new', 'deep', 'master.key');
    const loaded = await Promise.all(Array.from({ length: 8 }, () => masterKeyFile(path).load()));
    expect(new Set(loaded.map(([key]) => key.id)).size).toBe(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'new', 'deep'))).toEqual(['master.key']);
    expect((await masterKeyFile(path).load())[0].id).toBe(loaded[0]?.[0].id);
  });

  test('is replaced as a whole and keeps its mode', async () => {
    const path = join(folder, 'replaced.key');
    const source = masterKeyFile(path);
    const keys = await source.load();
    const next = newMasterKey();
    await source.save?.([next, ...keys]);
    expect((await source.load()).map((key) => key.id)).toEqual([next.id, keys[0].id]);
    await source.save?.([next]);
    expect(readFileSync(path, 'utf8')).toBe(`${text(next.bytes)}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('that others may read is refused', async () => {
    const path = join(folder, 'open.key');
    await writeFile(path, text(newMasterKey().bytes));
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(path, mode);
      await expect(masterKeyFile(path).load()).rejects.toThrow('can be read by others');
    }
    await chmod(path, 0o400);
    await expect(masterKeyFile(path).load()).resolves.toHaveLength(1);
  });

  test('that cannot be made or is none gives one sentence', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, 'x');
    const below = masterKeyFile(join(file, 'master.key')).load();
    await expect(below).rejects.toThrow(/^Cannot (read|write) the master key file/);
    const directory = join(folder, 'a-folder');
    await mkdir(directory, { mode: 0o700 });
    await expect(masterKeyFile(directory).load()).rejects.toThrow(
      /^Cannot read the master key file/,
    );
    await chmod(file, 0o600);
    await expect(masterKeyFile(file).load()).rejects.toThrow('must hold 32 bytes in base64');
  });
});
