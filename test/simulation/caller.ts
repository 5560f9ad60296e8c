import { PHONE_FRAME_BYTES, phoneBytes, phoneMs } from '#audio/g711.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';
import type { Caller, Handset } from '#sandbox/caller/caller.ts';
import type { Random } from '#sandbox/lib/random.ts';
import type { CallerPlan, Interjection } from './plan.ts';
import type { Vocabulary } from './vocabulary.ts';
import { COUGH_BYTE, createLabelEar, NOISE_BYTE, silenceOf } from './world/labelled-sound.ts';
import type { LabelledWord, Piece, Sounds } from './world/labelled-sound.ts';

/** A word of the caller, with when its first and last sample left the mouth, in ms since the answer. */
export type SpokenWord = {
  readonly word: LabelledWord;
  readonly startMs: number;
  readonly endMs: number;
};

/** What the caller did besides speaking. */
export type CallerAct = {
  readonly atMs: number;
  readonly act: Interjection | 'speaks' | 'gives up' | 'says goodbye' | 'other side hangs up';
};

export type CallerRecord = {
  readonly spoken: readonly SpokenWord[];
  readonly acts: readonly CallerAct[];
  /** What sounded at the caller's ear, in order. */
  readonly heard: readonly Piece[];
};

export type SimulatedCaller = Caller & {
  readonly record: CallerRecord;
  /** Puts the phone down, if it was answered. */
  hangUp(): void;
};

/** Silence of the agent after which it has finished, for a caller who waits. */
const PAUSE_MS = 650;
const LONGEST_CALL_MS = 110_000;
const KEYS = '1234567890*#';

/**
 * Somebody who listens and answers as the plan says: talks over the agent, hesitates, says "mm-hm",
 * coughs, falls silent, presses keys, hangs up.
 */
