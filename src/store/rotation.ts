import { newMasterKey } from '#lib/master-key.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import type { Store } from './store.ts';

export type Rotated = { readonly tenants: number; readonly keyId: string };

/**
 * Goes over to a new master key: one made here where the keys may be saved, else the first that is
 * given. At no moment is there a data key that the saved keys do not open, so it may be cut short
 * anywhere and simply done again.
 */
export async function rotate(
  store: Pick<Store, 'rotateMasterKey'>,
  source: MasterKeySource,
): Promise<Rotated> {
  const keys = await source.load();
  const next = source.save ? newMasterKey() : keys[0];
  await source.save?.([next, ...keys]);
  const tenants = await store.rotateMasterKey(next.bytes);
  await source.save?.([next]);
  return { tenants, keyId: next.id };
}
