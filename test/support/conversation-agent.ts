import type { ContextItem } from '#contracts/language-model.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { Effect } from '#conversation/effect.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Input } from '#conversation/input.ts';

export type UntimedInput = Input extends infer One
  ? One extends Input
    ? Omit<One, 'atMs'>
    : never
  : never;

/** What a language model does when asked once. */
export type Thought = {
  readonly text?: string;
  /** Called after the text. */
  readonly tools?: readonly {
    readonly name: string;
    readonly arguments?: string;
    readonly lasting?: boolean;
  }[];
  /** Until the first word. Infinity: it never answers. */
  readonly firstTokenMs?: number;
  /** Says so instead of a word. */
  readonly fails?: string;
};

/** How text becomes sound on the line. */
export type Voice = {
  /** Without, only the share of the audio tells which words were played. */
  readonly wordTimes?: boolean;
  /** From text to its audio. Infinity: the vendor is dead. */
  readonly speechMs?: number;
  /** From playing to being told so. Infinity: the marks are lost. */
  readonly markLagMs?: number;
  /** From a tool's call to its result. Infinity: it hangs. */
  readonly toolMs?: number;
  /** The vendor's only word to a text. */
  readonly fails?: string;
  /** It makes no sound of any text, and says that it has finished. */
  readonly mute?: boolean;
  /** Not even prepared speech is heard. */
  readonly noPrepared?: boolean;
};

type Track = {
  readonly replyId: number;
  readonly words: WordTime[];
  audioMs: number;
  playedMs: number;
  isPlaying: boolean;
  /** Cancels the end of the word that is being played. */
  stop: () => void;
};

/** Length of a spoken word. */
const WORD_MS = 300;
/** From one word of a thought to the next. */
const TOKEN_MS = 10;

/** A language model, a voice and a line, with knobs, driven by effects and answering with inputs. */
export function fakeAgent(
  thoughts: readonly (Thought | string)[],
  voice: Voice,
  later: (afterMs: number, run: () => void) => () => void,
  send: (input: UntimedInput) => void,
): {
  readonly ear: readonly string[];
  readonly asked: readonly (readonly ContextItem[])[];
  carryOut(effect: Effect): void;
} {
  const { speechMs = 150, markLagMs = 0, toolMs = 500, wordTimes = true } = voice;
  const ear: string[] = [];
  const asked: (readonly ContextItem[])[] = [];
  const script = [...thoughts];
  const tracks = new Map<number, Track>();
  const released = new Map<number, number>();
  let stopThinking = (): void => undefined;

  const fail = (role: Role, replyId: number, message: string): void =>
    send({ type: 'vendor-failed', role, replyId, vendor: 'acme', message });

  const think = (replyId: number, context: readonly ContextItem[]): void => {
    stopThinking();
    asked.push(context);
    const next = script.shift() ?? { firstTokenMs: Infinity };
    const thought: Thought = typeof next === 'string' ? { text: next } : next;
    const { firstTokenMs = 400, text = '', tools = [], fails } = thought;
    const pieces = text === '' ? [] : text.split(/(?<= )/);
    const stops = pieces.map((piece, index) =>
      later(firstTokenMs + index * TOKEN_MS, () =>
        send({ type: 'reply-delta', replyId, text: piece }),
      ),
    );
    stops.push(
      later(firstTokenMs + pieces.length * TOKEN_MS, () => {
        if (fails !== undefined) return fail('language-model', replyId, fails);
        for (const [index, tool] of tools.entries())
          send({
            type: 'reply-tool-call',
            replyId,
            callId: `call-${asked.length}-${index}`,
            name: tool.name,
            arguments: tool.arguments ?? '{}',
            ...(tool.lasting && { lasting: true }),
          });
        send({ type: 'reply-done', replyId });
      }),
    );
    stopThinking = () => stops.forEach((stop) => stop());
  };

  const trackOf = (replyId: number): Track => {
    const known = tracks.get(replyId);
    if (known) return known;
    const track: Track = {
      replyId,
      words: [],
      audioMs: 0,
      playedMs: 0,
      isPlaying: false,
      stop: () => undefined,
    };
    tracks.set(replyId, track);
    return track;
  };

  const speak = (replyId: number, text: string): void => {
    if (voice.mute) return;
    later(speechMs, () => {
      if (!tracks.has(replyId) && !released.has(replyId)) return;
      if (voice.fails !== undefined) return fail('text-to-speech', replyId, voice.fails);
      const track = trackOf(replyId);
      const words = text
        .trim()
        .split(/\s+/)
        .map((word, index): WordTime => {
          const startMs = track.audioMs + index * WORD_MS;
          return { text: word, startMs, endMs: startMs + WORD_MS };
        });
      track.words.push(...words);
      track.audioMs += words.length * WORD_MS;
      send({ type: 'speech-audio', replyId, audioMs: track.audioMs });
      if (wordTimes) send({ type: 'speech-words', replyId, words });
      play(track);
    });
  };

  const play = (track: Track): void => {
    const fromMs = released.get(track.replyId);
    if (fromMs === undefined || track.isPlaying) return;
    const word = track.words.find(({ endMs }) => endMs > track.playedMs);
    if (!word) return;
    track.isPlaying = true;
    const cancel = later(word.endMs - track.playedMs, () => {
      track.isPlaying = false;
      track.playedMs = word.endMs;
      ear.push(word.text);
      later(markLagMs, () =>
        send({ type: 'played', replyId: track.replyId, playedMs: word.endMs }),
      );
      play(track);
    });
    track.stop = () => {
      track.isPlaying = false;
      cancel();
    };
  };

  const finish = (replyId: number): void => {
    later(speechMs, () => {
      if (tracks.has(replyId) || released.has(replyId)) send({ type: 'speech-done', replyId });
    });
  };

  const drop = (replyId: number): void => {
    tracks.get(replyId)?.stop();
    tracks.delete(replyId);
    released.delete(replyId);
  };

  const release = (replyId: number, fromMs: number): void => {
    released.set(replyId, fromMs);
    const track = trackOf(replyId);
    track.playedMs = fromMs;
    play(track);
  };

  const speakPrepared = (replyId: number, text: string): void => {
    if (voice.noPrepared) return;
    const track = trackOf(replyId);
    track.words.push({ text, startMs: 0, endMs: 2_000 });
    track.audioMs = 2_000;
    send({ type: 'speech-audio', replyId, audioMs: 2_000 });
    send({ type: 'speech-done', replyId });
    play(track);
  };

  return {
    ear,
    asked,
    carryOut(effect) {
      switch (effect.type) {
        case 'think':
          return think(effect.replyId, effect.context);
        case 'stop-thinking':
          return stopThinking();
        case 'speak':
          trackOf(effect.replyId);
          return speak(effect.replyId, effect.text);
        case 'finish-speaking':
          return finish(effect.replyId);
        case 'speak-prepared':
          return speakPrepared(effect.replyId, `(${effect.speech})`);
        case 'stop-speaking':
          return drop(effect.replyId);
        case 'hold-audio':
          released.delete(effect.replyId);
          return tracks.get(effect.replyId)?.stop();
        case 'release-audio':
          return release(effect.replyId, effect.fromMs);
        case 'run-tool':
          return void later(toolMs, () =>
            send({
              type: 'tool-result',
              replyId: effect.replyId,
              callId: effect.callId,
              result: `${effect.name} is done`,
            }),
          );
        default:
          return undefined;
      }
    },
  };
}
