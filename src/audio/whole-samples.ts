import { bytesPerSample } from './format.ts';
import type { AudioFormat } from './format.ts';

/**
 * Cuts sound that comes in pieces where a sample ends: half of one waits for its other half. Vendors
 * promise nothing of where their pieces end, and one odd byte would turn all that follows into noise.
 */
export function wholeSamples(format: AudioFormat): (piece: Uint8Array) => Uint8Array {
  if (bytesPerSample(format) === 1) return (piece) => piece;
  let half: Uint8Array | undefined;
  return (piece) => {
    const all = half ? Buffer.concat([half, piece]) : piece;
    const wholeBytes = all.length - (all.length % 2);
    half = wholeBytes === all.length ? undefined : Uint8Array.from(all.subarray(wholeBytes));
    return all.subarray(0, wholeBytes);
  };
}
