import { msOf, PHONE_LINE } from '#audio/format.ts';
import type { SpeakOptions, TextToSpeech, Utterance, WordTime } from '#contracts/text-to-speech.ts';
import type { Transport } from '#contracts/transport.ts';
import type { Role } from '#contracts/vendor.ts';
import type { PreparedSpeech } from '#conversation/state.ts';
import { createPlayback } from './playback.ts';
import { preparedSpeech } from './prepared-speech.ts';

type Said =
  | { readonly type: 'speech-audio'; readonly replyId: number; readonly audioMs: number }
  | {
      readonly type: 'speech-words';
      readonly replyId: number;
      readonly words: readonly WordTime[];
    }
  | { readonly type: 'speech-done'; readonly replyId: number }
  | { readonly type: 'played'; readonly replyId: number; readonly playedMs: number }
  | {
      readonly type: 'vendor-failed';
      readonly role: Role;
      readonly replyId: number;
      readonly vendor: string;
      readonly message: string;
    }
  | {
      readonly type: 'vendor-switched';
      readonly role: Role;
      readonly replyId: number;
      readonly vendor: string;
      readonly message: string;
      readonly to: string;
    };

/** The agent's voice: has text spoken, and its audio played when it may be heard. */
export type Mouth = {
  speak(replyId: number, text: string): void;
  finish(replyId: number): void;
  speakPrepared(replyId: number, speech: PreparedSpeech): void;
  stop(replyId: number): void;
  hold(replyId: number): void;
  release(replyId: number, fromMs: number): void;
  /** A playback mark came back, after so much of the caller's sound. */
  mark(name: string, lineMs: number): void;
  close(): void;
};

export function createMouth(parts: {
  readonly speech: TextToSpeech;
  readonly options: Omit<SpeakOptions, 'audio'>;
  readonly transport: Transport;
  readonly on: (said: Said) => void;
}): Mouth {
  const { speech, transport, on } = parts;
  const { spoken: audio } = transport.audio ?? PHONE_LINE;
  const options: SpeakOptions = { ...parts.options, audio };
  const playback = createPlayback({
    transport,
    wordTimes: speech.can.wordTimes,
    onPlayed: (replyId, playedMs) => on({ type: 'played', replyId, playedMs }),
  });
  let current: { readonly replyId: number; readonly utterance: Utterance } | undefined;

  const cancel = (): void => {
    current?.utterance.cancel();
    current = undefined;
  };

  const open = (replyId: number): Utterance =>
    speech.speak(options, (spoken) => {
      switch (spoken.type) {
        case 'audio':
          return on({
            type: 'speech-audio',
            replyId,
            audioMs: playback.push(replyId, spoken.audio),
          });
        case 'words':
          playback.words(replyId, spoken.words);
          return on({ type: 'speech-words', replyId, words: spoken.words });
        case 'done':
          playback.done(replyId);
          return on({ type: 'speech-done', replyId });
        case 'failed':
          return on({
            type: 'vendor-failed',
            role: 'text-to-speech',
            replyId,
            vendor: spoken.failure.vendor,
            message: spoken.failure.message,
          });
        case 'switched':
          return on({
            type: 'vendor-switched',
            role: 'text-to-speech',
            replyId,
            vendor: spoken.failure.vendor,
            message: spoken.failure.message,
            to: spoken.to,
          });
      }
    });

  return {
    speak(replyId, text) {
      if (current?.replyId !== replyId) {
        cancel();
        current = { replyId, utterance: open(replyId) };
      }
      current.utterance.push(text);
    },
    finish(replyId) {
      if (current?.replyId === replyId) current.utterance.finish();
    },
    speakPrepared(replyId, name) {
      cancel();
      const clip = preparedSpeech(name, audio);
      playback.words(replyId, clip.words);
      playback.push(replyId, clip.audio);
      playback.done(replyId);
      on({ type: 'speech-audio', replyId, audioMs: msOf(clip.audio.length, audio) });
      on({ type: 'speech-words', replyId, words: clip.words });
      on({ type: 'speech-done', replyId });
    },
    stop(replyId) {
      if (current?.replyId === replyId) cancel();
      playback.drop(replyId);
    },
    hold: (replyId) => playback.hold(replyId),
    release: (replyId, fromMs) => playback.release(replyId, fromMs),
    mark: (name, lineMs) => playback.mark(name, lineMs),
    close: cancel,
  };
}
