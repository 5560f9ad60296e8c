import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { compareOpening, compareSpoken } from './fidelity.ts';
import { isSpeakable } from './pieces.ts';
import type { PieceEvent } from './utterance.ts';
import type { ResponseEvent } from './voice-line.ts';

/** Asks the model to speak a text; `isAgain`: it has strayed from it once. */
export type Respond = (
  request: { readonly text: string; readonly isAgain: boolean },
  on: (event: ResponseEvent) => void,
) => { cancel(): void };

/**
 * How long sound waits for the transcript that vouches for it. The transcript is made first, so as a
 * rule it does not wait at all.
 */
const TRANSCRIPT_WITHIN_MS = 300;
/** How often a text is asked for once more because the model began with other words, or left out the end. */
const MAX_RESTARTS = 1;
const MAX_ENDINGS = 1;

/**
 * Has a voice model, which is a language model and may answer where it should read, keep to a text. No
 * sound is passed on before the model has begun with the text's own words; an end that it left out is
 * asked for again. Other deviations are heard already, so they are only logged.
 */
export function speakFaithfully(parts: {
  readonly text: string;
  readonly respond: Respond;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (event: PieceEvent) => void;
}): { cancel(): void } {
  const { clock, failures } = parts;
  let { text } = parts;
  let saying = true;
  let askedCount = 0;
  let restartCount = 0;
  let endingCount = 0;
  let transcript = '';
  let isVouched = false;
  let held: Uint8Array[] = [];
  let cancelHold: (() => void) | undefined;
  let cancelResponse = (): void => undefined;

  const end = (): void => {
    saying = false;
    cancelHold?.();
    held = [];
  };
  const last = (event: PieceEvent): void => {
    if (!saying) return;
    end();
    parts.on(event);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const pass = (): void => {
    isVouched = true;
    cancelHold?.();
    for (const audio of held.splice(0)) if (saying) parts.on({ type: 'audio', audio });
  };
  const warn = (message: string): void =>
    parts.log.warn({ vendor: 'openai', pii: { text, transcript } }, message);

  const ask = (): void => {
    transcript = '';
    isVouched = false;
    held = [];
    cancelHold?.();
    cancelHold = undefined;
    askedCount += 1;
    const asked = askedCount;
    // A response that was given up may still be on its way.
    const on = (event: ResponseEvent): void => {
      if (saying && asked === askedCount) onEvent(event);
    };
    const response = parts.respond({ text, isAgain: asked > 1 }, on);
    if (asked === askedCount) cancelResponse = response.cancel;
  };
  const judgeOpening = (isWhole: boolean): void => {
    if (isVouched) return;
    const opening = compareOpening(text, transcript, isWhole);
    if (opening === 'agrees') return pass();
    if (opening === 'open') return;
    warn('the voice does not begin as its text does');
    cancelResponse();
    if (restartCount >= MAX_RESTARTS)
      return fail(failures.of('garbled', 'openai speaks other words than it was given'));
    restartCount += 1;
    ask();
  };

  const onEvent = (event: ResponseEvent): void => {
    switch (event.type) {
      case 'transcript':
        transcript += event.text;
        return judgeOpening(false);
      case 'audio':
        if (isVouched) return parts.on({ type: 'audio', audio: event.audio });
        held.push(event.audio);
        cancelHold ??= clock.after(TRANSCRIPT_WITHIN_MS, pass);
        return;
      case 'done':
        return onDone();
      case 'failed':
      case 'lost':
        return fail(event.failure);
    }
  };
  const onDone = (): void => {
    const asked = askedCount;
    judgeOpening(true);
    if (!saying || asked !== askedCount) return;
    const { differs, missingEnd } = compareSpoken(text, transcript);
    if (differs) warn('the voice strays from its text');
    if (!isSpeakable(missingEnd) || endingCount >= MAX_ENDINGS) return last({ type: 'done' });
    endingCount += 1;
    text = missingEnd;
    ask();
  };

  ask();
  return {
    cancel() {
      if (!saying) return;
      end();
      cancelResponse();
    },
  };
}
