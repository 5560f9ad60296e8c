/** What is quieter counts as silence. */
export const SILENCE_DBFS = -60;

/** How loud a voice is, from its samples on their way past. */
export type Loudness = {
  add(pcm: Int16Array): void;
  /** Root mean square since the last reading, in dBFS; silence where nothing came. */
  read(): number;
};

export function createLoudness(): Loudness {
  let energy = 0;
  let samples = 0;
  return {
    add(pcm) {
      for (const sample of pcm) energy += (sample / 32_768) ** 2;
      samples += pcm.length;
    },
    read() {
      const meanEnergy = samples === 0 ? 0 : energy / samples;
      energy = 0;
      samples = 0;
      return Math.max(SILENCE_DBFS, Math.round(10 * Math.log10(meanEnergy)));
    },
  };
}
