import type { Spoken, TextToSpeech, Utterance, WordTime } from '#contracts/text-to-speech.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import { phoneBytes, phoneMs } from '#audio/g711.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { silenceOf } from '../world/labelled-sound.ts';
import type { Sounds } from '../world/labelled-sound.ts';
import type { Connection, MemoryService } from './service.ts';

export type VoiceParts = {
  readonly service: MemoryService;
  readonly serviceClock: Clock;
  readonly sounds: Sounds;
  readonly wordTimes: boolean;
  /** How fast it speaks. */
  readonly msPerLetter: number;
  readonly firstMs: () => number;
  /** From one word to the next while it makes speech, normally far less than the word lasts. */
  readonly wordMs: () => number;
  readonly voices?: readonly string[];
  /** Told when an utterance begins, and when it ends in whatever way. */
  readonly onActive?: (change: 1 | -1) => void;
  readonly options: RoleOptions;
};

type Message =
  | { readonly type: 'audio'; readonly audio: Uint8Array }
  | { readonly type: 'words'; readonly words: readonly WordTime[] }
  | { readonly type: 'done' };

const SOUND_WITHIN_MS = 8_000;
const PAUSES_MS: Readonly<Record<string, number>> = { '.': 220, '?': 240, '!': 220, ',': 150 };

/** A voice in memory: labelled sound for each word of what it is given. */
export function openVoice(parts: VoiceParts): TextToSpeech {
  const { service, options } = parts;
  const { apiKey, clock } = options;
  const failures = failureMaker(service.name, service.role, apiKey);
  const running = new Set<Utterance>();
  return {
    vendor: service.name,
    model: options.model ?? 'memory',
    can: { wordTimes: parts.wordTimes },
    speak({ voice }, on) {
      let over = false;
      let text = '';
      let isFinished = false;
      let speaking: Speaking | undefined;
      let connection: Connection<Message> | undefined;
      let resets = 0;
      let cancelDeadline: Cancel = () => undefined;
      let isActive = false;

      const end = (last?: Spoken): void => {
        if (over) return;
        over = true;
        cancelDeadline();
        speaking?.close();
        connection?.close();
        running.delete(utterance);
        if (isActive) parts.onActive?.(-1);
        if (last) on(last);
      };
      const failed = (failure: VendorFailure): void => end({ type: 'failed', failure });
      const expect = (): void => {
        cancelDeadline();
        cancelDeadline = clock.after(SOUND_WITHIN_MS, () => {
          if (!speaking || speaking.owes)
            failed(failures.of('timeout', `${service.name} makes no sound`));
        });
      };
      const open = (): void => {
        connection = service.connect<Message>({
          apiKey,
          on(message) {
            if (over) return;
            if (message.type === 'done') return end({ type: 'done' });
            expect();
            on(message);
          },
          onOpen() {
            if (parts.voices && !parts.voices.includes(voice))
              return failed(failures.of('invalid', `${service.name} has no voice ${voice}`));
            if (!connection) return;
            speaking = createSpeaking(parts, connection);
            speaking.push(text);
            if (isFinished) speaking.finish();
          },
          onFailed(failure) {
            if (over) return;
            // A kept connection that was lost meanwhile is no failure of the vendor.
            if (failure.message.includes('reset') && resets++ === 0) return open();
            failed(failure);
          },
        });
      };
      const begin = (): void => {
        if (connection) return;
        isActive = true;
        parts.onActive?.(1);
        open();
      };
      const utterance: Utterance = {
        push(more) {
          if (over || isFinished) return;
          begin();
          text += more;
          speaking?.push(more);
          expect();
        },
        finish() {
          if (over || isFinished) return;
          begin();
          isFinished = true;
          speaking?.finish();
          expect();
        },
        cancel: () => end(),
      };
      running.add(utterance);
      return utterance;
    },
    warm: () => undefined,
    check() {
      const failure = service.check(apiKey);
      return Promise.resolve(failure ? { ok: false, failure } : { ok: true });
    },
    close: () => running.forEach((utterance) => utterance.cancel()),
  };
}

type Speaking = {
  push(text: string): void;
  finish(): void;
  /** Whether it still has something to say for what it was given. */
  readonly owes: boolean;
  close(): void;
};

/** The service's side of one utterance. */
function createSpeaking(parts: VoiceParts, connection: Connection<Message>): Speaking {
  const { serviceClock: clock, sounds } = parts;
  let pending = '';
  let isFinished = false;
  let isDone = false;
  let madeMs = 0;
  let cancel: Cancel | undefined;
  let isFirst = true;

  /** The next whole word; the last one of a text that may go on is not known to be whole. */
  const nextWord = (): string | undefined => {
    const match = (isFinished ? /^\s*(\S+)\s*/ : /^\s*(\S+)(?:\s+|(?<=[.?!])$)/).exec(pending);
    if (!match) return undefined;
    pending = pending.slice(match[0].length);
    return match[1];
  };
  const work = (): void => {
    cancel = undefined;
    const text = nextWord();
    if (text === undefined) {
      if (!isFinished) return;
      isDone = true;
      return connection.send({ type: 'done' });
    }
    if (/[\p{L}\p{N}]/u.test(text)) speak(text);
    schedule();
  };
  const speak = (text: string): void => {
    const durationMs = 80 + text.length * parts.msPerLetter;
    const word = sounds.word(text, durationMs, parts.service.name);
    const audio = sounds.audioOf(word);
    const startMs = madeMs;
    madeMs += phoneMs(audio.length);
    // Pieces have nothing to do with words.
    const half = phoneBytes(Math.floor(durationMs / 2));
    connection.send({ type: 'audio', audio: audio.subarray(0, half) });
    connection.send({ type: 'audio', audio: audio.subarray(half) });
    if (parts.wordTimes)
      connection.send({ type: 'words', words: [{ text, startMs, endMs: madeMs }] });
    const pauseMs = PAUSES_MS[text.at(-1) ?? ''] ?? 0;
    if (pauseMs === 0) return;
    connection.send({ type: 'audio', audio: silenceOf(pauseMs) });
    madeMs += pauseMs;
  };
  const schedule = (): void => {
    if (cancel || isDone || !connection.isAlive) return;
    if (!isFinished && pending.trim() === '') return;
    cancel = clock.after(isFirst ? parts.firstMs() : parts.wordMs(), work);
    isFirst = false;
  };
  return {
    get owes() {
      return !isDone && (isFinished || /\S\s/.test(pending));
    },
    push(text) {
      pending += text;
      schedule();
    },
    finish() {
      isFinished = true;
      schedule();
    },
    close: () => cancel?.(),
  };
}
