import type { AudioFormat } from '#audio/format.ts';
import { wholeSamples } from '#audio/whole-samples.ts';
import type { Spoken, Utterance } from '#contracts/text-to-speech.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { GrpcStream } from './channel.ts';
import { failureOfStatus } from './failure.ts';
import type { GoogleStatus } from './failure.ts';
import { cutSentences } from './sentences.ts';
import type { SynthesisMessages } from './synthesis-messages.ts';

/** A stream of the service that speaks its protocol and has been told the voice. */
export type OpenSynthesisStream = (listener: {
  open(messages: SynthesisMessages): void;
  /** Undefined: no message of this protocol. */
  audio(audio: Uint8Array | undefined): void;
  ended(status: GoogleStatus, wasKept: boolean): void;
}) => GrpcStream;

export type UtteranceParts = {
  readonly format: AudioFormat;
  readonly openStream: OpenSynthesisStream;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
  readonly on: (spoken: Spoken) => void;
  /** Called once, when nothing more will be said. */
  readonly onEnd: () => void;
};

/** From a text to its first audio, and from one message to the next while some are due. */
const ANSWER_WITHIN_MS = 5_000;
/** The service fails a stream that gets no text for 5 s; text that comes later than this goes to a new one. */
const IDLE_MS = 4_000;

type StreamEvent =
  | { readonly type: 'audio'; readonly audio: Uint8Array | undefined }
  | { readonly type: 'ended'; readonly status: GoogleStatus; readonly wasKept: boolean };

/** A stream and what is known of it. An utterance has one, or after a long pause in its text several in a row. */
type Segment = {
  stream: GrpcStream | undefined;
  messages: SynthesisMessages | undefined;
  readonly texts: string[];
  /** No more text goes there. */
  finished: boolean;
  answered: boolean;
  /** Nothing has come since its last text. */
  awaited: boolean;
  retried: boolean;
  /** Came before the segments ahead had ended. */
  readonly held: StreamEvent[];
};

export function startUtterance(parts: UtteranceParts): Utterance {
  const { format, clock, failures } = parts;
  const whole = wholeSamples(format);
  /** In the order they are spoken; only the last one may get text. */
  const segments: Segment[] = [];
  let saying = true;
  let finished = false;
  let unsent = '';
  let cancelDeadline: Cancel = () => undefined;
  let cancelIdle: Cancel = () => undefined;

  const end = (): void => {
    saying = false;
    cancelDeadline();
    cancelIdle();
    for (const { stream } of segments) stream?.cancel();
    segments.length = 0;
    parts.onEnd();
  };
  const fail = (failure: VendorFailure): void => {
    if (!saying) return;
    end();
    parts.log.warn({ vendor: 'google', code: failure.code }, 'speaking failed');
    parts.on({ type: 'failed', failure });
  };
  const watch = (): void => {
    cancelDeadline();
    const [head] = segments;
    if (!head || (!head.finished && !head.awaited)) return;
    cancelDeadline = clock.after(ANSWER_WITHIN_MS, () =>
      fail(failures.of('timeout', `google has sent no speech for ${ANSWER_WITHIN_MS} ms`)),
    );
  };

  const connect = (segment: Segment): void => {
    const onEvent = (event: StreamEvent): void => {
      if (segment.stream !== stream) return;
      if (segment === segments[0]) say(segment, event);
      else segment.held.push(event);
    };
    const stream = parts.openStream({
      open(messages) {
        if (segment.stream !== stream) return;
        segment.messages = messages;
        for (const text of segment.texts) stream.send(messages.text(text));
        if (segment.finished) stream.halfClose();
      },
      audio: (audio) => onEvent({ type: 'audio', audio }),
      ended: (status, wasKept) => onEvent({ type: 'ended', status, wasKept }),
    });
    segment.messages = undefined;
    segment.stream = stream;
  };

  /** An event of the head, in its turn. */
  const say = (segment: Segment, event: StreamEvent): void => {
    if (event.type === 'ended') return onEnded(segment, event);
    segment.answered = true;
    segment.awaited = false;
    if (!event.audio)
      return fail(failures.of('garbled', 'google sent something that is no speech'));
    const audio = whole(event.audio);
    if (audio.length > 0) parts.on({ type: 'audio', audio });
    if (saying) watch();
  };
  const onEnded = (
    segment: Segment,
    { status, wasKept }: StreamEvent & { type: 'ended' },
  ): void => {
    if (status.code === 'OK' && segment.finished) return endHead();
    // A kept connection that had ended unnoticed: nothing was said yet, so once more on another.
    const isStale = status.code === 'UNAVAILABLE' || status.code === 'DEADLINE_EXCEEDED';
    if (wasKept && isStale && !segment.answered && !segment.retried) {
      segment.retried = true;
      return connect(segment);
    }
    if (status.code === 'OK')
      return fail(failures.of('closed', 'google ended the stream in the middle'));
    const failure = failureOfStatus(failures, status);
    const isCut = status.code === 'UNAVAILABLE' && segment.answered;
    fail(isCut ? { ...failure, code: 'closed' } : failure);
  };
  const endHead = (): void => {
    segments.shift();
    const [next] = segments;
    if (next) {
      watch();
      for (const event of next.held.splice(0)) if (saying) say(next, event);
      return;
    }
    if (!finished) return cancelDeadline();
    end();
    parts.on({ type: 'done' });
  };

  const open = (): Segment | undefined => {
    const last = segments.at(-1);
    return last?.finished === false ? last : undefined;
  };
  const newSegment = (): Segment => {
    const segment: Segment = {
      stream: undefined,
      messages: undefined,
      texts: [],
      finished: false,
      answered: false,
      awaited: false,
      retried: false,
      held: [],
    };
    segments.push(segment);
    connect(segment);
    return segment;
  };
  const finishSegment = (segment: Segment): void => {
    cancelIdle();
    segment.finished = true;
    if (segment.messages) segment.stream?.halfClose();
    watch();
  };
  const send = (text: string): void => {
    const segment = open() ?? newSegment();
    segment.texts.push(text);
    segment.awaited = true;
    if (segment.messages) segment.stream?.send(segment.messages.text(text));
    cancelIdle();
    cancelIdle = clock.after(IDLE_MS, () => finishSegment(segment));
    watch();
  };

  return {
    push(text) {
      if (!saying || finished) return;
      unsent += text;
      const { whole, rest } = cutSentences(unsent);
      // Blanks and punctuation alone make no sound, so no answer would come; they wait for words.
      if (!hasSound(whole)) return;
      unsent = rest;
      send(whole);
    },
    finish() {
      if (!saying || finished) return;
      finished = true;
      if (hasSound(unsent)) send(unsent);
      const last = open();
      if (last) return finishSegment(last);
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

const hasSound = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);
