const HEADER_BYTES = 44;
const PCM_FORMAT = 1;
const SAMPLE_BYTES = 2;

/** 16-bit mono samples as a WAV file. */
export function wavFile(pcm: Int16Array, sampleRateHz: number): Buffer {
  const dataBytes = pcm.length * SAMPLE_BYTES;
  const file = Buffer.alloc(HEADER_BYTES + dataBytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(PCM_FORMAT, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(sampleRateHz, 24);
  file.writeUInt32LE(sampleRateHz * SAMPLE_BYTES, 28);
  file.writeUInt16LE(SAMPLE_BYTES, 32);
  file.writeUInt16LE(8 * SAMPLE_BYTES, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
  for (const [index, sample] of pcm.entries())
    file.writeInt16LE(sample, HEADER_BYTES + SAMPLE_BYTES * index);
  return file;
}
