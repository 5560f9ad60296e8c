import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KEY_BYTES, newKey, sha256 } from './crypto.ts';
import { VoiceError, messageOf } from './errors.ts';

/** The key that wraps every tenant's data key. */
export type MasterKey = {
  /** Tells keys apart without giving anything away: a piece of a hash of the key. */
  readonly id: string;
  readonly bytes: Uint8Array;
};

/** The key to wrap with, then those that may still be needed to unwrap. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]];

/** Where master keys come from. */
export type MasterKeySource = {
  /** Reads them anew. Throws a sentence for people if they are missing or malformed. */
  load(): Promise<MasterKeys>;
  /** Replaces them, all or nothing. Absent where they are the operator's to change: the environment. */
  save?(keys: MasterKeys): Promise<void>;
};

export function masterKey(bytes: Uint8Array): MasterKey {
  if (bytes.length !== KEY_BYTES)
    throw new VoiceError(
      'unavailable',
      `A master key has ${KEY_BYTES} bytes, not ${bytes.length}.`,
    );
  const id = Buffer.from(sha256(Buffer.concat([Buffer.from('master-key-id\0'), bytes])));
  return { id: id.toString('hex', 0, 8), bytes };
}

export const newMasterKey = (): MasterKey => masterKey(newKey());

/**
 * Reads base64 keys (32 bytes each) parted by commas or white space, the current one first.
 * `origin` names where the text is from, for the error; the text itself never appears in one.
 */
export function parseMasterKeys(text: string, origin: string): MasterKeys {
  const [first, ...others] = text.split(/[\s,]+/).filter((word) => word !== '');
  if (first === undefined) throw new VoiceError('unavailable', `${origin} holds no master key.`);
  const parse = (word: string): MasterKey => {
    const bytes = Buffer.from(word, 'base64');
    if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(word) || bytes.length !== KEY_BYTES)
      throw new VoiceError(
        'unavailable',
        `${origin} must hold ${KEY_BYTES} bytes in base64 (make one with: openssl rand -base64 ${KEY_BYTES}).`,
      );
    return masterKey(bytes);
  };
  return [parse(first), ...others.map(parse)];
}

/** Keys given as text once, such as by the environment: they cannot change while the process runs. */
export function fixedMasterKeys(text: string, origin: string): MasterKeySource {
  const keys = parseMasterKeys(text, origin);
  return { load: () => Promise.resolve(keys) };
}

/** Keys in a file of mode 0600, one per line. It is made with a new key if there is none yet. */
export function masterKeyFile(path: string): MasterKeySource {
  return {
    async load() {
      const text = await readPrivately(path);
      if (text !== undefined) return parseMasterKeys(text, `The master key file ${path}`);
      await writeNew(path, [newMasterKey()]);
      return parseMasterKeys((await readPrivately(path)) ?? '', `The master key file ${path}`);
    },
    async save(keys) {
      const temporary = await writeTemporary(path, keys);
      await rename(temporary, path);
    },
  };
}

/** The file's text; undefined: there is no file. Refuses one that others may read. */
async function readPrivately(path: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0)
      throw new VoiceError(
        'unavailable',
        `The master key file ${path} can be read by others; allow only its owner (chmod 600).`,
      );
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw sentence(error, `Cannot read the master key file ${path}`);
  }
}

/** Several processes may try at once: the first one's key stands, whole from the start. */
async function writeNew(path: string, keys: MasterKeys): Promise<void> {
  const temporary = await writeTemporary(path, keys);
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST')
      throw sentence(error, `Cannot write the master key file ${path}`);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeTemporary(path: string, keys: MasterKeys): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const lines = keys.map((key) => `${Buffer.from(key.bytes).toString('base64')}\n`);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(lines.join(''));
      // A key lost to a power cut would take every secret with it.
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
  } catch (error) {
    throw sentence(error, `Cannot write the master key file ${path}`);
  }
  return temporary;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const sentence = (error: unknown, what: string): VoiceError =>
  error instanceof VoiceError
    ? error
    : new VoiceError('unavailable', `${what}: ${messageOf(error)}.`, { cause: error });
