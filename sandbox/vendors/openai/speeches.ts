/** Read anew for every piece of work, so they may be changed. */
export type SpeechTiming = {
  /** From the commit of audio to its whole transcript. */
  transcriptMs: number;
  /** From a text to its first audio. */
  firstSpeechMs: number;
  /** How many times faster than it is spoken the audio is sent. */
  realTimeFactor: number;
  /** Length of one chunk of audio, in its own time. */
  chunkMs: number;
};

export const defaultSpeechTiming: SpeechTiming = {
  transcriptMs: 500,
  firstSpeechMs: 300,
  realTimeFactor: 5,
  chunkMs: 100,
};

/** One text that was asked to be spoken, by a response of a voice model or by `/v1/audio/speech`. */
export type SpeechRecord = {
  readonly id: string;
  readonly model: string;
  /** What was asked to be said. */
  readonly text: string;
  readonly outcome: 'running' | 'completed' | 'cancelled' | 'failed' | 'aborted';
};

/** Everything that was asked to be spoken. */
export type Speeches = {
  readonly all: readonly SpeechRecord[];
  begin(of: { readonly id: string; readonly model: string; readonly text: string }): {
    /** The first outcome stays. */
    end(outcome: Exclude<SpeechRecord['outcome'], 'running'>): void;
  };
};

export function createSpeeches(): Speeches {
  const all: { -readonly [K in keyof SpeechRecord]: SpeechRecord[K] }[] = [];
  return {
    get all() {
      return all.map((one) => ({ ...one }));
    },
    begin(of) {
      const record: (typeof all)[number] = { ...of, outcome: 'running' };
      all.push(record);
      return {
        end(outcome) {
          if (record.outcome === 'running') record.outcome = outcome;
        },
      };
    },
  };
}
