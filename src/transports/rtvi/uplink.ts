import { bytesOf, bytesOfSamples, msOf, samplesOf, silenceOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { OpenResampler, Resampler } from '#audio/resample.ts';
import type { Cancel, Clock } from '#lib/clock.ts';

/** The caller's sound: what a browser's microphone gives, made into a line that never falls silent. */
export type Uplink = {
  /** 16-bit linear PCM, little-endian, mono. Answers why it was not taken, if it was not. */
  write(pcm: Uint8Array, sampleRateHz: number, channels: number): string | undefined;
  close(): void;
};

const LOWEST_RATE_HZ = 8_000;
const HIGHEST_RATE_HZ = 48_000;
const FRAME_MS = 20;
/** How often the line is looked at. */
const WATCH_EVERY_MS = 100;
/**
 * A microphone that says nothing for so long is muted, or there is none. Less is a network that has
 * lost a packet: silence in its place would tear a word apart.
 */
const MUTED_AFTER_MS = 600;
/** What a muted line is behind by after it was filled up. */
const BEHIND_MS = 100;
/** After a stall of this very process what has come in meanwhile is read before silence takes its place. */
const STALL_MS = 50;
/** Nobody speaks faster than time goes; what was said before the call was answered comes at once. */
const MAX_AHEAD_MS = 10_000;

/**
 * @param format linear
 * @param on frames of 20 ms in that format; valid only until it returns. Recognisers give a line up
 *   that sends nothing, and voice activity would never hear the end of a word: while the microphone
 *   is muted, frames of silence are told.
 */
export function createUplink(parts: {
  readonly clock: Clock;
  readonly format: Extract<AudioFormat, { encoding: 'linear16' }>;
  readonly openResampler: OpenResampler;
  readonly on: (audio: Uint8Array) => void;
}): Uplink {
  const { clock, format, openResampler, on } = parts;
  const frameBytes = bytesOf(FRAME_MS, format);
  const frame = new Uint8Array(frameBytes);
  const silence = silenceOf(FRAME_MS, format);
  const startedMs = clock.now();
  let filledBytes = 0;
  let toldBytes = 0;
  let lastWriteMs = startedMs;
  let resampler: { readonly rateHz: number; readonly of: Resampler } | undefined;

  const aheadMs = (): number => msOf(toldBytes + filledBytes, format) - (clock.now() - startedMs);

  const tell = (audio: Uint8Array): void => {
    for (let at = 0; at < audio.length;) {
      const part = audio.subarray(at, at + frameBytes - filledBytes);
      frame.set(part, filledBytes);
      filledBytes += part.length;
      at += part.length;
      if (filledBytes < frameBytes) return;
      filledBytes = 0;
      toldBytes += frameBytes;
      on(frame);
    }
  };

  let cancelWatch: Cancel = () => undefined;
  const watch = (): void => {
    const dueMs = clock.now() + WATCH_EVERY_MS;
    cancelWatch = clock.after(WATCH_EVERY_MS, () => {
      const isOnTime = clock.now() - dueMs <= STALL_MS;
      const isMuted = clock.now() - lastWriteMs > MUTED_AFTER_MS;
      if (isOnTime && isMuted) while (aheadMs() < -BEHIND_MS) tell(silence);
      watch();
    });
  };
  watch();

  const toLine = (pcm: Int16Array, rateHz: number): Int16Array => {
    if (rateHz === format.sampleRateHz) return pcm;
    if (resampler?.rateHz !== rateHz) {
      resampler?.of.close();
      resampler = { rateHz, of: openResampler(rateHz, format.sampleRateHz) };
    }
    return resampler.of.push(pcm);
  };

  return {
    write(pcm, sampleRateHz, channels) {
      if (channels !== 1) return 'The sound must have one channel.';
      if (!(sampleRateHz >= LOWEST_RATE_HZ && sampleRateHz <= HIGHEST_RATE_HZ))
        return `The sound must have ${LOWEST_RATE_HZ} to ${HIGHEST_RATE_HZ} samples a second.`;
      if (pcm.length % 2 !== 0) return 'The sound must be in samples of 16 bits.';
      if (aheadMs() > MAX_AHEAD_MS) return 'The sound comes faster than time goes.';
      lastWriteMs = clock.now();
      tell(bytesOfSamples(toLine(samplesOf(pcm), sampleRateHz)));
      return undefined;
    },
    close() {
      cancelWatch();
      resampler?.of.close();
      resampler = undefined;
    },
  };
}
