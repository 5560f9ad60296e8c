import { PHONE_FRAME_BYTES, MULAW_SILENCE, MULAW_TO_LINEAR, phoneBytes } from '#audio/g711.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import {
  AGENT_VOICE,
  ALL_TURNS,
  CALLER_VOICE,
  CUT_INS,
  firstClauseOf,
  GREETING,
  STORY,
  TURNS,
} from '../script.ts';

/** One exchange as a caller needs it, prepared so that playing it costs nothing. */
export type SpokenTurn = {
  readonly line: string;
  readonly reply: string;
  /** The line as 20 ms frames of mu-law in base64, filled up with silence. */
  readonly frames: readonly string[];
  /** Where the first word of the line begins, and where the last one ends. */
  readonly wordsStartMs: number;
  readonly wordsEndMs: number;
  /** What has to come to the caller's ear, mu-law. */
  readonly replyAudio: Buffer;
};

export type SpokenScript = {
  readonly turns: readonly SpokenTurn[];
  readonly story: SpokenTurn;
  readonly cutIns: readonly SpokenTurn[];
  readonly greetingAudio: Buffer;
};

export const SILENT_FRAME = Buffer.alloc(PHONE_FRAME_BYTES, MULAW_SILENCE).toString('base64');

const SENTENCE = /[^.!?]+[.!?]+\s*/g;

/** Has all of the script spoken, once. */
export async function speakScript(bank: VoiceBank): Promise<SpokenScript> {
  const spoken = new Map<string, SpokenTurn>();
  for (const { line, reply } of ALL_TURNS) {
    const clip = await bank.speak(line, CALLER_VOICE);
    const first = firstClauseOf(reply) ?? '';
    const rest = reply.slice(first.length).match(SENTENCE) ?? [];
    spoken.set(line, {
      line,
      reply,
      frames: framesOf(clipMulaw(clip)),
      wordsStartMs: clip.words[0]?.startMs ?? 0,
      wordsEndMs: clip.words.at(-1)?.endMs ?? 0,
      replyAudio: await audioOf(bank, [first, ...rest]),
    });
  }
  const turnOf = ({ line }: { readonly line: string }): SpokenTurn => {
    const turn = spoken.get(line);
    if (!turn) throw new Error(`"${line}" is not in the script`);
    return turn;
  };
  return {
    turns: TURNS.map(turnOf),
    story: turnOf(STORY),
    cutIns: CUT_INS.map(turnOf),
    greetingAudio: await audioOf(bank, [GREETING]),
  };
}

async function audioOf(bank: VoiceBank, pieces: readonly string[]): Promise<Buffer> {
  const said = pieces.filter((piece) => piece.trim() !== '');
  const clips = await Promise.all(
    said.map((piece) => bank.speak(piece.trim(), AGENT_VOICE.bankVoice)),
  );
  return Buffer.concat(clips.map((clip) => clipMulaw(clip)));
}

function framesOf(mulaw: Buffer): readonly string[] {
  const frames: string[] = [];
  for (let at = 0; at < mulaw.length; at += PHONE_FRAME_BYTES) {
    const frame = Buffer.alloc(PHONE_FRAME_BYTES, MULAW_SILENCE);
    mulaw.copy(frame, 0, at, at + PHONE_FRAME_BYTES);
    frames.push(frame.toString('base64'));
  }
  return frames;
}

/** Under the quietest speech, over the line's own silence. */
const AUDIBLE_AMPLITUDE = 200;
const AUDIBLE = Uint8Array.from(MULAW_TO_LINEAR, (sample) =>
  Math.abs(sample) >= AUDIBLE_AMPLITUDE ? 1 : 0,
);

/** Index of the first sample that can be heard, -1 if there is none. */
export function firstAudible(mulaw: Uint8Array): number {
  for (let at = 0; at < mulaw.length; at++) if (AUDIBLE[mulaw[at] ?? 0] === 1) return at;
  return -1;
}

/** Index of the last sample that can be heard, -1 if there is none. */
export function lastAudible(mulaw: Uint8Array): number {
  for (let at = mulaw.length - 1; at >= 0; at--) if (AUDIBLE[mulaw[at] ?? 0] === 1) return at;
  return -1;
}

/** Silence in the clip before its first sound: it is the voice's, nobody can take it away. */
export const leadInMs = (mulaw: Buffer): number => Math.max(0, firstAudible(mulaw)) / phoneBytes(1);
