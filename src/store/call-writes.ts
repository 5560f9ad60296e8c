import type { Turn } from '#protocol/calls.ts';
import { vendorRoles } from '#protocol/calls-summary.ts';
import type { Queries } from './access.ts';
import { journals, turns, vendorFailures } from './schema.ts';
import { storable, storableText } from './storable.ts';
import type { JournalEntry } from './store.ts';

/** What a live call has to write down at once. */
export type CallWrite = {
  readonly callId: string;
  readonly turns: readonly Turn[];
  readonly journal: readonly JournalEntry[];
};

/** Writes what several calls have to write down, with as many statements as for one. */
export async function insertCallWrites(
  queries: Queries,
  tenantId: string,
  writes: readonly CallWrite[],
): Promise<void> {
  const newTurns = writes.flatMap((write) =>
    write.turns.map((turn) => turnRow(tenantId, write.callId, turn)),
  );
  if (newTurns.length > 0)
    await queries
      .insert(turns)
      .values(newTurns)
      .onConflictDoNothing({ target: [turns.tenantId, turns.callId, turns.index] });
  const newEntries = writes
    .filter((write) => write.journal.length > 0)
    .map(({ callId, journal }) => ({ tenantId, callId, entries: storable(journal) }));
  if (newEntries.length > 0) await queries.insert(journals).values(newEntries);
  const failures = writes.flatMap(({ callId, journal }) => failuresIn(tenantId, callId, journal));
  if (failures.length > 0)
    await queries.insert(vendorFailures).values(failures).onConflictDoNothing();
}

const turnRow = (tenantId: string, callId: string, turn: Turn): typeof turns.$inferInsert => ({
  tenantId,
  callId,
  index: turn.index,
  role: turn.role,
  text: storableText(turn.text),
  heard: storableText(turn.heard),
  interrupted: turn.interrupted,
  startMs: turn.start_ms,
  endMs: turn.end_ms,
  waterfallMs: turn.waterfall_ms,
});

/** The entries of a journal that tell of a vendor's failure, as they are kept to be counted. */
const failuresIn = (
  tenantId: string,
  callId: string,
  journal: readonly JournalEntry[],
): readonly (typeof vendorFailures.$inferInsert)[] =>
  journal.flatMap(({ atMs, type, role, vendor }) => {
    const knownRole = vendorRoles.find((one) => one === role);
    const isFailure = type === 'vendor-failed' || type === 'vendor-switched';
    return isFailure && knownRole && typeof vendor === 'string'
      ? [{ tenantId, callId, atMs, role: knownRole, vendor: storableText(vendor) }]
      : [];
  });
