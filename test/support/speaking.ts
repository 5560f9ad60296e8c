import type { AudioFormat } from '#audio/format.ts';
import type { Spoken, TextToSpeech, Utterance, WordTime } from '#contracts/text-to-speech.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Log } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Fault, Outage } from '#sandbox/faults.ts';
import { logLines } from './log-lines.ts';
import { recorder } from './recorder.ts';
import type { Recorder } from './recorder.ts';

/** A speech vendor with its simulator, seen from the contract. */
export type SpeakingWorld = {
  /** A key the simulator takes. */
  readonly apiKey: string;
  /** What the vendor is to speak. */
  readonly audio: AudioFormat;
  /** A voice the simulator has. */
  readonly voice: string;
  open(options: {
    readonly apiKey: string;
    readonly clock: VirtualClock;
    readonly log: Log;
  }): TextToSpeech;
  setFault(fault: Fault | Outage | undefined): Promise<void>;
  /** For the n-th utterance from now, once. */
  planFault(nth: number, fault: Fault): void;
  /** Utterances the vendor is at work on. */
  activeUtterances(): number;
  openConnections(): number;
  /** The words in such audio with their times, by the ear of the sandbox. */
  hear(audio: Uint8Array): readonly WordTime[];
};

export type Line = Disposable & {
  readonly vendor: TextToSpeech;
  readonly clock: VirtualClock;
  speak(voice?: string): { readonly spoken: Recorder<Spoken>; readonly utterance: Utterance };
  logged(): string;
};

export function openLine(world: SpeakingWorld, apiKey = world.apiKey): Line {
  const clock = virtualClock();
  const { log, text } = logLines();
  const vendor = world.open({ apiKey, clock, log });
  return {
    vendor,
    clock,
    speak(voice = world.voice) {
      const spoken = recorder<Spoken>();
      return {
        spoken,
        utterance: vendor.speak({ voice, language: 'en-US', audio: world.audio }, spoken.on),
      };
    },
    logged: text,
    [Symbol.dispose]: () => vendor.close(),
  };
}

export const isEnd = (spoken: Spoken | undefined): boolean =>
  spoken?.type === 'done' || spoken?.type === 'failed';

export const audioOf = (spoken: Recorder<Spoken>): Uint8Array =>
  Buffer.concat(spoken.all.flatMap((said) => (said.type === 'audio' ? [said.audio] : [])));

export const wordsHeard = (world: SpeakingWorld, spoken: Recorder<Spoken>): string =>
  world
    .hear(audioOf(spoken))
    .map(({ text }) => text.toLowerCase().replaceAll(/[^a-z']/g, ''))
    .join(' ');

export async function failureOf(spoken: Recorder<Spoken>): Promise<VendorFailure> {
  const end = await spoken.until(isEnd);
  if (end.type !== 'failed') throw new Error(`ended with ${end.type}`);
  return end.failure;
}
