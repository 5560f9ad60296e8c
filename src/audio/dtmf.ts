import { bytesOfSamples, PHONE_AUDIO, silenceOf } from './format.ts';
import type { AudioFormat } from './format.ts';
import { encodeMulaw } from './g711.ts';

/** The sixteen keys, and `w` for half a second of waiting. */
export const DTMF_DIGITS = /^[0-9*#A-Dw]+$/;

/** Half a second, as carriers read a `w` between digits. */
const WAIT_MS = 500;
/** ITU-T Q.24 wants at least 40 ms of each; menus at the other end are slower than that. */
const TONE_MS = 120;
const GAP_MS = 80;
/** Without a ramp a tone begins and ends with a click of every frequency. */
const RAMP_MS = 2;
/** Of full scale. About -9 and -7 dBm0: the high group 2 dB louder, as lines weaken it more. */
const LOW_LEVEL = 0.25;
const HIGH_LEVEL = 0.315;

/** ITU-T Q.23: one frequency of the key's row and one of its column, in Hz. */
const ROWS_HZ = [697, 770, 852, 941] as const;
const COLUMNS_HZ = [1_209, 1_336, 1_477, 1_633] as const;
const KEYPAD = '123A456B789C*0#D';

/**
 * Pressed keys as sound: for each 120 ms of tone and 80 ms of silence.
 * @throws RangeError for what is no key.
 */
export function dtmf(digits: string, format: AudioFormat = PHONE_AUDIO): Uint8Array {
  const parts = Array.from(digits, (digit) =>
    digit === 'w'
      ? silenceOf(WAIT_MS, format)
      : Buffer.concat([tone(digit, format), silenceOf(GAP_MS, format)]),
  );
  return new Uint8Array(Buffer.concat(parts));
}

function tone(digit: string, { encoding, sampleRateHz }: AudioFormat): Uint8Array {
  const key = digit.length === 1 ? KEYPAD.indexOf(digit) : -1;
  const lowHz = ROWS_HZ[Math.floor(key / 4)];
  const highHz = COLUMNS_HZ[key % 4];
  if (key < 0 || lowHz === undefined || highHz === undefined)
    throw new RangeError(`"${digit}" is no key of a telephone`);
  const samples = (TONE_MS * sampleRateHz) / 1_000;
  const ramp = (RAMP_MS * sampleRateHz) / 1_000;
  const pcm = new Int16Array(samples);
  for (let at = 0; at < samples; at++) {
    const level = Math.min(1, (at + 1) / ramp, (samples - at) / ramp) * 32_767;
    const angle = (2 * Math.PI * at) / sampleRateHz;
    pcm[at] = Math.round(
      level * (LOW_LEVEL * Math.sin(angle * lowHz) + HIGH_LEVEL * Math.sin(angle * highHz)),
    );
  }
  return encoding === 'mulaw' ? encodeMulaw(pcm) : bytesOfSamples(pcm);
}
