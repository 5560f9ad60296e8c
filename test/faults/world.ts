import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import type { OpenEar, VoiceBank } from '#sandbox/speech/speech.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import { createVoiceActivity } from '#vendors/silero/voice-activity.ts';
import type { SileroVoiceActivity } from '#vendors/silero/voice-activity.ts';
import { watchLoopback } from './loopback.ts';

/** What all calls share: one virtual clock, one bank of voices, one model of voice activity. */
export type FaultWorld = AsyncDisposable & {
  readonly clock: VirtualClock;
  readonly bank: VoiceBank;
  readonly openEar: OpenEar;
  readonly voiceActivity: SileroVoiceActivity;
  /**
   * Moves time on until `outcome` settles. Time stands still while a sentence is being synthesised or a
   * window of sound is being judged, and as long as a byte is on its way between two sockets: how fast
   * the machine is does not show in what is measured.
   */
  during<T>(outcome: Promise<T>): Promise<T>;
};

const STEP_MS = 10;

export async function openFaultWorld(): Promise<FaultWorld> {
  const opened = new AsyncDisposableStack();
  try {
    const clock = virtualClock(Date.UTC(2026, 0, 5, 9));
    const loopback = opened.use(watchLoopback());
    const flite = opened.use(await createVoiceBank());
    const speaking = new Set<Promise<unknown>>();
    const bank: VoiceBank = {
      clips: flite.clips,
      speak(text, voice) {
        const clip = flite.speak(text, voice);
        speaking.add(clip);
        const over = (): void => void speaking.delete(clip);
        clip.then(over, over);
        return clip;
      },
    };
    const voiceActivity = opened.adopt(
      await createVoiceActivity({ clock, log: silentLog }),
      (running) => running.close(),
    );
    const settle = async (): Promise<void> => {
      do {
        await Promise.allSettled(speaking);
        await loopback.delivered();
      } while (speaking.size > 0);
      await voiceActivity.settled();
    };
    return {
      clock,
      bank,
      openEar: openEar(bank),
      voiceActivity,
      async during(outcome) {
        const progress = { settled: false };
        const mark = (): void => void (progress.settled = true);
        outcome.then(mark, mark);
        while (!progress.settled) {
          await clock.advance(STEP_MS);
          await settle();
        }
        return outcome;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}
