import type { Spoken, Utterance } from '#contracts/text-to-speech.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { isSpeakable, takePieces } from './pieces.ts';

/** What becomes of one piece of text. `done` or `failed` is the last of it. */
export type PieceEvent =
  /** Whole samples. */
  | { readonly type: 'audio'; readonly audio: Uint8Array }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly failure: VendorFailure };

/** Speaks the pieces of one utterance, several at a time if asked to. */
export type Speaker = {
  say(text: string, on: (event: PieceEvent) => void): { cancel(): void };
  /** Called once, when everything is done or cancelled. `isSuspect`: it has fallen silent in the middle. */
  release(isSuspect: boolean): void;
};

type Piece = {
  readonly text: string;
  state: 'waiting' | 'running' | 'done';
  cancel: () => void;
  /** Came before the pieces ahead were done. */
  held: Uint8Array[];
};

/** From a text to its first audio, and between two chunks of it. */
const ANSWER_WITHIN_MS = 5_000;
/** While one piece is spoken the next is made, so that none waits for a first chunk of its own. */
const MAX_RUNNING = 2;
/** How long a word that may still go on waits for the rest of it. */
const WORD_WAITS_MS = 300;

/** Text in pieces, each spoken by itself, and their audio in order. */
export function startUtterance(parts: {
  readonly speaker: Speaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (spoken: Spoken) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
}): Utterance {
  const { speaker, clock, failures } = parts;
  const pieces: Piece[] = [];
  let saying = true;
  let finished = false;
  let rest = '';
  let cancelWait = (): void => undefined;
  let cancelDeadline = (): void => undefined;

  const end = (isSuspect = false): void => {
    saying = false;
    cancelWait();
    cancelDeadline();
    for (const piece of pieces.splice(0)) if (piece.state === 'running') piece.cancel();
    speaker.release(isSuspect);
    parts.onEnd();
  };
  const fail = (failure: VendorFailure, isSuspect = false): void => {
    if (!saying) return;
    end(isSuspect);
    parts.log.warn({ vendor: 'openai', code: failure.code }, 'speaking failed');
    parts.on({ type: 'failed', failure });
  };
  const watch = (): void => {
    cancelDeadline();
    if (!saying || pieces[0]?.state !== 'running') return;
    cancelDeadline = clock.after(ANSWER_WITHIN_MS, () =>
      fail(failures.of('timeout', `openai has sent no speech for ${ANSWER_WITHIN_MS} ms`), true),
    );
  };
  const say = (audio: Uint8Array): void => {
    if (saying && audio.length > 0) parts.on({ type: 'audio', audio });
  };

  /** The head is done: what has been made of the next is said, and another one is begun. */
  const advance = (): void => {
    while (pieces[0]?.state === 'done') {
      pieces.shift();
      for (const audio of pieces[0]?.held.splice(0) ?? []) say(audio);
    }
    if (!saying) return;
    run();
    watch();
    if (pieces.length > 0 || !finished) return;
    end();
    parts.on({ type: 'done' });
  };
  const run = (): void => {
    for (const piece of pieces.slice(0, MAX_RUNNING)) if (piece.state === 'waiting') begin(piece);
  };
  const begin = (piece: Piece): void => {
    piece.state = 'running';
    const { cancel } = speaker.say(piece.text, (event) => {
      if (!saying) return;
      switch (event.type) {
        case 'audio':
          if (piece !== pieces[0]) return void piece.held.push(event.audio);
          watch();
          return say(event.audio);
        case 'done':
          piece.state = 'done';
          if (piece === pieces[0]) advance();
          return;
        case 'failed':
          return fail(event.failure);
      }
    });
    piece.cancel = cancel;
  };

  const take = (isLast: boolean): void => {
    cancelWait();
    const taken = takePieces(rest, isLast);
    rest = taken.rest;
    for (const text of taken.pieces)
      pieces.push({ text, state: 'waiting', cancel: () => undefined, held: [] });
    if (isSpeakable(rest)) cancelWait = clock.after(WORD_WAITS_MS, () => take(true));
    const isIdle = pieces[0]?.state !== 'running';
    run();
    if (isIdle) watch();
  };

  return {
    push(text) {
      if (!saying || finished) return;
      rest += text;
      // Blanks and punctuation alone make no sound; they wait for words.
      if (isSpeakable(rest)) take(false);
    },
    finish() {
      if (!saying || finished) return;
      finished = true;
      take(true);
      if (pieces.length > 0) return;
      // Nothing to speak, or all of it spoken: said after this call has returned.
      queueMicrotask(() => {
        if (!saying) return;
        end();
        parts.on({ type: 'done' });
      });
    },
    cancel() {
      if (saying) end();
    },
  };
}
