import { messageOf, VoiceError } from '#lib/errors.ts';
import type { Turn } from '#protocol/calls.ts';
import type { Policy } from '#conversation/policy.ts';
import { readReplayArguments, replayUsage } from './arguments.ts';
import type { JournalPlace } from './arguments.ts';
import { printedReport } from './print.ts';
import { readJournal } from './read-journal.ts';
import { replayReport } from './report.ts';

/** A journal with what is known of its call. */
export type FoundJournal = {
  readonly entries: readonly unknown[];
  readonly callId?: string | undefined;
  /** Of the call's record. */
  readonly turns?: readonly Turn[] | undefined;
  /** What the agent's settings of today come to: for a journal that does not name those of then. */
  readonly policy?: Policy | undefined;
};

/**
 * The command `replay`. Answers the exit code: 0 nothing is different, 1 something is, or the journal
 * cannot be had, 2 the command line is wrong.
 */
export async function replayCommand(
  args: readonly string[],
  parts: {
    readonly find: (place: JournalPlace) => Promise<FoundJournal>;
    readonly out: (text: string) => void;
    readonly complain: (text: string) => void;
  },
): Promise<number> {
  let asked;
  try {
    asked = readReplayArguments(args);
  } catch (error) {
    if (!(error instanceof VoiceError)) throw error;
    parts.complain(`${messageOf(error)}\nnpm run -s replay -- --help tells more.\n`);
    return 2;
  }
  if (asked.help) {
    parts.out(replayUsage());
    return 0;
  }
  const found = await parts.find(asked.place);
  const recording = readJournal(found.entries, found.policy);
  const { callId, turns } = found;
  const report = replayReport(recording, { callId, turns, changes: asked.changes });
  parts.out(`${asked.json ? JSON.stringify(report) : printedReport(report)}\n`);
  return report.ok ? 0 : 1;
}
