import { MULAW_SILENCE, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import type { Clock } from '#lib/clock.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';
import type { Caller } from '#sandbox/caller/caller.ts';

/** What the carrier connects a caller to: an announcement, a pause, a media stream. */
export type LineSource = {
  /** The next 20 ms for the caller; undefined is silence. */
  play(): Uint8Array | undefined;
  /** The 20 ms the caller has just finished saying; undefined: they were lost on the way. */
  hear?(frame: Uint8Array | undefined): void;
};

/** The two-way audio of one answered call. */
export type Line = {
  /** What the caller is connected to; undefined leaves the line silent. */
  connect(source: LineSource | undefined): void;
  /** Since the answer, in whole frames. */
  readonly elapsedMs: number;
  close(): void;
};

export type LineFaults = {
  /** Share of frames the phone network loses in each direction, 0 to 1. */
  readonly lossRate?: number;
  /** Draws from 0 to 1. */
  readonly random: () => number;
};

const SILENCE = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);

/**
 * Runs the caller's 20 ms frames from now on. Frame `n` starts `n * 20` ms after the answer whatever
 * happened to the timers: after a stall the missed frames follow at once, and nothing drifts.
 */
export function openLine(clock: Clock, caller: Caller, faults: LineFaults): Line {
  const answeredMs = clock.now();
  let frame = 0;
  let source: LineSource | undefined;
  let spoken: Uint8Array | undefined;
  let closed = false;

  const lost = (): boolean =>
    (faults.lossRate ?? 0) > 0 && faults.random() < (faults.lossRate ?? 0);

  const runFrame = (): void => {
    // What was said during a frame is known, and sent, at its end.
    if (spoken) source?.hear?.(lost() ? undefined : spoken);
    const sound = source?.play();
    frame += 1;
    caller.hear(sound && !lost() ? sound : SILENCE);
    if (!closed) spoken = caller.nextFrame() ?? SILENCE;
  };
  const dueFrames = (): number => Math.floor((clock.now() - answeredMs) / FRAME_MS + 1e-6) + 1;
  const runDue = (): void => {
    while (frame < dueFrames()) {
      if (closed) return;
      runFrame();
    }
    schedule();
  };
  const schedule = (): void => {
    if (closed) return;
    cancel = clock.after(answeredMs + frame * FRAME_MS - clock.now(), () => {
      // After a stall the sockets hold audio that came in time: it is read before it is missed.
      if (dueFrames() - frame > 2) setImmediate(runDue);
      else runDue();
    });
  };
  let cancel: () => void = () => undefined;
  schedule();

  return {
    connect: (next) => void (source = next),
    get elapsedMs() {
      return frame * FRAME_MS;
    },
    close() {
      closed = true;
      source = undefined;
      cancel();
    },
  };
}
