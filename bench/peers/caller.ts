import { MULAW_SILENCE, MULAW_TO_LINEAR, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import type { Clock } from '#lib/clock.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';
import type { Caller, Handset } from '#sandbox/caller/caller.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import type { SpeechClip } from '#sandbox/speech/speech.ts';

/** One thing that the caller does. */
export type Act =
  /** Says a line, and hears the answer out. */
  | { readonly kind: 'ask'; readonly line: SpeechClip; readonly reply: SpeechClip }
  /** Says a line, cuts in on the answer with another one, and hears the answer to that out. */
  | {
      readonly kind: 'cut-in';
      readonly line: SpeechClip;
      readonly cutIn: SpeechClip;
      readonly reply: SpeechClip;
    };

/** One turn, as it was at the caller's ear. Times of the clock that the caller was given. */
export type TurnRecord = {
  /** When the caller's last word ended. */
  readonly askedAtMs: number;
  /** From the end of the caller's last word to the first sound of the agent; undefined: none came. */
  readonly voiceToVoiceMs: number | undefined;
  /** What went wrong; undefined: nothing. */
  readonly failure: string | undefined;
};

/** One interruption, as it was at the caller's ear. */
export type CutInRecord = {
  /** When the caller's last word of the interruption ended. */
  readonly askedAtMs: number;
  /** From the caller's first sound to the last sound of the agent; undefined: it talked on to the end. */
  readonly silentAfterMs: number | undefined;
  /** Mu-law of what the caller had heard of the answer, from its first sound on. */
  readonly heard: Uint8Array;
};

export type BenchCaller = Caller & {
  /** Grow during the call. */
  readonly turns: readonly TurnRecord[];
  readonly cutIns: readonly CutInRecord[];
  /** Puts the phone down, or lets it ring no longer; nothing is recorded after it. */
  hangUp(): void;
  /** The agent's side ended the call, or never answered it. */
  readonly dropped: boolean;
};

export type BenchCallerOptions = {
  readonly clock: Clock;
  readonly acts: readonly Act[];
  /** Decides pauses, the moment of cutting in, and where in the acts the call begins. */
  readonly seed: number;
  /** Once; the call may be ended then. Absent: the acts are repeated until the caller hangs up. */
  readonly onDone?: () => void;
};

/** Mean level of 20 ms, in 16-bit steps, above which they are sound. */
const SOUND_LEVEL = 50;
/** An answer that has not begun by then is none. */
const ANSWER_WITHIN_MS = 6_000;
/** Silence that ends an answer: longer than any pause between two sentences. */
const ANSWER_OVER_MS = 1_000;
const LONGEST_ANSWER_MS = 40_000;
/** Share of the reply's length below which it was cut short. */
const WHOLE_REPLY = 0.7;
/** How much of an answer is heard before it is cut in on. */
const CUT_IN_AFTER_MS = 2_000;
const CUT_IN_SPREAD_MS = 800;

/** A caller who follows the script on and on, and measures with the ear alone: sound or no sound, 20 ms at a time. */
export function benchCaller(options: BenchCallerOptions): BenchCaller {
  const { clock, acts } = options;
  const random = createRandom(options.seed);
  const turns: TurnRecord[] = [];
  const cutIns: CutInRecord[] = [];
  let handset: Handset | undefined;
  let saidFrames = 0;
  let heardFrames = 0;
  /** End of the agent's last sound, and start of the first one since `listenFrom`. */
  let soundUntilMs = 0;
  let soundSinceMs: number | undefined;
  let recording: Uint8Array[] | undefined;
  let isOver = false;
  let dropped = false;

  const nowMs = (): number => saidFrames * FRAME_MS;
  const listenFrom = (): void => void (soundSinceMs = undefined);

  function* quiet(ms: number): Frames {
    for (let left = ms; left > 0; left -= FRAME_MS) yield undefined;
  }
  function* until(come: () => boolean, withinMs: number): Frames {
    const sinceMs = nowMs();
    while (!come() && nowMs() - sinceMs < withinMs) yield undefined;
  }
  /** Says the clip to the end of its last word; answers when its sound began and ended. */
  function* speak(clip: SpeechClip): Generator<Uint8Array | undefined, Spoken> {
    const startMs = nowMs();
    const mulaw = clipMulaw(clip);
    const endMs = clip.words.at(-1)?.endMs ?? 0;
    for (let at = 0; at * 1_000 < endMs * 8_000; at += PHONE_FRAME_BYTES) {
      const frame = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
      frame.set(mulaw.subarray(at, at + PHONE_FRAME_BYTES));
      yield frame;
    }
    return { onsetMs: startMs + (clip.words[0]?.startMs ?? 0), endMs: startMs + endMs };
  }
  /** Waits for the first sound of an answer, and notes when it came. */
  function* answer({ endMs }: Spoken): Generator<Uint8Array | undefined, Answer> {
    const askedAtMs = clock.now();
    listenFrom();
    yield* until(() => soundSinceMs !== undefined, ANSWER_WITHIN_MS);
    return {
      askedAtMs,
      voiceToVoiceMs: soundSinceMs === undefined ? undefined : soundSinceMs - endMs,
      startMs: soundSinceMs,
    };
  }
  function* hearOut({ askedAtMs, voiceToVoiceMs, startMs }: Answer, reply: SpeechClip): Frames {
    if (startMs === undefined) {
      turns.push({ askedAtMs, voiceToVoiceMs, failure: 'no answer' });
      return;
    }
    yield* until(() => nowMs() - soundUntilMs >= ANSWER_OVER_MS, LONGEST_ANSWER_MS);
    const isWhole = soundUntilMs - startMs >= WHOLE_REPLY * spokenMs(reply);
    turns.push({ askedAtMs, voiceToVoiceMs, failure: isWhole ? undefined : 'cut short' });
  }
  function* perform(act: Act): Frames {
    const first = yield* answer(yield* speak(act.line));
    if (act.kind === 'ask') return yield* hearOut(first, act.reply);
    if (first.startMs === undefined) return yield* hearOut(first, act.reply);
    turns.push({
      askedAtMs: first.askedAtMs,
      voiceToVoiceMs: first.voiceToVoiceMs,
      failure: undefined,
    });
    const heard: Uint8Array[] = [];
    recording = heard;
    yield* quiet(CUT_IN_AFTER_MS + random.int(0, CUT_IN_SPREAD_MS / FRAME_MS) * FRAME_MS);
    const spoken = yield* speak(act.cutIn);
    recording = undefined;
    const isSilent = soundUntilMs < spoken.endMs - 2 * FRAME_MS;
    cutIns.push({
      askedAtMs: clock.now(),
      silentAfterMs: isSilent ? Math.max(0, soundUntilMs - spoken.onsetMs) : undefined,
      heard: Buffer.concat(heard),
    });
    yield* hearOut(yield* answer(spoken), act.reply);
  }
  function* life(): Frames {
    yield* quiet(600 + random.int(0, 100) * FRAME_MS);
    const from = options.onDone ? 0 : random.int(0, acts.length - 1);
    for (let at = from; options.onDone === undefined || at < acts.length; at += 1) {
      const act = acts[at % acts.length];
      if (act) yield* perform(act);
      yield* quiet(random.int(0, 20) * FRAME_MS);
    }
    options.onDone?.();
  }

  const frames = life();
  return {
    turns,
    cutIns,
    answered: (given) => void (handset = given),
    nextFrame() {
      const next = frames.next();
      saidFrames += 1;
      return next.done === true ? undefined : next.value;
    },
    hear(frame) {
      const startMs = heardFrames * FRAME_MS;
      heardFrames += 1;
      if (isSound(frame)) {
        soundUntilMs = startMs + FRAME_MS;
        soundSinceMs ??= startMs;
      }
      recording?.push(Uint8Array.from(frame));
    },
    ended() {
      if (isOver) return;
      isOver = true;
      dropped = true;
    },
    hangUp() {
      isOver = true;
      handset?.hangUp();
    },
    get dropped() {
      return dropped;
    },
  };
}

type Frames = Generator<Uint8Array | undefined, void>;
/** On the call's own frame clock. */
type Spoken = { readonly onsetMs: number; readonly endMs: number };
type Answer = Pick<TurnRecord, 'askedAtMs' | 'voiceToVoiceMs'> & {
  readonly startMs: number | undefined;
};

/** From the first word to the end of the last one. */
const spokenMs = (clip: SpeechClip): number =>
  (clip.words.at(-1)?.endMs ?? 0) - (clip.words[0]?.startMs ?? 0);

const LEVEL = Uint16Array.from(MULAW_TO_LINEAR, (sample) => Math.abs(sample));

function isSound(frame: Uint8Array): boolean {
  let sum = 0;
  for (const byte of frame) sum += LEVEL[byte] ?? 0;
  return sum > SOUND_LEVEL * frame.length;
}
