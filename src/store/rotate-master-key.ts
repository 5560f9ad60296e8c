import type { MasterKeySource } from '#lib/master-key.ts';
import { VoiceError } from '#lib/errors.ts';
import { askControl } from './control.ts';
import { openStore } from './open.ts';
import type { StoreOptions } from './open.ts';
import { rotate } from './rotation.ts';

/**
 * The command `rotate-master-key`: wraps every tenant's data key under a new master key, also while
 * servers run on the same database. Answers a sentence for people.
 *
 * - Keys in a file: makes the new key, keeps both in the file until the database is done, then only
 *   the new one. Servers that meet a key they do not know read the file again.
 * - Keys in the environment: the operator gives every server `new,old` first; this command then
 *   goes over to the new one, and `old` can be taken away.
 * - A folder of an embedded database belongs to the server that runs on it, which is asked to do it.
 */
export async function rotateMasterKeyCommand(options: StoreOptions): Promise<string> {
  const { databaseUrl, dataDir, masterKeys } = options;
  await requireTwoKeys(masterKeys);
  if (databaseUrl === undefined) {
    const answer = await askControl(dataDir, masterKeys);
    if (answer) return sentence(answer.tenants, answer.keyId);
  }
  const store = await openStore(options);
  try {
    const { tenants, keyId } = await rotate(store, masterKeys);
    return sentence(tenants, keyId);
  } finally {
    await store.close();
  }
}

async function requireTwoKeys(source: MasterKeySource): Promise<void> {
  if (source.save) return;
  const keys = await source.load();
  if (keys.length < 2)
    throw new VoiceError(
      'unavailable',
      'To rotate a master key that is given by the environment, give every server the new key, a ' +
        'comma and the old key; then run this again; then take the old key away.',
    );
}

const sentence = (tenants: number, keyId: string): string =>
  `Done: ${tenants} ${tenants === 1 ? 'tenant is' : 'tenants are'} now under master key ${keyId}.`;
