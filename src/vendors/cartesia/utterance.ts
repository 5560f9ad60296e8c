import { msOf } from '#audio/format.ts';
import { wholeSamples } from '#audio/whole-samples.ts';
import type { Spoken, Utterance } from '#contracts/text-to-speech.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import type { Connection } from './connection.ts';
import { cancelRequest, generationRequest } from './messages.ts';
import type { ContextFields, ContextMessage } from './messages.ts';

export type UtteranceParts = {
  readonly acquire: () => Connection;
  readonly fields: ContextFields;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (spoken: Spoken) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** From a text to its first audio, and from one message to the next while some are due. */
const ANSWER_WITHIN_MS = 5_000;
/** How long a context that had fallen quiet may take to say that it is done. */
const QUIET_DONE_WITHIN_MS = 1_500;
/**
 * The service forgets a context one second after its last audio, and takes no text for it any more.
 * Text that comes later than this after the last message therefore goes to a new context.
 */
const QUIET_MS = 600;

/** A context and what is known of it. An utterance has one, or after a long pause in its text several in a row. */
type Segment = {
  contextId: string;
  connection: Connection;
  readonly texts: string[];
  /** No more text goes there. */
  finished: boolean;
  ended: boolean;
  answered: boolean;
  /** When its last message came; undefined while an answer to its last text is due. */
  quietSinceMs: number | undefined;
  /** It was quiet when it was finished: perhaps it is forgotten already, and its end may stay unsaid. */
  endsQuietly: boolean;
  retried: boolean;
  /** Came before the segments ahead had ended. */
  held: ContextMessage[];
};

export function startUtterance(parts: UtteranceParts): Utterance {
  const { clock, failures, fields } = parts;
  /** In the order they are spoken. */
  const segments: Segment[] = [];
  let saying = true;
  let finished = false;
  let soundless = '';
  const whole = wholeSamples(fields.audio);
  let saidBytes = 0;
  let headStartBytes = 0;
  let sentAtMs = clock.now();
  let cancelDeadline: Cancel = () => undefined;

  const end = (): void => {
    saying = false;
    cancelDeadline();
    for (const segment of segments) {
      if (!segment.ended)
        segment.connection.send(segment.contextId, cancelRequest(segment.contextId));
      segment.connection.detach(segment.contextId);
    }
    segments.length = 0;
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (!saying) return;
    end();
    parts.log.warn({ vendor: 'cartesia', code: failure.code }, 'speaking failed');
    parts.on({ type: 'failed', failure });
  };

  const watch = (): void => {
    cancelDeadline();
    const head = segments[0];
    if (!head || (!head.finished && head.quietSinceMs !== undefined)) return;
    const withinMs = head.endsQuietly ? QUIET_DONE_WITHIN_MS : ANSWER_WITHIN_MS;
    cancelDeadline = clock.after(withinMs, () => {
      if (head.endsQuietly) return endHead();
      const { connection } = head;
      fail(failures.of('timeout', `cartesia has sent no speech for ${withinMs} ms`));
      connection.suspect(sentAtMs);
    });
  };

  const endHead = (): void => {
    const head = segments.shift();
    if (!head) return;
    head.ended = true;
    head.connection.detach(head.contextId);
    headStartBytes = saidBytes;
    const next = segments[0];
    if (next) {
      const held = next.held.splice(0);
      for (const message of held) if (saying) say(next, message);
      if (saying) watch();
      return;
    }
    if (!finished) return cancelDeadline();
    end();
    parts.on({ type: 'done' });
  };

  /** A message of the head, in its turn. */
  const say = (segment: Segment, message: ContextMessage): void => {
    switch (message.type) {
      case 'audio': {
        const audio = whole(message.audio);
        if (audio.length === 0) return;
        saidBytes += audio.length;
        return parts.on({ type: 'audio', audio });
      }
      case 'words': {
        const fromMs = msOf(headStartBytes, fields.audio);
        const words = message.words.map((word) => ({
          text: word.text,
          startMs: fromMs + word.startMs,
          endMs: fromMs + word.endMs,
        }));
        return parts.on({ type: 'words', words });
      }
      case 'done':
        return endHead();
      case 'error':
        if (segment.endsQuietly) return endHead();
        return fail(failures.ofStatus(message.status, message.detail));
      case 'garbled':
        return fail(failures.of('garbled', `cartesia sent ${message.detail}`));
    }
  };

  const attach = (segment: Segment): void => {
    const wasKept = segment.connection.isKept;
    segment.connection.attach(segment.contextId, {
      message(message) {
        segment.answered = true;
        segment.quietSinceMs = clock.now();
        if (message.type === 'done' || message.type === 'error') segment.ended = true;
        if (segment !== segments[0]) return void segment.held.push(message);
        say(segment, message);
        if (saying) watch();
      },
      lost(failure) {
        // A kept connection that had ended unnoticed: nothing was said yet, so once more on another.
        if (!wasKept || segment.answered || segment.retried) return fail(failure);
        segment.retried = true;
        segment.contextId = newToken(12);
        segment.connection = parts.acquire();
        attach(segment);
        send(segment, segment.texts.join(''), segment.finished);
      },
    });
  };
  const send = (segment: Segment, text: string, isLast: boolean): void => {
    sentAtMs = clock.now();
    const { contextId, connection } = segment;
    connection.send(contextId, generationRequest(fields, contextId, text, isLast));
    watch();
  };
  const newSegment = (): Segment => {
    const segment: Segment = {
      contextId: newToken(12),
      connection: parts.acquire(),
      texts: [],
      finished: false,
      ended: false,
      answered: false,
      quietSinceMs: undefined,
      endsQuietly: false,
      retried: false,
      held: [],
    };
    segments.push(segment);
    attach(segment);
    return segment;
  };
  const isQuiet = ({ quietSinceMs }: Segment): boolean =>
    quietSinceMs !== undefined && clock.now() - quietSinceMs >= QUIET_MS;
  const finishSegment = (segment: Segment, text: string): void => {
    segment.endsQuietly = isQuiet(segment);
    segment.finished = true;
    segment.texts.push(text);
    send(segment, text, true);
  };

  return {
    push(text) {
      if (!saying || finished) return;
      // Blanks and punctuation alone make no sound, so no answer would come; they wait for words.
      soundless += text;
      if (!/[\p{L}\p{N}]/u.test(soundless)) return;
      const spoken = soundless;
      soundless = '';
      const tail = segments.at(-1);
      if (tail && !tail.finished && !tail.ended && isQuiet(tail)) finishSegment(tail, '');
      const usable = tail && !tail.finished && !tail.ended ? tail : newSegment();
      usable.quietSinceMs = undefined;
      usable.texts.push(spoken);
      send(usable, spoken, false);
    },
    finish() {
      if (!saying || finished) return;
      finished = true;
      const tail = segments.at(-1);
      if (tail && !tail.finished && !tail.ended) return finishSegment(tail, soundless);
      if (segments.length > 0) return;
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
