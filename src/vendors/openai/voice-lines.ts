import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { Clock } from '#lib/clock.ts';
import { openVoiceLine } from './voice-line.ts';
import type { VoiceLine } from './voice-line.ts';

/** Lines of one key and model, each lent to one utterance at a time. */
export type VoiceLines = {
  /** One that has spoken with this voice, or with none yet. */
  acquire(voice: string): VoiceLine;
  /** `isSuspect`: it has fallen silent in the middle, and is not used again. */
  release(line: VoiceLine, isSuspect: boolean): void;
  /** Opens one ahead of the first utterance. */
  warm(): void;
  close(): void;
};

/** What is kept for the next utterances; a crowd beyond it opens lines of its own. */
const MAX_IDLE = 16;
const IDLE_MS = 240_000;
/** The service ends a session after 60 minutes, whatever it is saying. */
const MAX_AGE_MS = 50 * 60_000;
/** For the end of what was cancelled; milliseconds as a rule. */
const SETTLE_WITHIN_MS = 3_000;

export function createVoiceLines(parts: {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly clock: Clock;
  readonly failures: FailureMaker;
}): VoiceLines {
  const { clock } = parts;
  /** Every line, and how long it may still be left alone; those that are lent have no limit. */
  const lines = new Map<VoiceLine, { isLent: boolean; cancelLimit: () => void }>();

  const drop = (line: VoiceLine): void => {
    lines.get(line)?.cancelLimit();
    lines.delete(line);
    line.close();
  };
  const open = (isLent: boolean): VoiceLine => {
    const line = openVoiceLine({ ...parts, onChange: () => rest(line) });
    lines.set(line, { isLent, cancelLimit: () => undefined });
    if (!isLent) rest(line);
    return line;
  };
  /** Looks after a line that nobody uses. */
  const rest = (line: VoiceLine): void => {
    const kept = lines.get(line);
    if (!kept) return;
    if (!line.isUsable) return drop(line);
    if (kept.isLent) return;
    kept.cancelLimit();
    const idle = [...lines].filter(([, { isLent }]) => !isLent);
    if (idle.length > MAX_IDLE || clock.now() - line.openedAtMs >= MAX_AGE_MS) return drop(line);
    const limitMs = line.runningCount > 0 ? SETTLE_WITHIN_MS : IDLE_MS;
    kept.cancelLimit = clock.after(limitMs, () => drop(line));
  };

  return {
    acquire(voice) {
      const free = [...lines].filter(
        ([line, { isLent }]) =>
          !isLent && line.runningCount === 0 && clock.now() - line.openedAtMs < MAX_AGE_MS,
      );
      const [line, kept] =
        free.find(([one]) => one.voice === voice) ??
        free.find(([one]) => one.voice === undefined) ??
        [];
      if (!line || !kept) return open(true);
      kept.cancelLimit();
      kept.isLent = true;
      return line;
    },
    release(line, isSuspect) {
      const kept = lines.get(line);
      if (!kept) return;
      kept.isLent = false;
      if (isSuspect) drop(line);
      else rest(line);
    },
    warm() {
      if (lines.size === 0) open(false);
    },
    close() {
      for (const line of lines.keys()) drop(line);
    },
  };
}
