import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clipMulaw } from './speech/clip-audio.ts';
import { createVoiceBank } from './speech/voice-bank.ts';

test.each(['apology', 'goodbye'])(
  'the shipped %s is what the voice says today, so that every ear of the sandbox knows it',
  async (name) => {
    const file = new URL(`../src/session/prepared-speech/${name}.json`, import.meta.url);
    const shipped = JSON.parse(readFileSync(file, 'utf8'));
    await using bank = await createVoiceBank();
    const clip = await bank.speak(shipped.text, 'slt');
    expect(shipped.words).toEqual(clip.words);
    expect(shipped.mulaw).toBe(Buffer.from(clipMulaw(clip)).toString('base64'));
  },
);
