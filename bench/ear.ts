/**
 * What it costs to listen: CPU time of an ear per second of sound, with a bank of several hundred
 * clips. Run: `node bench/ear.ts [clips per voice]`.
 */
import { clipMulaw, silence } from '#sandbox/speech/clip-audio.ts';
import { openEar } from '#sandbox/speech/ear.ts';
import { voices } from '#sandbox/speech/speech.ts';
import { createVoiceBank } from '#sandbox/speech/voice-bank.ts';
import type { SpeechClip } from '#sandbox/speech/speech.ts';

const FRAME_BYTES = 160;
const STARTS = [
  'I would like to',
  'Can I',
  'Please let me',
  'We need to',
  'Could you',
  "I'd rather",
];
const MIDDLES = ['book a table', 'change my order', 'speak to a person', 'cancel the trip'];
const ENDS = ['for 7 people.', 'on Sunday, please.', 'as soon as possible.', 'today?'];
const SENTENCES = STARTS.flatMap((start) =>
  MIDDLES.flatMap((middle) => ENDS.map((end) => `${start} ${middle} ${end}`)),
);
const STRANGE = ['Zebras enjoy grassy plains in Africa.', 'Mister Jones went home early.'];

const perVoice = Number(process.argv[2] ?? 60);
await using bank = await createVoiceBank();
await using other = await createVoiceBank();
for (const voice of voices)
  for (const sentence of SENTENCES.slice(0, perVoice)) await bank.speak(sentence, voice);
const strange: SpeechClip[] = [];
for (const voice of voices)
  for (const sentence of STRANGE) strange.push(await other.speak(sentence, voice));

const open = openEar(bank);

/** Milliseconds of CPU per second of sound, and the part of the words that was heard. */
function measure(lines: readonly { readonly audio: Uint8Array; readonly words: number }[]): string {
  const start = process.cpuUsage();
  let seconds = 0;
  let heard = 0;
  let said = 0;
  for (const { audio, words } of lines) {
    const ear = open({ encoding: 'mulaw', sampleRateHz: 8_000 });
    for (let at = 0; at < audio.length; at += FRAME_BYTES)
      ear.write(audio.subarray(at, at + FRAME_BYTES));
    ear.end();
    seconds += audio.length / 8_000;
    heard += ear.words.length;
    said += words;
  }
  const { user, system } = process.cpuUsage(start);
  const cost = (user + system) / 1_000 / seconds;
  return `${cost.toFixed(2)} ms/s, ${heard} of ${said} words, ${seconds.toFixed(0)} s of sound`;
}

const lineOf = (clip: SpeechClip): { readonly audio: Uint8Array; readonly words: number } => ({
  audio: clipMulaw(clip),
  words: clip.words.length,
});
const still = { audio: silence(60_000, { encoding: 'mulaw', sampleRateHz: 8_000 }), words: 0 };

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const bankSeconds = bank.clips.reduce((sum, { pcm }) => sum + pcm.length / 8_000, 0);
print(`bank            ${bank.clips.length} clips, ${bankSeconds.toFixed(0)} s`);
measure(bank.clips.slice(0, 20).map(lineOf));
print(`known speech    ${measure(bank.clips.map(lineOf))}`);
print(`unknown speech  ${measure(strange.map(lineOf))}`);
print(`silence         ${measure([still])}`);
