import { phoneBytes } from '#audio/g711.ts';
import type { Spoken, TextToSpeech, WordTime } from '#contracts/text-to-speech.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { SpeechLink } from '#session/chains/chain-text-to-speech.ts';

export const WORD_MS = 200;
/** The first sample of every word. */
const WORD_START = 255;

/** How a fake vendor of speech behaves; it makes sound five times as fast as it is spoken. */
export type SpeechManners = {
  readonly name?: string;
  readonly wordTimes?: boolean;
  /** From the text to its first sound. */
  readonly firstMs?: number;
  readonly chunkMs?: number;
  /** Word times come this many chunks after the start of the word. */
  readonly wordsLate?: number;
  /** It ends with the failure after so many messages of an utterance, or falls silent for ever. */
  readonly dies?: { readonly afterMessages: number; readonly how: 'fails' | 'falls silent' };
  readonly refuses?: boolean;
};

/** The number of each distinct word stands in its every sample, so that an ear can tell what it hears. */
export function speechWorld(clock: VirtualClock) {
  const numbers = new Map<string, number>();
  const numberOf = (word: string): number => {
    const known = numbers.get(word) ?? numbers.size + 1;
    numbers.set(word, known);
    return known;
  };
  const open = new Set<object>();

  function link(manners: SpeechManners = {}): SpeechLink & {
    readonly texts: string[];
    readonly failures: VendorFailure[];
  } {
    const { name = 'fake', wordTimes = true, firstMs = 100, chunkMs = 60, wordsLate = 0 } = manners;
    const texts: string[] = [];
    const failures: VendorFailure[] = [];
    const failure: VendorFailure = {
      vendor: name,
      role: 'text-to-speech',
      code: manners.refuses ? 'refused' : 'closed',
      message: `${name} failed`,
    };
    const vendor: TextToSpeech = {
      vendor: name,
      model: 'fake',
      can: { wordTimes },
      speak(_asked, on) {
        const utterance = {};
        open.add(utterance);
        const index = texts.push('') - 1;
        let pending: { word: string; startMs: number }[] = [];
        let audio: number[] = [];
        let rest = '';
        let finished = false;
        let working = false;
        let sentMs = 0;
        let madeMs = 0;
        let messages = 0;
        const say = (spoken: Spoken): void => {
          if (!open.has(utterance)) return;
          if (messages++ === manners.dies?.afterMessages) {
            open.delete(utterance);
            if (manners.dies.how === 'fails') on({ type: 'failed', failure });
            return;
          }
          if (spoken.type === 'done') open.delete(utterance);
          on(spoken);
        };
        if (manners.refuses)
          clock.after(20, () => {
            if (open.delete(utterance)) on({ type: 'failed', failure });
          });
        const work = (): void => {
          if (audio.length > 0) {
            const chunk = audio.splice(0, phoneBytes(chunkMs));
            sentMs += chunk.length / 8;
            say({ type: 'audio', audio: Uint8Array.from(chunk) });
          }
          const lateMs = audio.length > 0 ? wordsLate * chunkMs : 0;
          const due = pending.filter(({ startMs }) => startMs < sentMs - lateMs);
          pending = pending.filter((one) => !due.includes(one));
          const words = due.map(({ word, startMs }): WordTime => ({
            text: word,
            startMs,
            endMs: startMs + WORD_MS,
          }));
          if (words.length > 0 && wordTimes) say({ type: 'words', words });
          if (audio.length > 0) return void clock.after(chunkMs / 5, work);
          working = false;
          if (finished && rest.trim() === '') say({ type: 'done' });
        };
        const start = (): void => {
          if (working || manners.refuses) return;
          working = true;
          clock.after(firstMs, work);
        };
        const make = (text: string): void => {
          for (const word of text.split(/\s+/).filter((one) => one !== '')) {
            pending.push({ word, startMs: madeMs });
            madeMs += WORD_MS;
            audio.push(WORD_START, ...new Uint8Array(phoneBytes(WORD_MS) - 1).fill(numberOf(word)));
          }
          start();
        };
        return {
          push(text) {
            texts[index] += text;
            rest += text;
            const cut = rest.lastIndexOf(' ') + 1;
            make(rest.slice(0, cut));
            rest = rest.slice(cut);
          },
          finish() {
            finished = true;
            make(rest);
            rest = '';
          },
          cancel: () => void open.delete(utterance),
        };
      },
      warm: () => undefined,
      check: () =>
        Promise.resolve(manners.refuses ? { ok: false as const, failure } : { ok: true as const }),
      close: () => undefined,
    };
    return {
      vendor,
      voice: `${name}-voice`,
      texts,
      failures,
      isOut: () => false,
      failed: (given) => void failures.push(given),
    };
  }

  /** The whole words in the sound, in order; half a word is no word. */
  const hear = (spoken: readonly Spoken[]): readonly string[] => {
    const words = new Map([...numbers].map(([word, number]) => [number, word]));
    const heard: string[] = [];
    let run = { number: 0, length: 0 };
    for (const said of spoken) {
      if (said.type !== 'audio') continue;
      for (const number of said.audio) {
        if (number === WORD_START) run = { number: 0, length: 1 };
        else if (run.length === 1) run = { number, length: 2 };
        else run = { number, length: run.number === number ? run.length + 1 : 0 };
        if (run.length < phoneBytes(WORD_MS)) continue;
        heard.push(words.get(number) ?? '?');
        run = { number: 0, length: 0 };
      }
    }
    return heard;
  };

  return {
    link,
    hear,
    /** Utterances that a vendor is still at work on. */
    get open() {
      return open.size;
    },
  };
}
