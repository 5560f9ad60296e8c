import { takesLine } from '#conversation/tools.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { parseRecord } from '#lib/record.ts';
import type { ToolAnswer, ToolRun, ToolRunner } from '../tools/runner.ts';
import type { OpenTools, ToolSurroundings } from '../tools/toolbox.ts';
import type { Untimed } from '../line.ts';
import type { WordedLine } from './worded-line.ts';

/** So long after it was called off a tool may be called again: the next answer's first thought. */
const REPEAT_MS = 5_000;

type Run = {
  readonly key: string;
  readonly name: string;
  /** As its runner knows it. */
  readonly ran: ToolRun;
  /** As who called last knows it; undefined: it was called off. */
  caller: ToolRun | undefined;
  answer?: ToolAnswer;
  cancelStop?: Cancel;
};

/**
 * Tools on a line where the other side may ask again before it has heard an answer: the same call made
 * once more, within a call, takes what the first one gives and does nothing twice. Tools that take the
 * line are handed over to it.
 */
export function wordedTools(parts: {
  readonly open: OpenTools;
  readonly around: Omit<ToolSurroundings, 'on'>;
  readonly on: (input: Untimed) => void;
  readonly line: Pick<WordedLine, 'transfer' | 'hasRequest'>;
  readonly clock: Clock;
}): ToolRunner {
  const { line, clock, around } = parts;
  const runs = new Set<Run>();

  const forget = (run: Run): void => {
    run.cancelStop?.();
    runs.delete(run);
  };

  const tell = (run: Run, answer: ToolAnswer): void => {
    const { caller } = run;
    if (!caller) {
      run.answer = answer;
      return;
    }
    forget(run);
    const { replyId, callId } = caller;
    if (takesLine(run.name) && line.hasRequest)
      return parts.on({ type: 'handed-over', replyId, callId });
    parts.on({ ...answer, replyId, callId });
  };

  const runner = parts.open({
    ...around,
    transfer: line.transfer,
    on(answer) {
      const run = [...runs].find(
        ({ ran }) => ran.callId === answer.callId && ran.replyId === answer.replyId,
      );
      if (run) tell(run, answer);
    },
  });

  const stop = (run: Run): void => {
    forget(run);
    runner.stop(run.ran.replyId, [run.ran.callId]);
  };

  return {
    get definitions() {
      return runner.definitions;
    },
    isLasting: (name) => !takesLine(name) && runner.isLasting(name),
    run(call) {
      const key = keyOf(call);
      const again = [...runs].find(
        (run) => run.key === key && (run.caller?.replyId ?? 0) < call.replyId,
      );
      if (!again) {
        runs.add({ key, name: call.name, ran: call, caller: call });
        return runner.run(call);
      }
      around.note(`tool ${call.name}: asked for again, goes on`);
      again.cancelStop?.();
      again.caller = call;
      const { answer } = again;
      // Later, as every answer: who asks is still busy with the asking.
      if (answer) queueMicrotask(() => tell(again, answer));
    },
    stop(replyId, callIds) {
      for (const run of runs) {
        const { caller } = run;
        if (caller?.replyId !== replyId || !callIds.includes(caller.callId)) continue;
        if (takesLine(run.name)) {
          stop(run);
          continue;
        }
        run.caller = undefined;
        run.cancelStop = clock.after(REPEAT_MS, () => stop(run));
      }
    },
    transferSettled: () => runner.transferSettled(),
    close() {
      for (const run of runs) run.cancelStop?.();
      runs.clear();
      runner.close();
    },
  };
}

/** The same call, however its arguments are written. */
const keyOf = ({ name, arguments: json }: ToolRun): string =>
  JSON.stringify([name, sorted(parseRecord(json) ?? json)]);

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, sorted(one)] as const);
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
};
