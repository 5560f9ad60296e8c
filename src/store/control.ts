import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { VoiceError, messageOf } from '#lib/errors.ts';
import type { Log } from '#lib/log.ts';
import { fixedMasterKeys } from '#lib/master-key.ts';
import type { MasterKeySource } from '#lib/master-key.ts';
import { folderOwner } from './folder.ts';
import { rotate } from './rotation.ts';
import type { Rotated } from './rotation.ts';
import type { Store } from './store.ts';

/**
 * How commands reach the process that has a data folder: a socket in it that only the owner of the
 * process can open. One JSON object per line each way.
 */
const requestSchema = z.strictObject({
  command: z.literal('rotate-master-key'),
  /** Base64 keys, the new one first, for a server whose environment cannot change any more. */
  master_keys: z.string().optional(),
});

const answerSchema = z.union([
  z.strictObject({ tenants: z.number().int(), key_id: z.string() }),
  z.strictObject({ error: z.string() }),
]);

export type Control = { close(): Promise<void> };

export async function serveControl(
  socketPath: string,
  store: Pick<Store, 'rotateMasterKey'>,
  masterKeys: MasterKeySource,
  log: Log,
): Promise<Control> {
  const sockets = new Set<Socket>();
  // One rotation after the other: each starts from the keys that the last one left.
  let last: Promise<void> = Promise.resolve();

  const answer = async (line: string): Promise<z.infer<typeof answerSchema>> => {
    try {
      const request = requestSchema.parse(JSON.parse(line));
      const source =
        masterKeys.save || request.master_keys === undefined
          ? masterKeys
          : fixedMasterKeys(request.master_keys, 'The command');
      const { tenants, keyId } = await rotate(store, source);
      log.info({ tenants, keyId }, 'master key rotated');
      return { tenants, key_id: keyId };
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'a command failed');
      return { error: reasonOf(error) };
    }
  };

  const answerAfter = async (previous: Promise<void>, line: string, socket: Socket) => {
    await previous;
    const reply = await answer(line);
    if (!socket.destroyed) socket.end(`${JSON.stringify(reply)}\n`);
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // The other side may go at any time; what it asked for is done all the same.
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      last = answerAfter(last, line, socket);
    });
  });
  server.listen(socketPath);
  await once(server, 'listening');
  await chmod(socketPath, 0o600);
  server.unref();

  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      await last;
      for (const socket of sockets) socket.destroy();
      await closed;
      await rm(socketPath, { force: true });
    },
  };
}

/** Asks the process that has the folder to rotate; undefined: no process has it. */
export async function askControl(
  dataDir: string,
  masterKeys: MasterKeySource,
): Promise<Rotated | undefined> {
  const owner = await folderOwner(dataDir);
  const socket = owner && (await connectTo(owner.socketPath));
  if (!socket) return undefined;
  const request: z.infer<typeof requestSchema> = { command: 'rotate-master-key' };
  if (!masterKeys.save) {
    const keys = await masterKeys.load();
    request.master_keys = keys.map((key) => Buffer.from(key.bytes).toString('base64')).join(',');
  }
  socket.write(`${JSON.stringify(request)}\n`);
  try {
    for await (const line of createInterface({ input: socket })) {
      const answer = answerSchema.parse(JSON.parse(line));
      if ('error' in answer) throw new VoiceError('unavailable', answer.error);
      return { tenants: answer.tenants, keyId: answer.key_id };
    }
  } finally {
    socket.destroy();
  }
  throw new VoiceError('unavailable', `Process ${owner.pid} ended before it answered.`);
}

/** Undefined: nobody listens there (any more). */
async function connectTo(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw new VoiceError('unavailable', `Cannot reach the running server: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof z.ZodError || error instanceof SyntaxError
    ? 'The command is not understood.'
    : messageOf(error);
