import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { fixedMasterKeys, masterKeyFile, newMasterKey } from '#lib/master-key.ts';
import type { MasterKey } from '#lib/master-key.ts';
import { addInstance } from '#test/support/store-world.ts';
import { newMasterKeySource } from '#test/support/store.ts';
import { folderOwner } from './folder.ts';
import { openStore } from './open.ts';
import type { StoreOptions } from './open.ts';
import { rotateMasterKeyCommand } from './rotate-master-key.ts';
import type { Store } from './store.ts';

const root = mkdtempSync(join(tmpdir(), 'store-'));
const template = join(root, 'template');
const keyPath = (dataDir: string): string => join(dataDir, 'master.key');

const optionsFor = (dataDir: string, change: Partial<StoreOptions> = {}): StoreOptions => ({
  dataDir,
  masterKeys: masterKeyFile(keyPath(dataDir)),
  clock: systemClock,
  log: silentLog,
  ...change,
});

/** Opens a store that is closed when the test has finished. */
async function open(options: StoreOptions): Promise<Store> {
  const store = await openStore(options);
  onTestFinished(() => store.close());
  return store;
}

/** A data folder that has been used before: making the first database takes PGlite seconds. */
let folders = 0;
function usedFolder(): string {
  const dataDir = join(root, `folder-${folders++}`);
  cpSync(template, dataDir, { recursive: true });
  return dataDir;
}

