import { bytesOf } from '#audio/format.ts';
import type { Clock } from '#lib/clock.ts';
import type { GrpcStream } from './channel.ts';
import type { GoogleStatus } from './failure.ts';
import type { RecognitionConfig, SpeechMessage, SpeechMessages } from './speech-messages.ts';
import type { Unheard } from './unheard.ts';

/** A stream of the service that speaks its protocol. Nothing comes after `ended` or a cancel. */
export type OpenSpeechStream = (listener: {
  open(messages: SpeechMessages): void;
  /** Undefined: no message of this protocol. */
  message(message: SpeechMessage | undefined): void;
  ended(status: GoogleStatus, wasKept: boolean): void;
}) => GrpcStream;

export type LegEvent =
  | { readonly type: 'message'; readonly message: SpeechMessage | undefined }
  | { readonly type: 'ended'; readonly status: GoogleStatus };

/**
 * A part of a call's audio, and the stream that hears it: usually one, but a dead connection and the
 * service's limit of time call for another, which begins where the certain words end.
 */
export type Leg = {
  /** Everything before this position of the call's audio is heard for good. */
  readonly heardUntilByte: number;
  /** Where its audio ends; undefined while there is more to come. */
  readonly endByte: number | undefined;
  readonly isOpen: boolean;
  /** Something came from the stream that hears it now. */
  readonly isAnswered: boolean;
  readonly ageMs: number;
  readonly unsentBytes: number;
  /** Sends what audio there is. */
  send(): void;
  /** `untilMs` of its stream's audio is heard for good; the answer is the position in the call's. */
  heard(untilMs: number): number;
  /** There is no more audio; the rest of its words comes, and then its end. */
  end(): void;
  /** Goes on in a new stream, from where the certain words end, or from `fromByte`. */
  renew(fromByte?: number): void;
  ensureAlive(withinMs: number): void;
  cancel(): void;
};

export function startLeg(parts: {
  readonly openStream: OpenSpeechStream;
  readonly config: RecognitionConfig;
  readonly unheard: Unheard;
  readonly fromByte: number;
  readonly clock: Clock;
  readonly on: (event: LegEvent) => void;
}): Leg {
  const { unheard, clock } = parts;
  let heardUntilByte = parts.fromByte;
  let endByte: number | undefined;
  /** Position in the call's audio of the first byte that the stream got. */
  let originByte = heardUntilByte;
  let sentUntilByte = heardUntilByte;
  let messages: SpeechMessages | undefined;
  let isAnswered = false;
  let mayRetry = true;
  let openedAtMs = clock.now();
  let stream: GrpcStream | undefined;

  const send = (): void => {
    if (!stream || !messages) return;
    const until = endByte ?? unheard.until;
    for (const audio of unheard.between(sentUntilByte, until)) stream.send(messages.audio(audio));
    sentUntilByte = until;
  };

  const connect = (): void => {
    openedAtMs = clock.now();
    messages = undefined;
    isAnswered = false;
    const opened = parts.openStream({
      open(loaded) {
        if (stream !== opened) return;
        messages = loaded;
        originByte = Math.max(heardUntilByte, unheard.from);
        sentUntilByte = originByte;
        opened.send(loaded.configuration(parts.config));
        send();
        if (endByte !== undefined) opened.halfClose();
      },
      message(message) {
        if (stream !== opened) return;
        isAnswered = true;
        parts.on({ type: 'message', message });
      },
      ended(status, wasKept) {
        if (stream !== opened) return;
        // A kept connection that had ended unnoticed: it heard nothing yet, so once more on another.
        const isStale = status.code === 'UNAVAILABLE' || status.code === 'DEADLINE_EXCEEDED';
        if (!wasKept || !isStale || isAnswered || !mayRetry)
          return parts.on({ type: 'ended', status });
        mayRetry = false;
        connect();
      },
    });
    stream = opened;
  };

  connect();
  return {
    get heardUntilByte() {
      return heardUntilByte;
    },
    get endByte() {
      return endByte;
    },
    get isOpen() {
      return messages !== undefined;
    },
    get isAnswered() {
      return isAnswered;
    },
    get ageMs() {
      return clock.now() - openedAtMs;
    },
    get unsentBytes() {
      return stream?.unsentBytes ?? 0;
    },
    send,
    heard(untilMs) {
      heardUntilByte = Math.min(originByte + bytesOf(untilMs, parts.config.format), sentUntilByte);
      return heardUntilByte;
    },
    end() {
      endByte = unheard.until;
      send();
      if (messages) stream?.halfClose();
    },
    renew(fromByte = heardUntilByte) {
      heardUntilByte = fromByte;
      stream?.cancel();
      mayRetry = true;
      connect();
    },
    ensureAlive: (withinMs) => stream?.ensureAlive(withinMs),
    cancel: () => stream?.cancel(),
  };
}
