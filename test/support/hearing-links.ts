import { MULAW_SILENCE, PHONE_FRAME_BYTES, phoneBytes, phoneMs } from '#audio/g711.ts';
import type { Heard } from '#contracts/speech-to-text.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { HearingLink } from '#session/chains/chain-speech-to-text.ts';

export const SPOKEN_WORD_MS = 240;
/** Silence that closes a segment, or ends a turn. */
const SEGMENT_SILENCE_MS = 300;
const TURN_SILENCE_MS = 400;

export type HearingManners = {
  readonly name?: string;
  readonly endOfTurn?: boolean;
  /** From the audio to what is said of it. */
  readonly lagMs?: number;
  readonly tellsUntil?: boolean;
  readonly saysInterims?: boolean;
  /** It fails, or is silent for five seconds and then says that it timed out, after so much audio. */
  readonly dies?: { readonly afterMs: number; readonly how: 'fails' | 'falls silent' };
  readonly refuses?: boolean;
};

/** Sound in which the number of each word stands in its every sample; 0 to 99 words. */
export function sayNumbers(words: readonly number[], pauseMs: number): Uint8Array {
  const pause = new Uint8Array(phoneBytes(pauseMs)).fill(MULAW_SILENCE);
  const spoken = words.flatMap((word) => [
    new Uint8Array(phoneBytes(SPOKEN_WORD_MS - 20)).fill(word),
    new Uint8Array(phoneBytes(20)).fill(MULAW_SILENCE),
  ]);
  return Buffer.concat([...spoken, pause]);
}

/** Recognisers that hear those words in what is written to them, wherever that begins. */
export function hearingWorld(clock: VirtualClock) {
  let open = 0;
  const link = (
    manners: HearingManners = {},
  ): HearingLink & { readonly opened: number[]; readonly failures: VendorFailure[] } => {
    const { name = 'fake', endOfTurn = false, lagMs = 150 } = manners;
    const { tellsUntil = true, saysInterims = true } = manners;
    const opened: number[] = [];
    const failures: VendorFailure[] = [];
    const failureOf = (code: FailureCode): VendorFailure => ({
      vendor: name,
      role: 'speech-to-text',
      code,
      message: `${name} failed`,
    });
    return {
      opened,
      failures,
      isOut: () => false,
      failed: (failure) => void failures.push(failure),
      vendor: {
        vendor: name,
        model: 'fake',
        can: { endOfTurn, finalize: !endOfTurn },
        listen(_asked, on) {
          opened.push(clock.now());
          open++;
          let live = true;
          let silentForEver = false;
          let bytes = 0;
          let silence = 0;
          let words: string[] = [];
          let run = { word: -1, length: 0 };
          const end = (): void => {
            if (live) open--;
            live = false;
          };
          const later = (heard: Heard): void => {
            if (silentForEver) return;
            clock.after(lagMs, () => {
              if (!live || silentForEver) return;
              on(heard);
            });
          };
          const fail = (code: FailureCode): void => {
            if (!live) return;
            end();
            on({ type: 'failed', failure: failureOf(code) });
          };
          const close = (fromFinalize: boolean): void => {
            if (words.length === 0 && !fromFinalize) return;
            const text = words.join(' ');
            words = [];
            const until = tellsUntil ? { untilMs: phoneMs(bytes) } : {};
            later(
              endOfTurn
                ? { type: 'end', text, ...until }
                : { type: 'final', text, fromFinalize, ...until },
            );
          };
          const take = (sample: number): void => {
            bytes++;
            if (sample === MULAW_SILENCE) {
              run = { word: -1, length: 0 };
              silence++;
              const limitMs = endOfTurn ? TURN_SILENCE_MS : SEGMENT_SILENCE_MS;
              if (silence === phoneBytes(limitMs)) close(false);
              return;
            }
            silence = 0;
            run = { word: sample, length: run.word === sample ? run.length + 1 : 1 };
            if (run.length !== phoneBytes(SPOKEN_WORD_MS - 20)) return;
            words.push(`w${sample}`);
            if (saysInterims) later({ type: 'interim', text: words.join(' ') });
          };
          if (manners.refuses) clock.after(20, () => fail('refused'));
          return {
            write(mulaw) {
              if (!live || silentForEver || manners.refuses) return;
              for (const sample of mulaw) take(sample);
              const { dies } = manners;
              if (!dies || phoneMs(bytes) < dies.afterMs) return;
              if (dies.how === 'fails') return fail('unreachable');
              silentForEver = true;
              clock.after(5_000, () => fail('timeout'));
            },
            finalize: () => void (live && !endOfTurn && !silentForEver && close(true)),
            close: end,
          };
        },
        check: () => Promise.resolve({ ok: true }),
        close: () => undefined,
      },
    };
  };
  return {
    link,
    /** Streams that nobody has closed. */
    get open() {
      return open;
    },
  };
}

/** Writes audio as the phone does: 20 ms every 20 ms. */
export async function inRealTime(
  clock: VirtualClock,
  audio: Uint8Array,
  write: (mulaw: Uint8Array) => void,
): Promise<void> {
  for (let at = 0; at < audio.length; at += PHONE_FRAME_BYTES) {
    write(audio.subarray(at, at + PHONE_FRAME_BYTES));
    await clock.advance(20);
  }
}
