import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, VoiceError } from '#lib/errors.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { callSchema, journalSchema } from '#protocol/calls.ts';
import type { JournalPlace } from '#replay/arguments.ts';
import type { FoundJournal } from '#replay/command.ts';
import { policyOfToday } from '#replay/policy-of-today.ts';
import { openStore } from '#store/open.ts';
import type { StoreOptions } from '#store/open.ts';

const ANSWER_LIMIT_MS = 30_000;

/**
 * Finds the journal of a call for a command.
 *
 * @throws VoiceError in one sentence: why it cannot be had, and what to do
 */
export function findJournal(place: JournalPlace, options: StoreOptions): Promise<FoundJournal> {
  switch (place.is) {
    case 'store':
      return fromStore(place.callId.toLowerCase(), options);
    case 'server':
      return fromServer(place);
    case 'file':
      return fromFile(place.path);
  }
}

async function fromStore(callId: string, options: StoreOptions): Promise<FoundJournal> {
  const { databaseUrl, dataDir } = options;
  if (databaseUrl === undefined && !existsSync(join(dataDir, 'database')))
    throw new VoiceError(
      'not_found',
      `There is no database in ${dataDir}: set DATA_DIR or DATABASE_URL as for the server, or ask the server with --url and --key.`,
    );
  const store = await openStore(options).catch((error: unknown) => {
    if (error instanceof VoiceError && error.code === 'conflict')
      throw new VoiceError(
        'conflict',
        `${error.message} Or ask the server that runs on it: --url http://127.0.0.1:8080 --key hc_live_…`,
        { cause: error },
      );
    throw error;
  });
  try {
    const tenantId = await store.calls.tenantOf(callId);
    const call = tenantId === undefined ? undefined : await store.calls.get(tenantId, callId);
    if (tenantId === undefined || !call)
      throw new VoiceError('not_found', `There is no call ${callId} in the store.`);
    const entries = await store.calls.journal(tenantId, callId);
    const instance = await store.instances.get(tenantId, call.instance_id);
    const policy = instance && policyOfToday(instance.agentConfig, entries);
    return { entries, callId, turns: call.turns, policy };
  } finally {
    await store.close();
  }
}

async function fromServer(place: Extract<JournalPlace, { is: 'server' }>): Promise<FoundJournal> {
  const { callId } = place;
  const [call, { entries }] = await Promise.all([
    get(place, `calls/${callId}`, callSchema),
    get(place, `calls/${callId}/journal`, journalSchema),
  ]);
  const instanceSchema = z.object({ agent_config: agentConfigSchema });
  const instance = await get(place, `instances/${call.instance_id}`, instanceSchema).catch(
    () => undefined,
  );
  const policy = instance && policyOfToday(instance.agent_config, entries);
  return { entries, callId, turns: call.turns, policy };
}

async function get<T>(
  { url, key }: { readonly url: string; readonly key: string },
  path: string,
  schema: z.ZodType<T>,
): Promise<T> {
  let response: Response;
  let body: unknown;
  try {
    const headers = { 'x-api-key': key };
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS);
    response = await fetch(`${url}/v1/${path}`, { headers, signal });
    body = await response.json();
  } catch (error) {
    const { cause } = error instanceof Error ? error : {};
    throw new VoiceError('unavailable', `${url} does not answer: ${messageOf(cause ?? error)}.`);
  }
  if (!response.ok) {
    const detail = z.object({ detail: z.string() }).safeParse(body);
    const why = detail.success ? `: ${detail.data.detail}` : '';
    throw new VoiceError('unavailable', `${url} refuses /v1/${path} with ${response.status}${why}`);
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new VoiceError(
    'unavailable',
    `${url} answers /v1/${path} in a way that is not understood.`,
  );
}

async function fromFile(path: string): Promise<FoundJournal> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new VoiceError('invalid', `The journal ${path} cannot be read: ${messageOf(error)}.`);
  }
  const journal = fileSchema.safeParse(content);
  if (!journal.success)
    throw new VoiceError(
      'invalid',
      `${path} holds no journal: it should be what GET /v1/calls/{id}/journal answers, or its entries.`,
    );
  return Array.isArray(journal.data)
    ? { entries: journal.data }
    : { entries: journal.data.entries, callId: journal.data.call_id };
}

const fileSchema = z.union([
  z.array(z.unknown()),
  z.object({ call_id: z.string().optional(), entries: z.array(z.unknown()) }),
]);
