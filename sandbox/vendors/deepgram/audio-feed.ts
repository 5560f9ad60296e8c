import { createHash } from 'node:crypto';
import type { EarFormat } from '../../speech/speech.ts';

/** Splits audio of any chunking into the same steps, so that what is heard does not depend on it. */
export type AudioFeed = {
  /** Answers whole steps of 20 ms; what is left over waits for the next bytes. */
  push(audio: Uint8Array): readonly Uint8Array[];
  /** What has been left over, at the end of the stream. */
  rest(): readonly Uint8Array[];
  /** SHA-256 of everything pushed, hexadecimal; no push may follow. */
  digest(): string;
};

export function createAudioFeed(format: EarFormat): AudioFeed {
  const sampleBytes = format.encoding === 'mulaw' ? 1 : 2;
  const stepBytes = (format.sampleRateHz / 50) * sampleBytes;
  const hash = createHash('sha256');
  let left = Buffer.alloc(0);
  return {
    push(audio) {
      hash.update(audio);
      const all = left.length > 0 ? Buffer.concat([left, audio]) : Buffer.from(audio);
      const steps: Uint8Array[] = [];
      let from = 0;
      for (; from + stepBytes <= all.length; from += stepBytes)
        steps.push(all.subarray(from, from + stepBytes));
      left = all.subarray(from);
      return steps;
    },
    rest() {
      const whole = left.length - (left.length % sampleBytes);
      const steps = whole > 0 ? [left.subarray(0, whole)] : [];
      left = Buffer.alloc(0);
      return steps;
    },
    digest: () => hash.digest('hex'),
  };
}