export function createSimulatedCaller(parts: {
  readonly plan: CallerPlan;
  readonly random: Random;
  readonly sounds: Sounds;
  readonly vocabulary: Vocabulary;
}): SimulatedCaller {
  const { plan, random, sounds, vocabulary } = parts;
  const ear = createLabelEar(sounds);
  const spoken: SpokenWord[] = [];
  const acts: CallerAct[] = [];
  let handset: Handset | undefined;
  let frame = 0;
  let speech = new Uint8Array(0);
  let speechAt = 0;
  let isOver = false;
  let turnsLeft = plan.turns;
  let complaints = 0;
  let spokeUntilMs = 0;
  let hasSaidGoodbye = false;
  /** The agent's stretch of speech that is going on: when it began, and what is done in it. */
  let stretch: { sinceMs: number; plan: Interjection | undefined; atMs: number } | undefined;
  let answerAtMs: number | undefined;

  const nowMs = (): number => frame * FRAME_MS;
  const note = (act: CallerAct['act']): void => void acts.push({ atMs: nowMs(), act });
  const isSpeaking = (): boolean => speechAt < speech.length;
  const hangUp = (): void => {
    if (!isOver) handset?.hangUp();
  };

  /** Says words; a number is a pause in ms. */
  const say = (parts_: readonly (string | number)[]): void => {
    const pieces: Uint8Array[] = [];
    let atMs = nowMs();
    for (const part of parts_) {
      if (typeof part === 'number') {
        pieces.push(silenceOf(part));
        atMs += part;
        continue;
      }
      const word = sounds.word(part, 90 + part.length * 45, 'caller');
      pieces.push(sounds.audioOf(word));
      spoken.push({ word, startMs: atMs, endMs: atMs + word.durationMs });
      atMs += word.durationMs;
    }
    speech = Buffer.concat(pieces);
    speechAt = 0;
    spokeUntilMs = atMs;
    answerAtMs = undefined;
  };
  const sound = (byte: number, ms: number): void => {
    speech = new Uint8Array(phoneBytes(ms)).fill(byte);
    speechAt = 0;
  };
  const words = (count: number): string[] => Array.from({ length: count }, () => vocabulary.next());
  const sentence = (): (string | number)[] => {
    const said: (string | number)[] = words(random.int(1, 7));
    said.push(vocabulary.next() + (random.next() < 0.3 ? '?' : '.'));
    if (!plan.isHesitant || random.next() < 0.4) return said;
    const at = random.int(1, said.length - 1);
    const [hesitation, pauseMs] = random.next() < 0.5 ? ['um', 300] : ['and', 700];
    said.splice(at, 0, hesitation, random.int(pauseMs, pauseMs + 1_600));
    return said;
  };
  const speak = (): void => {
    note('speaks');
    say(sentence());
  };

  const interject = (kind: Interjection): void => {
    note(kind);
    switch (kind) {
      case 'interrupt':
        return say([...words(random.int(0, 5)), `${vocabulary.next()}.`]);
      case 'backchannel':
        return say([['mm-hm', 'yeah', 'okay', 'right'][random.int(0, 3)] ?? 'yeah']);
      case 'cough':
        return sound(COUGH_BYTE, random.int(150, 600));
      case 'noise':
        return sound(NOISE_BYTE, random.int(300, 6_000));
      case 'key':
        return handset?.press(KEYS[random.int(0, KEYS.length - 1)] ?? '1');
      case 'hang-up':
        return hangUp();
    }
  };
  const drawInterjection = (): Interjection | undefined => {
    let left = random.next();
    for (const [kind, share] of Object.entries(plan.interjections)) {
      left -= share;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys are the record's own
      if (left < 0) return kind as Interjection;
    }
    return undefined;
  };

  /** Looks at what the agent does, once a frame. */
  const listen = (): void => {
    const silentMs = nowMs() - (ear.soundUntilMs ?? 0);
    const isSounding = ear.soundUntilMs !== undefined && silentMs <= FRAME_MS;
    if (isSounding) {
      answerAtMs = undefined;
      stretch ??= { sinceMs: nowMs(), plan: drawInterjection(), atMs: random.int(100, 4_000) };
      if (stretch.plan && !isSpeaking() && nowMs() - stretch.sinceMs >= stretch.atMs) {
        interject(stretch.plan);
        stretch.plan = undefined;
      }
      return;
    }
    if (stretch && silentMs >= PAUSE_MS) {
      stretch = undefined;
      const isSilent = random.next() < plan.silence;
      answerAtMs = isSilent ? undefined : nowMs() + random.int(0, plan.reactionMs);
    }
  };

  const decide = (): void => {
    if (nowMs() >= LONGEST_CALL_MS) return hangUp();
    if (isSpeaking()) return;
    if (hasSaidGoodbye) {
      const patienceMs = plan.waitsForTheAgentsGoodbye ? 15_000 : 600;
      if (nowMs() - spokeUntilMs > patienceMs) hangUp();
      return;
    }
    if (answerAtMs !== undefined && nowMs() >= answerAtMs) {
      answerAtMs = undefined;
      if (turnsLeft-- > 0) return speak();
      note('says goodbye');
      hasSaidGoodbye = true;
      return say(['okay', 'thank', 'you,', 'goodbye.']);
    }
    if (ear.soundUntilMs === undefined && spokeUntilMs === 0 && nowMs() > 4_000) return speak();
    const quietSinceMs = Math.max(ear.soundUntilMs ?? 0, spokeUntilMs);
    const isWaiting = spokeUntilMs > (ear.soundUntilMs ?? 0);
    if (!isWaiting || nowMs() - quietSinceMs < 9_000) return;
    note('gives up');
    if (++complaints > 2) return hangUp();
    say([vocabulary.next(), `${vocabulary.next()}?`]);
  };

  return {
    record: { spoken, acts, heard: ear.pieces },
    hangUp,
    answered: (given) => void (handset = given),
    hear(sounding) {
      ear.write(sounding, nowMs());
      frame += 1;
    },
    nextFrame() {
      listen();
      decide();
      if (!isSpeaking() || isOver) return undefined;
      const end = speechAt + PHONE_FRAME_BYTES;
      const cut = speech.subarray(speechAt, end);
      speechAt = end;
      if (cut.length === PHONE_FRAME_BYTES) return cut;
      const padded = silenceOf(phoneMs(PHONE_FRAME_BYTES));
      padded.set(cut);
      return padded;
    },
    ended(by) {
      if (isOver) return;
      isOver = true;
      if (by === 'other-side') note('other side hangs up');
    },
  };
}
