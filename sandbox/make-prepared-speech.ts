import { writeFile } from 'node:fs/promises';
import { clipMulaw } from './speech/clip-audio.ts';
import { createVoiceBank } from './speech/voice-bank.ts';

/**
 * Makes the speech that is shipped with the server (`npm run prepared-speech`), for when no vendor
 * can speak. The texts are those of the conversation's last words; a test holds the two together.
 */
const texts = {
  apology: 'I am sorry, I am having technical difficulties. Please call again later. Goodbye.',
  goodbye: 'Goodbye.',
};

await using bank = await createVoiceBank();
for (const [name, text] of Object.entries(texts)) {
  const clip = await bank.speak(text, 'slt');
  const file = new URL(`../src/session/prepared-speech/${name}.json`, import.meta.url);
  const mulaw = Buffer.from(clipMulaw(clip)).toString('base64');
  await writeFile(file, `${JSON.stringify({ text, words: clip.words, mulaw })}\n`);
}
