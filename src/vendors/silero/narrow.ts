import { samplesOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { encodeMulaw, PHONE_SAMPLE_RATE_HZ } from '#audio/g711.ts';
import type { OpenResampler } from '#audio/resample.ts';

/** Makes a stream's sound into a telephone's, as it comes. */
export type Narrower = {
  toMulaw(sound: Uint8Array): Uint8Array;
  close(): void;
};

/** Undefined: it is a telephone's already. */
export function narrow(
  openResampler: OpenResampler,
  format: AudioFormat | undefined,
): Narrower | undefined {
  if (!format || format.encoding === 'mulaw') return undefined;
  const resampler = openResampler(format.sampleRateHz, PHONE_SAMPLE_RATE_HZ);
  return {
    toMulaw: (sound) => encodeMulaw(resampler.push(samplesOf(sound))),
    close: () => resampler.close(),
  };
}
