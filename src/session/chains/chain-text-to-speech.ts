import { PHONE_AUDIO } from '#audio/format.ts';
import type { SpeakOptions, Spoken, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import { hasWords } from '#conversation/policies/words.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { speakBySentence } from './by-sentence.ts';
import type { SentenceEnd } from './by-sentence.ts';
import { checkChain } from './check-chain.ts';
import { failureOfChain, linkOrder } from './links.ts';
import type { Attempt, Link, LinkOrder } from './links.ts';
import { createSpeechGate } from './speech-gate.ts';
import type { Passed, SpeechGate } from './speech-gate.ts';
import { lettersIn, USUAL_MS_PER_LETTER, wordsIn } from './word-estimate.ts';

export type SpeechLink = Link<TextToSpeech> & {
  /** The vendor's own id of the voice that speaks. */
  readonly voice: string;
};

/** A word that was begun waits this long for its end once the line would run dry without it. */
const HALF_WORD_WAIT_MS = 100;

/** A sentence without word times passes before its end where the line has less sound than this ahead. */
const LEAST_AHEAD_MS = 400;

/** How often the words of a sentence that is played while it is made are guessed anew. */
const GUESS_EVERY_MS = 100;

/** So many words of a text that goes on may stay without a sound for any time. */
const KEPT_BACK_WORDS = 1;

/**
 * Speaks with the first link that can, for one call. One that fails, or makes no sound for text
 * within `stallMs`, is followed by the next, which goes on at the first word without whole audio:
 * what was made before is still played, and no word is lost or said twice. Vendors that tell no word
 * times speak sentence by sentence: where a sentence has to be played before it is whole, where to go
 * on in it is an estimate. `SpeakOptions.voice` is not used: each link has its own.
 */
export function chainTextToSpeech(
  links: readonly [SpeechLink, ...SpeechLink[]],
  options: { readonly clock: Clock; readonly stallMs: number },
): TextToSpeech {
  const order = linkOrder(links);
  const paces = new Map<SpeechLink, number>();
  const [{ vendor: first }] = links;
  return {
    vendor: first.vendor,
    model: first.model,
    can: { wordTimes: true },
    speak: (asked, on) =>
      speakByChain({
        ...options,
        asked,
        on,
        order,
        paces,
      }),
    warm(asked) {
      const link = order.next([]);
      link?.vendor.warm(asked && { ...asked, voice: link.voice });
    },
    check: (signal) => checkChain(links, signal),
    close: () => links.forEach(({ vendor }) => vendor.close()),
  };
}

/** One link's share of an utterance. */
type Part = {
  readonly link: SpeechLink;
  readonly gate: SpeechGate;
  /** Where its text and its audio begin in those of the whole utterance. */
  readonly startChar: number;
  readonly startMs: number;
  utterance?: Utterance;
};

function speakByChain(parts: {
  readonly clock: Clock;
  readonly stallMs: number;
  readonly asked: SpeakOptions;
  readonly on: (spoken: Spoken) => void;
  readonly order: LinkOrder<SpeechLink>;
  /** Measured times of a letter, by link. */
  readonly paces: Map<SpeechLink, number>;
}): Utterance {
  const { clock, stallMs, asked, on, order, paces } = parts;
  const attempts: Attempt<SpeechLink>[] = [];
  let text = '';
  let finished = false;
  let over = false;
  let part: Part | undefined;
  let passedMs = 0;
  let passingSinceMs: number | undefined;
  let heardOfMs = clock.now();
  let cancelWatch: Cancel | undefined;
  let cancelForce: Cancel | undefined;

  const end = (): void => {
    over = true;
    part = undefined;
    cancelWatch?.();
    cancelForce?.();
  };

  const pass = (of: Part, { audio, words }: Passed): void => {
    passedMs = of.startMs + of.gate.passedMs;
    if (audio.length > 0) passingSinceMs ??= clock.now();
    for (const piece of audio) if (part === of) on({ type: 'audio', audio: piece });
    if (words.length === 0 || part !== of) return;
    const { startMs } = of;
    on({
      type: 'words',
      words: words.map((word) => ({
        text: word.text,
        startMs: startMs + word.startMs,
        endMs: startMs + word.endMs,
      })),
    });
  };

  /** Half a word is better than silence: before the line runs dry, what is held back goes. */
  const forceInTime = (of: Part): void => {
    cancelForce?.();
    const { gate } = of;
    if (part !== of || !(gate.canForce || gate.owesWords)) return;
    const playedMs = passingSinceMs === undefined ? 0 : clock.now() - passingSinceMs;
    const waitMs = gate.canForce ? forceAfterMs(of.link, passedMs - playedMs) : GUESS_EVERY_MS;
    const force = (): void => {
      if (part !== of) return;
      pass(of, gate.force(playedMs + Math.max(0, waitMs) - of.startMs));
      if (gate.owesWords) cancelForce = clock.after(GUESS_EVERY_MS, () => forceInTime(of));
    };
    if (waitMs <= 0) force();
    else cancelForce = clock.after(waitMs, force);
  };
  const forceAfterMs = ({ vendor }: SpeechLink, aheadMs: number): number =>
    vendor.can.wordTimes
      ? Math.max(HALF_WORD_WAIT_MS, aheadMs - HALF_WORD_WAIT_MS)
      : aheadMs - LEAST_AHEAD_MS;

  /** Whether the link owes a sound, or the word that it is done. */
  const isDue = (of: Part): boolean => {
    if (finished) return true;
    const given = text.slice(of.startChar);
    if (of.gate.receivedMs === 0) return hasWords(given);
    // A vendor may keep a last word back until it knows how the sentence goes on.
    if (of.link.vendor.can.wordTimes)
      return wordsIn(given.slice(of.gate.toldPosition)) > KEPT_BACK_WORDS;
    return of.gate.receivedMs < (lettersIn(given) * paceOf(of.link)) / 2;
  };
  const paceOf = (link: SpeechLink): number => paces.get(link) ?? USUAL_MS_PER_LETTER;
  const watch = (): void => {
    cancelWatch ??= clock.after(Math.max(1, heardOfMs + stallMs - clock.now()), () => {
      cancelWatch = undefined;
      if (!part) return;
      if (clock.now() < heardOfMs + stallMs) return watch();
      // Without anybody to go on, the vendor has the time that it gives itself.
      if (isDue(part) && order.nextBeside(attempts, [part.link]))
        fail(part, 'timeout', `has made no sound for ${stallMs} ms`);
    });
  };

  const fail = (of: Part, code: FailureCode, what: string): void => {
    const { vendor } = of.link.vendor;
    of.utterance?.cancel();
    failed(of, { vendor, role: 'text-to-speech', code, message: `${vendor} ${what}` });
  };

  const failed = (of: Part, failure: VendorFailure): void => {
    if (part !== of) return;
    const attempt = { link: of.link, failure };
    attempts.push(attempt);
    order.failed(attempt);
    pass(of, of.gate.broken());
    if (part !== of) return;
    const startChar = of.startChar + of.gate.position;
    // All was said but that it is done.
    if (finished && passedMs > 0 && !hasWords(text.slice(startChar))) {
      end();
      return on({ type: 'done' });
    }
    const next = order.next(attempts);
    if (!next) {
      end();
      return on({ type: 'failed', failure: failureOfChain(attempts) });
    }
    part = undefined;
    on({ type: 'switched', failure, to: next.vendor.vendor });
    if (!over) open(next, startChar);
  };

  const onSpoken = (of: Part, spoken: Spoken | SentenceEnd): void => {
    if (part !== of) return;
    heardOfMs = clock.now();
    switch (spoken.type) {
      case 'audio':
        pass(of, of.gate.audio(spoken.audio));
        return forceInTime(of);
      case 'words':
        pass(of, of.gate.words(spoken.words));
        return forceInTime(of);
      case 'sentence-end':
        pass(of, of.gate.sentenceEnd(spoken.lengthChars));
        return forceInTime(of);
      case 'done': {
        if (of.gate.receivedMs === 0 && hasWords(text.slice(of.startChar)))
          return fail(of, 'garbled', 'made no sound for the text');
        pass(of, of.gate.done());
        const pace = of.gate.msPerLetter;
        if (pace !== undefined) paces.set(of.link, pace);
        if (part !== of) return;
        end();
        return on({ type: 'done' });
      }
      case 'failed':
        return failed(of, spoken.failure);
      case 'switched':
        return on(spoken);
    }
  };

  const open = (link: SpeechLink, startChar: number): void => {
    const { wordTimes } = link.vendor.can;
    const opened: Part = {
      link,
      startChar,
      startMs: passedMs,
      gate: createSpeechGate({
        format: asked.audio ?? PHONE_AUDIO,
        wordTimes,
        // Also where nobody stands behind it: after a lost connection it is asked again, and goes on.
        holdsBack: true,
        msPerLetter: paceOf(link),
      }),
    };
    part = opened;
    heardOfMs = clock.now();
    const say = (spoken: Spoken | SentenceEnd): void => onSpoken(opened, spoken);
    const inVoice = { ...asked, voice: link.voice };
    const utterance = wordTimes
      ? link.vendor.speak(inVoice, say)
      : speakBySentence(link.vendor, inVoice, say);
    opened.utterance = utterance;
    // It may have failed before there was an utterance to cancel.
    if (part !== opened) return utterance.cancel();
    give(opened, text.slice(startChar));
    if (finished && part === opened) utterance.finish();
  };

  const give = (to: Part, more: string): void => {
    if (more === '') return;
    to.gate.text(more);
    watch();
    to.utterance?.push(more);
  };

  const start = order.next([]);
  if (start) open(start, 0);

  return {
    push(more) {
      if (over || finished) return;
      text += more;
      if (!cancelWatch) heardOfMs = clock.now();
      if (part) give(part, more);
    },
    finish() {
      if (over || finished) return;
      finished = true;
      if (!cancelWatch) heardOfMs = clock.now();
      watch();
      part?.utterance?.finish();
    },
    cancel() {
      if (over) return;
      const { utterance } = part ?? {};
      end();
      utterance?.cancel();
    },
  };
}
