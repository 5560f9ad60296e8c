import { VoiceError } from '#lib/errors.ts';
import type { MasterKey, MasterKeySource, MasterKeys } from '#lib/master-key.ts';

/** The master keys this process knows. Which of them wraps is the database's to say. */
export type Keyring = {
  /** What the source put first: the key to begin a new database with. */
  first(): MasterKey;
  /** Reads the source again if the id is unknown: another process may have rotated. */
  find(id: string): Promise<MasterKey | undefined>;
  /** As `find`, but a key that nobody knows is an error that says what to do. */
  require(id: string): Promise<MasterKey>;
  /** Keeps a key that the source does not know yet. */
  add(key: MasterKey): void;
};

export async function openKeyring(source: MasterKeySource): Promise<Keyring> {
  const added = new Map<string, MasterKey>();
  let loaded: MasterKeys = await source.load();

  const known = (id: string): MasterKey | undefined =>
    loaded.find((key) => key.id === id) ?? added.get(id);

  const find = async (id: string): Promise<MasterKey | undefined> => {
    if (!known(id)) loaded = await source.load();
    return known(id);
  };
  return {
    first: () => loaded[0],
    find,
    async require(id) {
      const key = await find(id);
      if (key) return key;
      throw new VoiceError(
        'unavailable',
        `The database is encrypted under master key ${id}, which is not among the keys given ` +
          `(${loaded.map((one) => one.id).join(', ')}).`,
      );
    },
    add: (key) => void added.set(key.id, key),
  };
}
