import { bytesOf, msOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { Heard, HearingStream } from '#contracts/speech-to-text.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { createPauseFinder } from './pauses.ts';
import { createTranscript } from './transcript.ts';
import { openTranscriptionLine } from './transcription-line.ts';
import type { LineEvent, TranscriptionLine } from './transcription-line.ts';

export type HearingParts = {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Of what is written. */
  readonly format: AudioFormat;
  /** Of the transcription session. */
  readonly settings: object;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (heard: Heard) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** Audio goes out in pieces of this length: each is a JSON message, and the model works in longer steps. */
const PIECE_MS = 80;
/**
 * A segment begins with the quiet that ended the one before, up to so much: the soft beginning of a word
 * is no part of a pause.
 */
const CARRIED_MS = 2 * PIECE_MS;
/** A segment is not ended inside a word: whoever asks for its end waits for a quiet moment, at most this long. */
const QUIET_WITHIN_MS = 400;
/** From a commit to its whole transcript, the handshake included; half a second as a rule, under two at worst. */
const TRANSCRIPT_WITHIN_MS = 8_000;
/** The service ends a session after 60 minutes: the next pause from here on is used to begin another. */
const ROTATE_AFTER_MS = 50 * 60_000;

type Session = { readonly id: number; readonly line: TranscriptionLine };

/**
 * One call's stream. It never reconnects after a failure; a session near its limit is replaced by a
 * new one, at a pause, and closed once all of its audio is written.
 */
export function openHearing(parts: HearingParts): HearingStream {
  const { format, clock, failures } = parts;
  const pieceSize = bytesOf(PIECE_MS, format);
  const carriedBytes = bytesOf(CARRIED_MS, format);
  const transcript = createTranscript();
  const pauses = createPauseFinder(format);
  /** Sessions with something still to be written; the last one gets the audio. */
  const sessions: Session[] = [];
  let isOver = false;
  let writtenBytes = 0;
  let commitCount = 0;
  let sessionCount = 0;
  let piece = Buffer.alloc(0);
  /** The last quiet audio of the segment. */
  let quiet = Buffer.alloc(0);
  /** That of the segment before, not sent again yet. */
  let carried = Buffer.alloc(0);
  /** Somebody has asked for the end of the segment in the middle of a word. */
  let cancelAsked: (() => void) | undefined;
  let cancelDeadline = (): void => undefined;

  const over = (): void => {
    isOver = true;
    cancelDeadline();
    cancelAsked?.();
    for (const { line } of sessions.splice(0)) line.close();
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (isOver) return;
    over();
    parts.log.warn({ vendor: 'openai', code: failure.code }, 'hearing failed');
    parts.on({ type: 'failed', failure });
  };
  const say = (heard: readonly Heard[]): void => {
    for (const one of heard) {
      // The listener may close the stream while it is being told something.
      if (isOver) return;
      parts.on(one);
    }
  };
  const watch = (): void => {
    cancelDeadline();
    if (isOver || transcript.awaitedCount === 0) return;
    cancelDeadline = clock.after(TRANSCRIPT_WITHIN_MS, () =>
      fail(failures.of('timeout', `openai sent no transcript within ${TRANSCRIPT_WITHIN_MS} ms`)),
    );
  };

  const openSession = (): Session => {
    const line = openTranscriptionLine(parts, (event) => onLine(session, event));
    sessionCount += 1;
    const session = { id: sessionCount, line };
    sessions.push(session);
    return session;
  };

  const onLine = (session: Session, event: LineEvent): void => {
    switch (event.type) {
      case 'delta':
        // Words of an earlier segment are no sign that the present one is listened to, but rare.
        pauses.heard();
        return say(transcript.delta(session.id, event.itemId, event.text));
      case 'committed':
        return say(transcript.committed(session.id, event.itemId));
      case 'completed':
        return onWritten(transcript.completed(event.itemId, event.text));
      case 'dropped':
        return onWritten(transcript.dropped(event.commitId));
      case 'failed':
        return fail(event.failure);
    }
  };
  const onWritten = (heard: readonly Heard[]): void => {
    for (const old of sessions.filter((one) => one !== current && !transcript.awaits(one.id))) {
      sessions.splice(sessions.indexOf(old), 1);
      old.line.close();
    }
    watch();
    say(heard);
  };

  /** Sends the piece; whether it ends the segment. */
  const flush = (): boolean => {
    if (piece.length === 0) return false;
    const isEnd = pauses.write(piece);
    current.line.append(carried.length === 0 ? piece : Buffer.concat([carried, piece]));
    quiet = pauses.isSpeech ? Buffer.alloc(0) : Buffer.concat([quiet, piece]);
    quiet = quiet.subarray(-carriedBytes);
    carried = Buffer.alloc(0);
    piece = Buffer.alloc(0);
    return isEnd;
  };
  const commit = (fromFinalize: boolean): void => {
    cancelAsked?.();
    cancelAsked = undefined;
    flush();
    pauses.reset();
    carried = quiet;
    quiet = Buffer.alloc(0);
    commitCount += 1;
    const commitId = `commit_${commitCount}`;
    const untilMs = msOf(writtenBytes, format);
    transcript.commit({ sessionId: current.id, commitId, untilMs, fromFinalize });
    current.line.commit(commitId);
    if (transcript.awaitedCount === 1) watch();
    if (clock.now() - current.line.openedAtMs >= ROTATE_AFTER_MS) current = openSession();
  };

  let current = openSession();
  return {
    write(audio) {
      for (let from = 0; from < audio.length;) {
        if (isOver) return;
        const part = audio.subarray(from, from + pieceSize - piece.length);
        from += part.length;
        writtenBytes += part.length;
        piece = Buffer.concat([piece, part]);
        if (piece.length < pieceSize) continue;
        const isEnd = flush();
        const isAsked = cancelAsked !== undefined;
        if (isEnd || (isAsked && !pauses.isSpeech)) commit(isAsked);
      }
    },
    finalize() {
      if (isOver) return;
      const isNothingNew = current.line.uncommittedBytes === 0 && piece.length === 0;
      if (isNothingNew && transcript.awaitLast()) return;
      flush();
      if (!pauses.isSpeech) return commit(true);
      cancelAsked ??= clock.after(QUIET_WITHIN_MS, () => commit(true));
    },
    close() {
      if (!isOver) over();
    },
  };
}
