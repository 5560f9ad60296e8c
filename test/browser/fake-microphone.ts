import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { microphoneFile } from './monologue.ts';
import type { Monologue } from './monologue.ts';

const VOICE = 'rms';

/** A microphone of Chromium's own making; its page has to be allowed to use it. */
export const FAKE_DEVICE = '--use-fake-device-for-media-stream';

/** A Chromium whose microphone hears the file from its beginning whenever it is opened. */
export const speakingArgs = (microphone: string): readonly string[] => [
  FAKE_DEVICE,
  '--use-fake-ui-for-media-stream',
  `--use-file-for-fake-audio-capture=${microphone}`,
];

/** Answers the path of the file. */
export async function writeMicrophone(
  folder: string,
  bank: VoiceBank,
  monologue: Monologue,
): Promise<string> {
  const path = join(folder, 'caller.wav');
  writeFileSync(path, await microphoneFile(bank, monologue, VOICE));
  return path;
}

/**
 * The ears of the sandbox know their voices exactly, and a browser's gain control and noise
 * suppression, which are for rooms, make other sounds of them: the fake microphone goes without.
 */
export const UNPROCESSED = `{
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  mediaDevices.getUserMedia = () => open({ audio });
}`;
