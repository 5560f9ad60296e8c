import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { fixedMasterKeys } from '#lib/master-key.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { openStore } from '#store/open.ts';
import type { Store } from '#store/store.ts';
import { openTestApi } from '#test/support/api.ts';
import type { TestApi } from '#test/support/api.ts';
import { findJournal } from './find-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'hydracore-journal-'));
const options = {
  dataDir: folder,
  masterKeys: fixedMasterKeys(Buffer.alloc(32, 7).toString('base64'), 'a test'),
  clock: systemClock,
  log: silentLog,
};
const ENTRIES = [
  { atMs: 0, type: 'answered' },
  { atMs: 900, type: 'heard-end', text: 'Hello?' },
];

const callId = crypto.randomUUID();
let store: Store;
let api: TestApi;
let key: string;
let url: string;
beforeAll(async () => {
  store = await openStore(options);
  api = await openTestApi(store);
  const tenant = await api.tenant();
  key = tenant.key;
  const { tenantId } = tenant;
  const agentConfig = agentConfigSchema.parse({ voice: { dead_air_ms: 3_000 } });
  const { id } = await store.instances.create(tenantId, { name: 'agent', agentConfig });
  await store.calls.begin({
    id: callId,
    tenantId,
    instanceId: id,
    provider: 'pipecat',
    carrierCallId: 'CA1',
    callerPhone: '+14155550199',
    calledPhone: '+14155550101',
    nodeId: 'node',
    startedAt: new Date(),
  });
  await store.calls.record(tenantId, callId, { turns: [], journal: ENTRIES });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await api.app.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the journal of a call', () => {
  test('of a running server comes by its API, with the settings of its agent', async () => {
    const found = await findJournal({ is: 'server', callId, url, key }, options);
    expect(found.entries).toEqual(ENTRIES);
    expect(found).toMatchObject({
      callId,
      turns: [],
      policy: { deadAirMs: 3_000, endpointing: { vendorDecides: true } },
    });
  });

  test('is refused without the right key, which is not repeated', async () => {
    const wrong = 'hc_live_wrong-key-of-nobody';
    const refused = findJournal({ is: 'server', callId, url, key: wrong }, options);
    await expect(refused).rejects.toThrow(/refuses .* with 401: The API key is not valid/);
    await expect(refused).rejects.not.toThrow(wrong);
  });

  test('of a server that is not there says so', async () => {
    const place = { is: 'server', callId, url: 'http://127.0.0.1:1', key } as const;
    await expect(findJournal(place, options)).rejects.toThrow(/does not answer/);
  });

  test('in a folder that a server has names both ways out', async () => {
    await expect(findJournal({ is: 'store', callId }, options)).rejects.toThrow(
      /in use by process \d+; stop it first.*--url .* --key/,
    );
  });

  test('in no folder makes none', async () => {
    const dataDir = join(folder, 'nowhere');
    await expect(findJournal({ is: 'store', callId }, { ...options, dataDir })).rejects.toThrow(
      /There is no database in .*nowhere/,
    );
  });

  test('comes from a file, as the API answered it or bare', async () => {
    const path = join(folder, 'journal.json');
    writeFileSync(path, JSON.stringify({ call_id: callId, entries: ENTRIES }));
    expect(await findJournal({ is: 'file', path }, options)).toEqual({ callId, entries: ENTRIES });
    writeFileSync(path, JSON.stringify(ENTRIES));
    expect(await findJournal({ is: 'file', path }, options)).toEqual({ entries: ENTRIES });
    writeFileSync(path, '{}');
    await expect(findJournal({ is: 'file', path }, options)).rejects.toThrow(/holds no journal/);
    writeFileSync(path, '{');
    await expect(findJournal({ is: 'file', path }, options)).rejects.toThrow(/cannot be read/);
  });

  test('comes from the store once no server has it', async () => {
    await api.app.close();
    await store.close();
    const found = await findJournal({ is: 'store', callId }, options);
    expect(found.entries).toEqual(ENTRIES);
    expect(found.policy?.deadAirMs).toBe(3_000);
    const unknown = { is: 'store', callId: crypto.randomUUID() } as const;
    await expect(findJournal(unknown, options)).rejects.toThrow(/There is no call .* in the store/);
  });
});
