import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { PreparedSpeech } from '#conversation/state.ts';

/** Speech that is shipped with the server, for when nobody else can speak. */
export type PreparedClip = {
  readonly text: string;
  /** G.711 mu-law, 8 kHz, mono. */
  readonly mulaw: Uint8Array;
  readonly words: readonly WordTime[];
};

const clipSchema = z.object({
  text: z.string(),
  words: z.array(z.object({ text: z.string(), startMs: z.number(), endMs: z.number() })),
  /** Base64. */
  mulaw: z.base64(),
});

const load = (name: PreparedSpeech): PreparedClip => {
  const file = new URL(`./prepared-speech/${name}.json`, import.meta.url);
  const { text, words, mulaw } = clipSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return { text, words, mulaw: new Uint8Array(Buffer.from(mulaw, 'base64')) };
};

/** Read with the module, so that a missing file stops the start and not a call. */
export const preparedSpeech: Readonly<Record<PreparedSpeech, PreparedClip>> = {
  apology: load('apology'),
  goodbye: load('goodbye'),
};
