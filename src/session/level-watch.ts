import type { Cancel, Clock } from '#lib/clock.ts';
import type { VoiceLevels } from '#protocol/events.ts';
import { SILENCE_DBFS } from './voice-meter.ts';
import type { VoiceMeter } from './voice-meter.ts';

/** Four times a second: as fast as an eye that looks at several calls. */
const EVERY_MS = 250;

type Watcher = (levels: readonly VoiceLevels[]) => void;

/** Reads the meters of the instances that somebody watches, and of no others. */
export type LevelWatch = {
  watch(instanceId: string, on: Watcher): Cancel;
};

export function createLevelWatch(
  clock: Clock,
  /** The meters of an instance's calls, by their ids. */
  metersOf: (instanceId: string) => Iterable<readonly [string, VoiceMeter]>,
): LevelWatch {
  const watchers = new Map<string, Set<Watcher>>();
  /** As told last, by call. */
  let told = new Map<string, VoiceLevels>();
  let cancel: Cancel | undefined;

  const readAll = (): void => {
    const before = told;
    told = new Map();
    for (const [instanceId, of] of watchers) {
      const changed: VoiceLevels[] = [];
      for (const [callId, meter] of metersOf(instanceId)) {
        const { callerDbfs, agentDbfs } = meter.read();
        const levels = { call_id: callId, caller_dbfs: callerDbfs, agent_dbfs: agentDbfs };
        const last = before.get(callId);
        told.set(callId, levels);
        if (
          callerDbfs !== (last?.caller_dbfs ?? SILENCE_DBFS) ||
          agentDbfs !== (last?.agent_dbfs ?? SILENCE_DBFS)
        )
          changed.push(levels);
      }
      if (changed.length > 0) for (const on of of) on(changed);
    }
    cancel = clock.after(EVERY_MS, readAll);
  };

  return {
    watch(instanceId, on) {
      const of = watchers.get(instanceId) ?? new Set();
      watchers.set(instanceId, of.add(on));
      cancel ??= clock.after(EVERY_MS, readAll);
      return () => {
        of.delete(on);
        if (of.size > 0 || watchers.get(instanceId) !== of) return;
        watchers.delete(instanceId);
        for (const [, meter] of metersOf(instanceId)) meter.stop();
        if (watchers.size > 0) return;
        cancel?.();
        cancel = undefined;
        told.clear();
      };
    },
  };
}
