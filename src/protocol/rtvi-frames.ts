/**
 * The binary form of Pipecat's client protocol: one WebSocket message is one protobuf `Frame`
 * (`pipecat.Frame`, frames.proto). Only what is used of it is read; the schema is too small to load a
 * protobuf library for.
 */

export type RtviFrame =
  /** 16-bit linear PCM, little-endian, samples of several channels interleaved. */
  | {
      readonly kind: 'audio';
      readonly audio: Uint8Array;
      readonly sampleRateHz: number;
      readonly channels: number;
    }
  /** An RTVI message, as JSON text. */
  | { readonly kind: 'message'; readonly json: string }
  /** In the protocol, and of no use to us: text, transcription, interruption. */
  | { readonly kind: 'other' };

/**
 * Reads one frame; undefined: not a frame. Never throws. Audio is a view into `bytes`. Fields that
 * are left out have their defaults: 16 kHz, one channel.
 */
export function readRtviFrame(bytes: Uint8Array): RtviFrame | undefined {
  let frame: RtviFrame | undefined;
  const isWhole = eachField(bytes, (field, value) => {
    // Of several kinds in one frame the last one counts, as for any protobuf reader.
    if (field === AUDIO && typeof value !== 'number') frame = readAudio(value);
    else if (field === MESSAGE && typeof value !== 'number') frame = readMessage(value);
    else if (field >= TEXT && field <= INTERRUPTION && typeof value !== 'number')
      frame = { kind: 'other' };
    else return true;
    return frame !== undefined;
  });
  return isWhole ? frame : undefined;
}

/** Mono PCM, 16 bits, little-endian. */
export function writeAudioFrame(pcm: Uint8Array, sampleRateHz: number): Uint8Array {
  const head = [0x12, 5, ...UTF8.encode('audio'), 0x1a, ...varint(pcm.length)];
  const tail = [0x20, ...varint(sampleRateHz), 0x28, 1];
  const bodyBytes = head.length + pcm.length + tail.length;
  const start = [tagOf(AUDIO), ...varint(bodyBytes)];
  const frame = new Uint8Array(start.length + bodyBytes);
  frame.set(start);
  frame.set(head, start.length);
  frame.set(pcm, start.length + head.length);
  frame.set(tail, start.length + head.length + pcm.length);
  return frame;
}

export function writeMessageFrame(json: string): Uint8Array {
  const text = UTF8.encode(json);
  const data = [0x0a, ...varint(text.length)];
  const start = [tagOf(MESSAGE), ...varint(data.length + text.length), ...data];
  const frame = new Uint8Array(start.length + text.length);
  frame.set(start);
  frame.set(text, start.length);
  return frame;
}

const TEXT = 1;
const AUDIO = 2;
const MESSAGE = 4;
const INTERRUPTION = 5;
const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Of a field that holds bytes. */
const tagOf = (field: number): number => (field << 3) | 2;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
}

function readAudio(bytes: Uint8Array): RtviFrame | undefined {
  let audio: Uint8Array = new Uint8Array(0);
  let sampleRateHz = 16_000;
  let channels = 1;
  const isWhole = eachField(bytes, (field, value) => {
    if (field === 3 && typeof value !== 'number') audio = value;
    if (field === 4 && typeof value === 'number') sampleRateHz = value;
    if (field === 5 && typeof value === 'number') channels = value;
    return true;
  });
  return isWhole ? { kind: 'audio', audio, sampleRateHz, channels } : undefined;
}

function readMessage(bytes: Uint8Array): RtviFrame | undefined {
  let json = '';
  try {
    const isWhole = eachField(bytes, (field, value) => {
      if (field === 1 && typeof value !== 'number') json = STRICT_UTF8.decode(value);
      return true;
    });
    return isWhole ? { kind: 'message', json } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Tells `on` every field: a number for one that is a varint, else its bytes. False: this is no
 * protobuf, or `on` wants no more of it. Numbers beyond 2^53 lose their last digits; none is used.
 */
function eachField(
  bytes: Uint8Array,
  on: (field: number, value: number | Uint8Array) => boolean,
): boolean {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let place = 0; place < 10; place += 1) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    if (!(field >= 1 && field < 2 ** 29)) return false;
    const wireType = tag % 8;
    if (wireType === 0) {
      const value = readVarint();
      if (Number.isNaN(value) || !on(field, value)) return false;
      continue;
    }
    const lengths: Readonly<Record<number, () => number>> = {
      1: () => 8,
      2: readVarint,
      5: () => 4,
    };
    const length = lengths[wireType]?.() ?? NaN;
    if (!(length <= bytes.length - at)) return false;
    if (!on(field, bytes.subarray(at, at + length))) return false;
    at += length;
  }
  return true;
}