beforeAll(async () => {
  const store = await openStore(optionsFor(template));
  await store.close();
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PROGRAM = fileURLToPath(new URL('../../test/support/store-process.ts', import.meta.url));
const lineSchema = z.object({
  index: z.number().default(-1),
  instanceId: z.string().default(''),
  callId: z.string().default(''),
});
type Line = z.infer<typeof lineSchema>;

/** Another process on the folder; see `store-process.ts`. */
function startProcess(dataDir: string) {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  const exited = once(child, 'exit');
  const output = child.stdout && createInterface({ input: child.stdout });
  output?.on('line', (line) => lines.push(lineSchema.parse(JSON.parse(line))));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return {
    pid: child.pid,
    lines,
    kill,
    async said(count: number): Promise<void> {
      while (lines.length < count) {
        if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}`);
        await wait(5);
      }
    },
  };
}

describe('a data folder', () => {
  test('keeps all that was promised when its process is killed, and is free again', async () => {
    const dataDir = usedFolder();
    const victim = startProcess(dataDir);
    await victim.said(30);
    await victim.kill();
    const { instanceId, callId } = victim.lines[0] ?? { instanceId: '', callId: '' };
    const promised = victim.lines.slice(1).map((line) => line.index);

    const store = await open(optionsFor(dataDir));
    const call = await store.calls.get('t', callId);
    // What was stored but not yet said may be there as well: at most one turn.
    expect(call?.turns.slice(0, promised.length).map((turn) => turn.index)).toEqual(promised);
    expect(call?.turns.length).toBeLessThanOrEqual(promised.length + 1);
    const journal = await store.calls.journal('t', callId);
    expect(journal.slice(0, promised.length)).toEqual(promised.map((atMs) => ({ atMs })));
    expect((await store.channels.secrets('t', instanceId)).api_key).toMatch(/^secret \d+$/);
    expect(call).toMatchObject({ state: 'ended', end_reason: 'node_lost' });
    expect(await store.calls.countLive('t', instanceId)).toBe(0);
  });

  test('is refused to a second process, and to a second store in this one', async () => {
    const dataDir = usedFolder();
    const holder = startProcess(dataDir);
    await holder.said(1);
    await expect(openStore(optionsFor(dataDir))).rejects.toMatchObject({
      code: 'conflict',
      message: `The data folder ${dataDir} is in use by process ${holder.pid}; stop it first, or use another folder.`,
    });
    await holder.said(holder.lines.length + 3);
    await holder.kill();
    await open(optionsFor(dataDir));
    await expect(openStore(optionsFor(dataDir))).rejects.toThrow(
      `in use by process ${process.pid};`,
    );
  });

  test('survives being killed while its first database is made', async () => {
    const dataDir = join(root, 'unfinished');
    const first = startProcess(dataDir);
    while (!existsSync(join(dataDir, 'database.new', 'PG_VERSION'))) await wait(1);
    await first.kill();
    expect(existsSync(join(dataDir, 'database'))).toBe(false);
    const store = await open(optionsFor(dataDir));
    await store.ensureTenant('t');
  }, 120_000);

  test('is closed to everybody else', async () => {
    const dataDir = usedFolder();
    await open(optionsFor(dataDir));
    const owner = await folderOwner(dataDir);
    for (const path of ['run', 'database'])
      expect(statSync(join(dataDir, path)).mode & 0o077, path).toBe(0);
    expect(statSync(keyPath(dataDir)).mode & 0o077).toBe(0);
    expect(statSync(owner?.socketPath ?? '').mode & 0o077).toBe(0);
  });

  test('that cannot be used gives one sentence', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    const options = optionsFor(join(file, 'data'), { masterKeys: newMasterKeySource() });
    await expect(openStore(options)).rejects.toThrow(/^Cannot use the data folder .*: .*\.$/);
    await expect(openStore(options)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('is not locked by a start that fails', async () => {
    const dataDir = usedFolder();
    const wrong = optionsFor(dataDir, { masterKeys: newMasterKeySource() });
    await expect(openStore(wrong)).rejects.toThrow('not among the keys given');
    await open(optionsFor(dataDir));
  });
});

describe('the command rotate-master-key', () => {
  test('is done by the running process, while it reads and writes', async () => {
    const dataDir = usedFolder();
    const before = await masterKeyFile(keyPath(dataDir)).load();
    const server = startProcess(dataDir);
    await server.said(3);
    for (let round = 0; round < 3; round++) {
      expect(await rotateMasterKeyCommand(optionsFor(dataDir))).toMatch(
        /^Done: 1 tenant is now under master key [0-9a-f]{16}\.$/,
      );
      await server.said(server.lines.length + 5);
    }
    await server.kill();
    const after = await masterKeyFile(keyPath(dataDir)).load();
    expect(after).toHaveLength(1);
    expect(after[0].id).not.toBe(before[0].id);
    const old = optionsFor(dataDir, { masterKeys: { load: () => Promise.resolve(before) } });
    await expect(openStore(old)).rejects.toThrow('not among the keys given');
    const store = await open(optionsFor(dataDir));
    const { api_key: secret } = await store.channels.secrets(
      't',
      server.lines[0]?.instanceId ?? '',
    );
    expect(secret).toMatch(/^secret \d+$/);
  });

  test('does it itself where no process runs', async () => {
    const dataDir = usedFolder();
    const before = readFileSync(keyPath(dataDir), 'utf8');
    expect(await rotateMasterKeyCommand(optionsFor(dataDir))).toContain('Done: 0 tenants are');
    expect(readFileSync(keyPath(dataDir), 'utf8')).not.toBe(before);
    await open(optionsFor(dataDir));
  });

  test('goes over to the key that the environment puts first', async () => {
    const dataDir = usedFolder();
    const [old] = await masterKeyFile(keyPath(dataDir)).load();
    const next = newMasterKey();
    const given = (...keys: readonly MasterKey[]): StoreOptions => {
      const text = keys.map((key) => Buffer.from(key.bytes).toString('base64')).join(',');
      return optionsFor(dataDir, { masterKeys: fixedMasterKeys(text, 'MASTER_KEY') });
    };
    await expect(rotateMasterKeyCommand(given(old))).rejects.toThrow('the new key, a comma');

    const server = await openStore(given(old));
    const { id } = await addInstance(server, 't');
    await server.channels.upsert('t', id, { secrets: { api_key: 'k' } });
    expect(await rotateMasterKeyCommand(given(next, old))).toContain(next.id);
    expect(await server.channels.secrets('t', id)).toEqual({ api_key: 'k' });
    await server.ensureTenant('made under the new key');
    await server.close();
    await expect(openStore(given(old))).rejects.toThrow('not among the keys given');
    const store = await open(given(next));
    expect(await store.channels.secrets('t', id)).toEqual({ api_key: 'k' });
  });

  test('works in a folder whose path is too long for a socket', async () => {
    const dataDir = join(usedFolder(), 'x'.repeat(120));
    const store = await openStore(optionsFor(dataDir));
    await store.ensureTenant('t');
    expect(await rotateMasterKeyCommand(optionsFor(dataDir))).toContain('Done: 1 tenant is');
    const socketPath = (await folderOwner(dataDir))?.socketPath ?? '';
    expect(existsSync(socketPath)).toBe(true);
    await store.close();
    expect(existsSync(dirname(socketPath))).toBe(false);
  }, 120_000);

  test('answers what it does not understand, and works on', async () => {
    const dataDir = usedFolder();
    await open(optionsFor(dataDir));
    const owner = await folderOwner(dataDir);
    const ask = async (line: string): Promise<string> => {
      const socket = connect(owner?.socketPath ?? '');
      socket.setEncoding('utf8').write(`${line}\n`);
      return String(await once(socket, 'data'));
    };
    for (const line of [
      '',
      'not json',
      '{"command":"drop"}',
      '{"command":"rotate-master-key","x":1}',
    ])
      expect(await ask(line)).toBe('{"error":"The command is not understood."}\n');
    expect(await rotateMasterKeyCommand(optionsFor(dataDir))).toContain('Done');
  });
});
