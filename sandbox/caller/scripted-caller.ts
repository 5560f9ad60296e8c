import { MULAW_TO_LINEAR } from '#audio/g711.ts';
import { bytesOf, clipAudio, encodeAudio, noise, silence } from '#sandbox/speech/clip-audio.ts';
import type {
  EarFormat,
  OpenEar,
  SpeechClip,
  VoiceBank,
  WordSpan,
} from '#sandbox/speech/speech.ts';
import { FRAME_MS } from './caller.ts';
import type { Caller, Handset } from './caller.ts';
import type { CallRecord, Span, StepRecord } from './record.ts';
import { checkScript, textsOf } from './script.ts';
import type { Step } from './script.ts';

export type ScriptedCaller = Caller & {
  /** Resolves when the call is over; never rejects. */
  readonly done: Promise<CallRecord>;
};

/** What a caller's line carries, each way. */
export type CallerLine = { readonly speaks: EarFormat; readonly hears: EarFormat };

export type ScriptedCallerOptions = {
  readonly bank: VoiceBank;
  readonly openEar: OpenEar;
  readonly script: readonly Step[];
  /** Of the bank. */
  readonly voice?: string;
  /** Absent: a telephone's. */
  readonly line?: CallerLine;
  /** Mean level of the line's own noise while the caller is silent, in 16-bit steps; none where absent. */
  readonly lineNoise?: number;
  /** How long the caller waits for the agent before giving up and hanging up. */
  readonly patienceMs?: number;
  /** Told of every word as it is understood, and of every step as it begins. */
  readonly onEvent?: (event: CallerEvent) => void;
};

export type CallerEvent =
  | { readonly type: 'step'; readonly atMs: number; readonly step: Step }
  | { readonly type: 'heard'; readonly atMs: number; readonly word: WordSpan };

const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;
const PHONE_LINE: CallerLine = { speaks: PHONE, hears: PHONE };
/** Mean level, in 16-bit steps, above which 20 ms are sound and not the line's noise. */
const SOUND_LEVEL = 50;
const COUGH_MS = 240;
const COUGH_LEVEL = 4_000;
const KEY_MS = 200;
/** The line's noise repeats after so long. */
const NOISE_MS = 4_000;

/**
 * A person who follows a script. All speech is made before the call, so that nothing but the call's
 * own frames decides when something is said. After the script's last step the caller hangs up.
 * Rejects when the script makes no sense or the bank cannot say it.
 */
