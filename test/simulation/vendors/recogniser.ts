import type { Heard, HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import { phoneMs } from '#audio/g711.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { createLabelEar } from '../world/labelled-sound.ts';
import type { Sounds } from '../world/labelled-sound.ts';
import type { Connection, MemoryService } from './service.ts';

export type RecogniserStyle = {
  /** It decides itself when a turn has ended: eager end, then the end. */
  readonly endOfTurn: boolean;
  readonly finalize: boolean;
  /** It says how much of the audio a final stands for. */
  readonly tellsUntil: boolean;
  readonly punctuates: boolean;
  /** Silence after which it closes a segment, or ends a turn. */
  readonly silenceMs: number;
  /** From a word's last sample to its text, drawn anew for each. */
  readonly lagMs: () => number;
};

/** What is kept of the audio before the connection is open. */
const KEPT_MS = 10_000;
const EAGER_SILENCE_MS = 160;
/** Both ends say that they live; one that does not for so long is dead. */
const PING_EVERY_MS = 2_000;
const PONG_WITHIN_MS = 3_000;

type Message = Exclude<Heard, { type: 'switched' | 'failed' }> | { readonly type: 'pong' };

/** A recogniser of labelled sound. The service is real enough to lose, garble and delay what it hears. */
export function openRecogniser(parts: {
  readonly service: MemoryService;
  readonly serviceClock: Clock;
  readonly style: RecogniserStyle;
  readonly sounds: Sounds;
  readonly options: RoleOptions;
}): SpeechToText {
  const { service, style, options } = parts;
  const { apiKey, clock } = options;
  const failures = failureMaker(service.name, service.role, apiKey);
  const streams = new Set<HearingStream>();
  return {
    vendor: service.name,
    model: options.model ?? 'memory',
    can: { endOfTurn: style.endOfTurn, finalize: style.finalize },
    listen(_asked, on) {
      let over = false;
      let early: Uint8Array[] = [];
      let earlyMs = 0;
      let owesFinalize = false;
      let hearing: Hearing | undefined;
      let cancelPing: Cancel = () => undefined;

      const end = (): void => {
        over = true;
        cancelPing();
        hearing?.close();
        streams.delete(stream);
        early = [];
      };
      let cancelPong: Cancel = () => undefined;
      const ping = (): void => {
        cancelPing = clock.after(PING_EVERY_MS, () => {
          cancelPing = clock.after(PONG_WITHIN_MS, () => {
            end();
            connection.close();
            on({ type: 'failed', failure: failures.of('timeout', `${service.name} is silent`) });
          });
          cancelPong = cancelPing;
          hearing?.ping();
        });
      };
      const connection: Connection<Message> = service.connect<Message>({
        apiKey,
        on(message) {
          if (over) return;
          if (message.type !== 'pong') return on(message);
          cancelPong();
          ping();
        },
        onOpen() {
          hearing = createHearing(parts, connection);
          for (const audio of early) hearing.write(audio);
          early = [];
          if (owesFinalize) hearing.finalize();
        },
        onFailed(failure) {
          if (over) return;
          end();
          on({ type: 'failed', failure });
        },
      });
      const stream: HearingStream = {
        write(mulaw) {
          if (over) return;
          if (hearing) return hearing.write(mulaw);
          early.push(Uint8Array.from(mulaw));
          earlyMs += phoneMs(mulaw.length);
          if (earlyMs > KEPT_MS) earlyMs -= phoneMs(early.shift()?.length ?? 0);
        },
        finalize() {
          if (over || !style.finalize) return;
          if (hearing) hearing.finalize();
          else owesFinalize = true;
        },
        close() {
          if (over) return;
          end();
          connection.close();
        },
      };
      streams.add(stream);
      ping();
      return stream;
    },
    check: () => {
      const failure = service.check(apiKey);
      return Promise.resolve(failure ? { ok: false, failure } : { ok: true });
    },
    close: () => streams.forEach((stream) => stream.close()),
  };
}

type Hearing = {
  write(mulaw: Uint8Array): void;
  finalize(): void;
  ping(): void;
  close(): void;
};

/** The service's side of one stream. Time is that of the audio; `lagMs` is on top of it. */
function createHearing(
  parts: {
    readonly serviceClock: Clock;
    readonly style: RecogniserStyle;
    readonly sounds: Sounds;
  },
  connection: Connection<Message>,
): Hearing {
  const { serviceClock: clock, style } = parts;
  let words: string[] = [];
  let writtenMs = 0;
  let isEager = false;
  let dueMs = 0;
  const cancels = new Set<Cancel>();

  /** Answers come in the order of what they are about. */
  const say = (message: Message, lagMs = style.lagMs()): void => {
    dueMs = Math.max(dueMs, clock.now() + lagMs);
    const cancel = clock.after(dueMs - clock.now(), () => {
      cancels.delete(cancel);
      connection.send(message);
    });
    cancels.add(cancel);
  };
  const textOf = (): string => {
    const text = words.join(' ');
    return style.punctuates ? text : text.replaceAll(/[.,?!]/g, '');
  };
  const until = (): { untilMs?: number } => (style.tellsUntil ? { untilMs: writtenMs } : {});

  const ear = createLabelEar(parts.sounds, (word) => {
    if (isEager) say({ type: 'resumed' });
    isEager = false;
    words.push(word.text);
    say({ type: 'interim', text: textOf() });
  });
  const closeSegment = (fromFinalize: boolean): void => {
    const text = textOf();
    words = [];
    isEager = false;
    if (style.endOfTurn) say({ type: 'end', text, ...until() });
    else say({ type: 'final', text, fromFinalize, ...until() }, fromFinalize ? 40 : style.lagMs());
  };

  return {
    write(mulaw) {
      ear.write(mulaw, writtenMs);
      writtenMs += phoneMs(mulaw.length);
      if (words.length === 0) return;
      const silentMs = writtenMs - (ear.soundUntilMs ?? 0);
      if (silentMs >= style.silenceMs) return closeSegment(false);
      if (style.endOfTurn && !isEager && silentMs >= EAGER_SILENCE_MS) {
        isEager = true;
        say({ type: 'eager-end', text: textOf() });
      }
    },
    finalize: () => closeSegment(true),
    ping: () => say({ type: 'pong' }, 0),
    close() {
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}
