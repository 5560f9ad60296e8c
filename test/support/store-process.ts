import { systemClock } from '#lib/clock.ts';
import { newUuid } from '#lib/ids.ts';
import { silentLog } from '#lib/log.ts';
import { masterKeyFile } from '#lib/master-key.ts';
import { openStore } from '#store/open.ts';
import { addInstance, newCall, newTurn } from './store-world.ts';

/**
 * A server's process, as far as its store goes, to be killed by a test: opens the data folder given
 * as its argument and then records turns and writes and reads secrets without end. It says on
 * stdout, one JSON object per line, what it has been promised to be stored.
 */
const dataDir = process.argv[2] ?? '';
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const store = await openStore({
  dataDir,
  masterKeys: masterKeyFile(`${dataDir}/master.key`),
  clock: systemClock,
  log: silentLog,
});
const instance = await addInstance(store, 't');
const call = newCall(instance, { id: newUuid(), startedAt: new Date(systemClock.now()) });
await store.calls.begin(call);
say({ instanceId: instance.id, callId: call.id });

for (let index = 0; ; index++) {
  const secret = `secret ${index}`;
  await store.channels.upsert('t', instance.id, { secrets: { api_key: secret } });
  await store.calls.record('t', call.id, { turns: [newTurn(index)], journal: [{ atMs: index }] });
  const { api_key: read } = await store.channels.secrets('t', instance.id);
  if (read !== secret) throw new Error(`read ${read}, wrote ${secret}`);
  say({ index });
}
