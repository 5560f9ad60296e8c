/**
 * G.711 mu-law (ITU-T G.711), the sound of the telephone: 8 bits a sample, 8 kHz, 8,000 bytes a second.
 */

/** Samples a second of everything that goes over the phone. One mu-law byte is one sample. */
export const PHONE_SAMPLE_RATE_HZ = 8_000;

/** Bytes in 20 ms, the packet of the phone network. */
export const PHONE_FRAME_BYTES = 160;

/** Mu-law for no sound. */
export const MULAW_SILENCE = 0xff;

const BIAS = 0x84;
const CLIP = 32_635;

const decodeOne = (byte: number): number => {
  const value = ~byte & 0xff;
  const exponent = (value >> 4) & 7;
  const magnitude = (((value & 0x0f) << 3) + BIAS) << exponent;
  return value & 0x80 ? BIAS - magnitude : magnitude - BIAS;
};

const encodeOne = (sample: number): number => {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(sample)) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
};

/** Mu-law byte → 16-bit linear sample. */
export const MULAW_TO_LINEAR: Int16Array = Int16Array.from({ length: 256 }, (_, byte) =>
  decodeOne(byte),
);

const LINEAR_TO_MULAW: Uint8Array = Uint8Array.from({ length: 65_536 }, (_, index) =>
  encodeOne(index - 32_768),
);

/** Mu-law → 16-bit linear, same length and rate. */
export function decodeMulaw(mulaw: Uint8Array): Int16Array {
  const pcm = new Int16Array(mulaw.length);
  for (let i = 0; i < mulaw.length; i++) pcm[i] = MULAW_TO_LINEAR[mulaw[i] ?? 0] ?? 0;
  return pcm;
}

/** 16-bit linear → mu-law, same length and rate. */
export function encodeMulaw(pcm: Int16Array): Uint8Array {
  const mulaw = new Uint8Array(pcm.length);
  for (let i = 0; i < pcm.length; i++) mulaw[i] = LINEAR_TO_MULAW[(pcm[i] ?? 0) + 32_768] ?? 0;
  return mulaw;
}

/** How long `bytes` of phone audio last. */
export const phoneMs = (bytes: number): number => (bytes * 1_000) / PHONE_SAMPLE_RATE_HZ;

/** How many bytes of phone audio last `ms`, to the nearest sample. */
export const phoneBytes = (ms: number): number => Math.round((ms * PHONE_SAMPLE_RATE_HZ) / 1_000);
