import { samplesOf } from '#audio/format.ts';
import { clipPcm } from '#sandbox/speech/clip-audio.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { wavFile } from './wav.ts';

/** What a caller says into a microphone that cannot listen: each sentence after so much silence. */
export type Monologue = readonly { readonly afterMs: number; readonly say: string }[];

/** As a browser's microphone is opened by the page. */
const MICROPHONE_HZ = 16_000;
/** Browsers begin a file anew at its end; nobody says a thing twice before the call is over. */
const TAIL_MS = 120_000;

/** The monologue in one voice of the bank, as the file of a browser's fake microphone. */
export async function microphoneFile(
  bank: VoiceBank,
  monologue: Monologue,
  voice: string,
): Promise<Buffer> {
  const pieces: Int16Array[] = [];
  for (const { afterMs, say } of monologue) {
    pieces.push(silence(afterMs));
    pieces.push(samplesOf(clipPcm(await bank.speak(say, voice), MICROPHONE_HZ)));
  }
  pieces.push(silence(TAIL_MS));
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return wavFile(whole, MICROPHONE_HZ);
}

const silence = (ms: number): Int16Array => new Int16Array((ms * MICROPHONE_HZ) / 1_000);
