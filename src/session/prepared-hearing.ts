import { PHONE_AUDIO } from '#audio/format.ts';
import type {
  Heard,
  HearingOptions,
  HearingStream,
  SpeechToText,
} from '#contracts/speech-to-text.ts';

/** A recogniser that listens already, while its call is still being connected. */
export type PreparedHearing = {
  /** Not if it has failed meanwhile: a call is better off with a stream of its own. */
  readonly isUsable: boolean;
  /** A recogniser whose first stream, for the same options, is the one that is open. */
  take(): SpeechToText;
  /** Closes a stream that nobody took. */
  close(): void;
};

export function prepareHearing(hearing: SpeechToText, options: HearingOptions): PreparedHearing {
  let state: 'waiting' | 'taken' | 'over' = 'waiting';
  let early: Heard[] = [];
  let listener = (heard: Heard): void => {
    early.push(heard);
    if (heard.type === 'failed') state = 'over';
  };
  const stream = hearing.listen(options, (heard) => listener(heard));
  const { endOfTurn } = hearing.can;

  const handOver = (on: (heard: Heard) => void): HearingStream => {
    state = 'taken';
    listener = on;
    const said = early;
    early = [];
    let isClosed = false;
    // Said once the taker has the stream in hand.
    queueMicrotask(() => {
      for (const heard of said) if (!isClosed) on(heard);
    });
    return {
      ...stream,
      close() {
        isClosed = true;
        stream.close();
      },
    };
  };

  return {
    get isUsable() {
      // A taker asks once, before it listens, who decides the end of turns.
      return state === 'waiting' && endOfTurn === hearing.can.endOfTurn;
    },
    take: () => ({
      vendor: hearing.vendor,
      model: hearing.model,
      get can() {
        return hearing.can;
      },
      listen: (asked, on) =>
        state === 'waiting' && isSame(asked, options) ? handOver(on) : hearing.listen(asked, on),
      check: (signal) => hearing.check(signal),
      close: () => hearing.close(),
    }),
    close() {
      if (state !== 'waiting') return;
      state = 'over';
      stream.close();
    },
  };
}

const isSame = (one: HearingOptions, two: HearingOptions): boolean =>
  one.language === two.language &&
  one.keyterms.join('\n') === two.keyterms.join('\n') &&
  (one.audio ?? PHONE_AUDIO).encoding === (two.audio ?? PHONE_AUDIO).encoding &&
  (one.audio ?? PHONE_AUDIO).sampleRateHz === (two.audio ?? PHONE_AUDIO).sampleRateHz;