export async function scriptedCaller(options: ScriptedCallerOptions): Promise<ScriptedCaller> {
  const { bank, script, voice = 'kal', patienceMs = 30_000 } = options;
  const { speaks, hears } = options.line ?? PHONE_LINE;
  const frameBytes = bytesOf(FRAME_MS, speaks);
  checkScript(script);
  const clips = new Map<string, SpeechClip>();
  for (const text of textsOf(script)) clips.set(text, await bank.speak(text, voice));
  const clipOf = (text: string): SpeechClip => {
    const clip = clips.get(text);
    if (!clip) throw new Error(`"${text}" was not made before the call`);
    return clip;
  };
  const cough = encodeAudio(noise(COUGH_MS, COUGH_LEVEL, 7), speaks);

  const lineNoise = options.lineNoise
    ? encodeAudio(noise(NOISE_MS, options.lineNoise, 11), speaks)
    : undefined;
  const ear = options.openEar(hears);
  const steps: StepRecord[] = [];
  const agentSound: Span[] = [];
  const { promise: done, resolve } = Promise.withResolvers<CallRecord>();
  let handset: Handset | undefined;
  let saidFrames = 0;
  let heardFrames = 0;
  let said: WordSpan[] = [];
  let hesitation: Span | undefined;
  /** When the caller last did something of their own; what the agent says after it is an answer to it. */
  let actedUntilMs = 0;
  let problem: string | undefined;
  let finished = false;

  const nowMs = (): number => saidFrames * FRAME_MS;
  const soundUntilMs = (): number => agentSound.at(-1)?.endMs ?? 0;
  const wordsHeard = (): number => ear.words.filter((word) => word.startMs >= actedUntilMs).length;

  // One frame is yielded for every 20 ms; what a generator returns after its last one costs no time.
  function* quiet(ms: number): Frames {
    for (let left = ms; left > 0; left -= FRAME_MS) yield undefined;
  }
  function* sound(audio: Uint8Array): Frames {
    for (let at = 0; at < audio.length; at += frameBytes) {
      const frame = silence(FRAME_MS, speaks);
      frame.set(audio.subarray(at, at + frameBytes));
      yield frame;
    }
  }
  function* speak(text: string): Frames {
    const clip = clipOf(text);
    const startMs = nowMs();
    let index = 0;
    for (const frame of sound(clipAudio(clip, speaks))) {
      yield frame;
      // Noted as they end, so that a call that ends in the middle leaves only what was said.
      for (
        let word = clip.words[index];
        word && startMs + word.endMs <= nowMs();
        word = clip.words[++index]
      )
        said.push({
          text: word.text,
          startMs: startMs + word.startMs,
          endMs: startMs + word.endMs,
        });
    }
    actedUntilMs = said.at(-1)?.endMs ?? nowMs();
  }
  function* until(what: string, come: () => boolean): Frames {
    const sinceMs = nowMs();
    while (!come()) {
      if (nowMs() - sinceMs >= patienceMs) {
        problem = `waited ${patienceMs} ms for ${what}`;
        return;
      }
      yield undefined;
    }
  }
  const heard =
    (count: number): (() => boolean) =>
    () =>
      wordsHeard() >= count;

  function* perform(step: Step): Frames {
    if ('say' in step) yield* speak(step.say);
    else if ('hesitate' in step) {
      const [firstHalf, silenceMs, secondHalf] = step.hesitate;
      const first = clipOf(firstHalf);
      const second = clipOf(secondHalf);
      yield* speak(firstHalf);
      const sinceMs = actedUntilMs;
      // The clips' own silences are part of the hesitation.
      const before = lengthMs(first) - (first.words.at(-1)?.endMs ?? 0);
      yield* quiet(silenceMs - before - (second.words[0]?.startMs ?? 0));
      hesitation = { startMs: sinceMs, endMs: nowMs() + (second.words[0]?.startMs ?? 0) };
      yield* speak(secondHalf);
    } else if ('waitForAgent' in step) {
      const { silentForMs = 900 } = step;
      yield* until(
        'the agent to speak and to finish',
        () => soundUntilMs() > actedUntilMs && nowMs() - soundUntilMs() >= silentForMs,
      );
    } else if ('interrupt' in step) {
      yield* until(`${step.afterWords} words of the agent`, heard(step.afterWords));
      if (problem === undefined) yield* speak(step.interrupt);
    } else if ('backchannel' in step) {
      const { afterWords = 2 } = step;
      yield* until(`${afterWords} words of the agent`, heard(afterWords));
      const acted = actedUntilMs;
      if (problem === undefined) yield* speak(step.backchannel);
      // Not a turn: what the agent says goes on being the answer to the caller's last one.
      actedUntilMs = acted;
    } else if ('cough' in step) {
      const { afterWords } = step;
      if (afterWords !== undefined)
        yield* until(`${afterWords} words of the agent`, heard(afterWords));
      if (problem === undefined) yield* sound(cough);
    } else if ('press' in step) {
      for (const digit of step.press) {
        handset?.press(digit);
        yield* quiet(KEY_MS);
      }
      actedUntilMs = nowMs();
    } else if ('silence' in step) yield* quiet(step.silence);
    else if ('expectHangUp' in step) yield* until('the other side to hang up', () => false);
  }

  function* follow(): Frames {
    for (const step of script) {
      if ('hangUp' in step) return;
      options.onEvent?.({ type: 'step', atMs: nowMs(), step });
      said = [];
      hesitation = undefined;
      const place = steps.length;
      const startMs = nowMs();
      const note = (): void => {
        steps[place] = { step, startMs, endMs: nowMs(), said: [...said], hesitation };
      };
      note();
      for (const frame of perform(step)) {
        yield frame;
        note();
      }
      note();
      if (problem !== undefined) {
        problem = `Step ${place + 1} (${JSON.stringify(step)}): ${problem}.`;
        return;
      }
    }
  }
  const frames = follow();

  return {
    done,
    answered: (given) => void (handset = given),
    nextFrame() {
      if (finished) return undefined;
      const next = frames.next();
      const at = (saidFrames * frameBytes) % (lineNoise?.length ?? 1);
      saidFrames += 1;
      if (!next.done) return next.value ?? lineNoise?.subarray(at, at + frameBytes);
      finished = true;
      handset?.hangUp();
      return undefined;
    },
    hear(frame) {
      const startMs = heardFrames * FRAME_MS;
      heardFrames += 1;
      const last = agentSound.at(-1);
      if (isSound(frame, hears)) {
        if (last && last.endMs === startMs)
          agentSound[agentSound.length - 1] = { ...last, endMs: startMs + FRAME_MS };
        else agentSound.push({ startMs, endMs: startMs + FRAME_MS });
      }
      for (const word of ear.write(frame))
        options.onEvent?.({ type: 'heard', atMs: startMs + FRAME_MS, word });
    },
    ended(by) {
      const waiting = script[steps.length - 1];
      const expected = waiting !== undefined && 'expectHangUp' in waiting;
      if (!finished && problem === undefined && !(expected && steps.length === script.length))
        problem = `The call ended in step ${steps.length} of ${script.length} (${JSON.stringify(waiting)}).`;
      finished = true;
      ear.end();
      resolve({
        steps,
        agentWords: ear.words.map(({ text, startMs, endMs }) => ({ text, startMs, endMs })),
        agentSound,
        durationMs: heardFrames * FRAME_MS,
        endedBy: by,
        problem,
      });
    },
  };
}

type Frames = Generator<Uint8Array | undefined, void, void>;

const lengthMs = (clip: SpeechClip): number => {
  return Math.ceil(clip.pcm.length / 8 / FRAME_MS) * FRAME_MS;
};

function isSound(frame: Uint8Array, { encoding }: EarFormat): boolean {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  const step = encoding === 'mulaw' ? 1 : 2;
  let level = 0;
  for (let at = 0; at < bytes.length; at += step)
    level += Math.abs(step === 1 ? (MULAW_TO_LINEAR[bytes[at] ?? 0] ?? 0) : bytes.readInt16LE(at));
  return level > (SOUND_LEVEL * bytes.length) / step;
}
