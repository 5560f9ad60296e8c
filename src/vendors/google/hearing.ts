import { bytesOf, isLoud, msOf } from '#audio/format.ts';
import type { Heard, HearingStream } from '#contracts/speech-to-text.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { failureOfStatus } from './failure.ts';
import type { GoogleStatus } from './failure.ts';
import { startLeg } from './leg.ts';
import type { Leg, LegEvent, OpenSpeechStream } from './leg.ts';
import type { RecognitionConfig, SpeechMessage } from './speech-messages.ts';
import { createUnheard } from './unheard.ts';

export type HearingParts = {
  readonly openStream: OpenSpeechStream;
  readonly config: RecognitionConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (heard: Heard) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** A message costs as much for 20 ms as for this; the service itself asks for messages of this length. */
const BATCH_MS = 100;
/** Audio that piles up instead of leaving means that the network does not keep up. */
const MAX_UNSENT_MS = 10_000;
/** The service ends a stream after 5 minutes. It is left before that: in a silence, or at the last moment. */
const RENEW_FROM_MS = 240_000;
const RENEW_BY_MS = 285_000;
/** The service fails a stream that got no audio for about 10 s, so one that gets none is ended in good order. */
const IDLE_MS = 5_000;
/** What another stream could have to hear again: while nothing is being said, and while something is. */
const KEEP_IN_SILENCE_MS = 10_000;
const KEEP_IN_SPEECH_MS = 30_000;
/** So much loud audio without an answer is noise, or there is nobody to answer; that can be told by asking. */
const SUSPECT_AFTER_MS = 4_000;
const ALIVE_WITHIN_MS = 2_000;
/** From the end of a stream's audio to its last words. */
const LAST_WORDS_WITHIN_MS = 5_000;
/** Sound in the last moment of a leg may be a word that was cut in two; no word is longer than this. */
const LAST_MOMENT_MS = 100;
const LONGEST_WORD_MS = 1_000;
/** A word may begin a little before the service says that the one before it ended; none is this short. */
const BETWEEN_WORDS_MS = 40;

type Turn = {
  readonly leg: Leg;
  /** Whoever listens asked for its end, and waits for an answer even if it is empty. */
  isAsked: boolean;
  /** Finals that came after its audio had ended. */
  readonly lastWords: string[];
  /** Came before the turns ahead had ended. */
  readonly held: LegEvent[];
};

/**
 * One call's hearing, from the first byte to the first failure. The protocol has no way to ask for a
 * final but to end the audio, so a call is heard in one leg after the other.
 */
export function openHearing(parts: HearingParts): HearingStream {
  const { clock, failures } = parts;
  const { format } = parts.config;
  const bytesIn = (ms: number): number => bytesOf(ms, format);
  const msIn = (bytes: number): number => msOf(bytes, format);
  const batchSize = bytesIn(BATCH_MS);
  /** In the order in which they are told; only the last one may get audio. */
  const turns: Turn[] = [];
  const unheard = createUnheard();
  let listening = true;
  let interim = '';
  let batch = new Uint8Array(batchSize);
  let batchBytes = 0;
  let unansweredMs = 0;
  let cancelIdle: Cancel = () => undefined;
  let cancelLastWords: Cancel = () => undefined;

  const over = (): void => {
    listening = false;
    cancelIdle();
    cancelLastWords();
    for (const { leg } of turns) leg.cancel();
    turns.length = 0;
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (!listening) return;
    over();
    parts.log.warn({ vendor: 'google', code: failure.code }, 'hearing failed');
    parts.on({ type: 'failed', failure });
  };
  const say = (heard: Heard): void => {
    if (listening) parts.on(heard);
  };

  const newTurn = (fromByte: number): Turn => {
    const leg = startLeg({
      ...parts,
      unheard,
      fromByte,
      on(event) {
        unansweredMs = 0;
        if (turn === turns[0]) onLeg(turn, event);
        else turn.held.push(event);
      },
    });
    const turn: Turn = { leg, isAsked: false, lastWords: [], held: [] };
    turns.push(turn);
    watchIdle(turn);
    return turn;
  };
  const open = (): Turn | undefined => {
    const last = turns.at(-1);
    return last?.leg.endByte === undefined ? last : undefined;
  };

  const onLeg = (turn: Turn, event: LegEvent): void => {
    if (event.type === 'ended') return onEnded(turn, event.status);
    const { message } = event;
    if (!message) return fail(failures.of('garbled', 'google sent something that is no answer'));
    switch (message.type) {
      case 'other':
        return;
      case 'error':
        return fail(failures.of('unreachable', `google: ${message.message}`));
      case 'interim':
        if (message.text === interim) return;
        interim = message.text;
        return say({ type: 'interim', text: interim });
      case 'final':
        return onFinal(turn, message);
    }
  };
  const onFinal = ({ leg, lastWords }: Turn, final: SpeechMessage & { type: 'final' }): void => {
    interim = '';
    if (final.text === '') return;
    const untilByte = leg.heard(final.untilMs ?? Infinity);
    // How many are still to come is known at the end only, and then they are said as one.
    if (leg.endByte !== undefined) return void lastWords.push(final.text);
    unheard.forget(untilByte);
    say({
      type: 'final',
      text: final.text,
      fromFinalize: false,
      ...(final.untilMs !== undefined && { untilMs: msIn(untilByte) }),
    });
  };

  const onEnded = (turn: Turn, status: GoogleStatus): void => {
    const { leg } = turn;
    if (status.code === 'OK')
      return leg.endByte === undefined
        ? fail(failures.of('closed', 'google ended the stream in the middle'))
        : onLastWords(turn, leg.endByte);
    const failure = failureOfStatus(failures, status);
    const isCut = status.code === 'UNAVAILABLE' && leg.isAnswered;
    fail(isCut ? { ...failure, code: 'closed' } : failure);
  };
  const onLastWords = ({ leg, isAsked, lastWords }: Turn, endByte: number): void => {
    cancelLastWords();
    turns.shift();
    const untilByte = heardUntil(leg, endByte);
    unheard.forget(untilByte);
    interim = '';
    const text = lastWords.join(' ');
    if (text !== '' || isAsked)
      say({ type: 'final', text, fromFinalize: isAsked, untilMs: msIn(untilByte) });
    const [next] = turns;
    // The next leg begins where this one did not hear; with none yet, that stays unheard for it.
    if (!next) return;
    if (next.leg.endByte !== undefined) awaitLastWords();
    if (untilByte < endByte) {
      next.held.length = 0;
      return next.leg.renew(untilByte);
    }
    for (const event of next.held.splice(0)) if (listening) onLeg(next, event);
  };
  /** How far a leg that has ended has heard: not to its end if that cut a word in two. */
  const heardUntil = (leg: Leg, endByte: number): number => {
    const lastMoment = unheard.between(endByte - bytesIn(LAST_MOMENT_MS), endByte);
    if (leg.heardUntilByte >= endByte || !lastMoment.some((audio) => isLoud(audio, format)))
      return endByte;
    return Math.max(
      leg.heardUntilByte - bytesIn(BETWEEN_WORDS_MS),
      endByte - bytesIn(LONGEST_WORD_MS),
    );
  };
  const awaitLastWords = (): void => {
    cancelLastWords();
    cancelLastWords = clock.after(LAST_WORDS_WITHIN_MS, () =>
      fail(failures.of('timeout', `google has not ended a stream for ${LAST_WORDS_WITHIN_MS} ms`)),
    );
  };

  const end = (turn: Turn): void => {
    cancelIdle();
    unansweredMs = 0;
    turn.leg.end();
    if (turn === turns[0]) awaitLastWords();
  };
  const watchIdle = (turn: Turn): void => {
    cancelIdle();
    cancelIdle = clock.after(IDLE_MS, () => {
      flush();
      if (listening) end(turn);
    });
  };

  const renewInTime = ({ leg }: Turn): void => {
    const isDue = leg.ageMs >= (interim === '' ? RENEW_FROM_MS : RENEW_BY_MS);
    if (!isDue || !leg.isOpen) return;
    interim = '';
    leg.renew();
  };

  const flush = (): void => {
    if (batchBytes === 0) return;
    const fromByte = turns.length === 0 ? unheard.from : unheard.until;
    unheard.push(batch.subarray(0, batchBytes));
    batch = new Uint8Array(batchSize);
    batchBytes = 0;
    const turn = open() ?? newTurn(fromByte);
    turn.leg.send();
    if (turn.leg.unsentBytes > bytesIn(MAX_UNSENT_MS))
      return fail(failures.of('timeout', 'google does not take audio as fast as it is spoken'));
    watchIdle(turn);
    const isQuiet = interim === '' && turns.length === 1;
    unheard.limit(bytesIn(isQuiet ? KEEP_IN_SILENCE_MS : KEEP_IN_SPEECH_MS));
    if (turn === turns[0]) renewInTime(turn);
  };

  const suspect = (audio: Uint8Array): void => {
    const leg = turns.at(-1)?.leg;
    if (!leg?.isOpen || !isLoud(audio, format)) return;
    unansweredMs += msIn(audio.length);
    if (unansweredMs < SUSPECT_AFTER_MS) return;
    unansweredMs = 0;
    leg.ensureAlive(ALIVE_WITHIN_MS);
  };

  newTurn(0);
  return {
    write(audio) {
      if (!listening) return;
      suspect(audio);
      for (let from = 0; from < audio.length;) {
        const part = audio.subarray(from, from + batchSize - batchBytes);
        batch.set(part, batchBytes);
        batchBytes += part.length;
        from += part.length;
        if (batchBytes === batchSize) flush();
        if (!listening) return;
      }
    },
    finalize() {
      if (!listening) return;
      flush();
      const turn = turns.at(-1);
      if (turn) {
        turn.isAsked = true;
        if (turn.leg.endByte === undefined) end(turn);
        return;
      }
      // Nothing came since the last answer.
      queueMicrotask(() => say({ type: 'final', text: '', fromFinalize: true }));
    },
    close() {
      if (listening) over();
    },
  };
}
