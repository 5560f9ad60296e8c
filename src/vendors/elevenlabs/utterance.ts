import { msOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { wholeSamples } from '#audio/whole-samples.ts';
import type { Spoken, Utterance, WordTime } from '#contracts/text-to-speech.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import type { Connection } from './connection.ts';
import { closeRequest, textRequest } from './messages.ts';
import type { ContextMessage } from './messages.ts';
import { characterCount, isSpeakable, sendableLength } from './speakable-text.ts';
import { wordJoiner } from './word-joiner.ts';

export type UtteranceParts = {
  readonly format: AudioFormat;
  /** Undefined: there are as many contexts as there may be. */
  readonly acquire: () => Connection | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (spoken: Spoken) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** From a text to its first audio, and from one message to the next while some are due. */
const ANSWER_WITHIN_MS = 5_000;
/** From the last audio of a closed context to its end, which then may stay unsaid. */
const FINAL_WITHIN_MS = 1_500;
/** The service may leave a few characters, such as an emoji, without a time. */
const UNTIMED_CHARACTERS = 3;

/** Where an utterance is spoken. It has one context, or several in a row if the service closes them. */
type Context = {
  readonly id: string;
  readonly connection: Connection;
  readonly texts: string[];
  /** We asked for its end. */
  closed: boolean;
  answered: boolean;
  /** Nothing has come since its last text. */
  awaited: boolean;
  /** Characters that were sent and have no time yet. */
  dueCharacters: number;
};

export function startUtterance(parts: UtteranceParts): Utterance {
  const { format, clock, failures } = parts;
  const whole = wholeSamples(format);
  const joiner = wordJoiner();
  let context: Context | undefined;
  let saying = true;
  let finished = false;
  let retried = false;
  /** Text that is no whole word yet, or none at all. */
  let held = '';
  let saidBytes = 0;
  let sentAtMs = clock.now();
  let cancelDeadline: Cancel = () => undefined;

  const end = (): void => {
    saying = false;
    cancelDeadline();
    context?.connection.abandon(context.id);
    context = undefined;
    parts.onEnd();
  };
  const done = (): void => {
    sayWords(joiner.end());
    if (!saying) return;
    end();
    parts.on({ type: 'done' });
  };
  const fail = (failure: VendorFailure): void => {
    if (!saying) return;
    end();
    parts.log.warn({ vendor: 'elevenlabs', code: failure.code }, 'speaking failed');
    parts.on({ type: 'failed', failure });
  };
  const sayWords = (words: readonly WordTime[]): void => {
    if (saying && words.length > 0) parts.on({ type: 'words', words });
  };

  const isDue = ({ awaited, dueCharacters }: Context): boolean =>
    awaited || dueCharacters > UNTIMED_CHARACTERS;
  const watch = (): void => {
    cancelDeadline();
    const watched = context;
    if (!watched) return;
    const due = isDue(watched);
    if (!due && !watched.closed) return;
    const withinMs = due ? ANSWER_WITHIN_MS : FINAL_WITHIN_MS;
    cancelDeadline = clock.after(withinMs, () => {
      if (!due) return done();
      const { connection } = watched;
      fail(failures.of('timeout', `elevenlabs has sent no speech for ${withinMs} ms`));
      connection.suspect(sentAtMs);
    });
  };

  const onMessage = (from: Context, message: ContextMessage): void => {
    from.answered = true;
    from.awaited = false;
    from.dueCharacters -= message.characters.filter(
      ({ character }) => character.trim() !== '',
    ).length;
    const fromMs = msOf(saidBytes, format);
    const audio = whole(message.audio);
    saidBytes += audio.length;
    if (audio.length > 0) parts.on({ type: 'audio', audio });
    sayWords(joiner.add(message.characters, fromMs));
    if (!saying) return;
    if (!message.isFinal) return watch();
    context = undefined;
    cancelDeadline();
    if (finished) return done();
    if (isDue(from))
      return fail(failures.of('closed', 'elevenlabs ended the speech in the middle'));
    // It was closed for its long silence; a text that still comes opens another.
    sayWords(joiner.end());
  };

  const open = (): Context | undefined => {
    const connection = parts.acquire();
    if (!connection) {
      fail(failures.of('limited', 'elevenlabs: too many voices are speaking at once'));
      return undefined;
    }
    const opened: Context = {
      id: newToken(12),
      connection,
      texts: [],
      closed: false,
      answered: false,
      awaited: false,
      dueCharacters: 0,
    };
    const wasKept = connection.isKept;
    context = opened;
    connection.open(opened.id, {
      message: (message) => onMessage(opened, message),
      lost(failure) {
        context = undefined;
        const isOldNews = failure.code === 'closed' || failure.code === 'timeout';
        // A kept connection that had ended unnoticed: nothing was said yet, so once more on another.
        if (!wasKept || opened.answered || retried || !isOldNews) return fail(failure);
        retried = true;
        for (const text of opened.texts) send(text);
        if (finished && saying) closeContext();
      },
    });
    return opened;
  };
  const send = (text: string): void => {
    const target = saying ? (context ?? open()) : undefined;
    if (!target) return;
    sentAtMs = clock.now();
    target.texts.push(text);
    target.awaited = true;
    target.dueCharacters += characterCount(text);
    target.connection.send(target.id, textRequest(target.id, text));
    watch();
  };
  const closeContext = (): void => {
    if (!context) return;
    context.closed = true;
    context.connection.send(context.id, closeRequest(context.id));
    watch();
  };

  return {
    push(text) {
      if (!saying || finished) return;
      held += text;
      const length = sendableLength(held);
      const ready = held.slice(0, length);
      if (!isSpeakable(ready)) return;
      held = held.slice(length);
      send(ready);
    },
    finish() {
      if (!saying || finished) return;
      finished = true;
      if (isSpeakable(held)) send(held);
      if (context) return closeContext();
      // Nothing to speak, or all of it spoken: said after this call has returned.
      if (saying) queueMicrotask(() => saying && done());
    },
    cancel() {
      if (saying) end();
    },
  };
}
