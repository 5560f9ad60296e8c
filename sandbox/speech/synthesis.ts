import { resample } from '#sandbox/lib/resample.ts';
import { alignWords } from './word-alignment.ts';
import type { Flite } from './flite.ts';
import type { Phone } from './word-alignment.ts';
import type { WordSpan } from './speech.ts';

export type Synthesis = {
  /** 8 kHz, 16-bit, mono. */
  readonly pcm: Int16Array;
  /** The same at 16 kHz: four of the five voices are recorded at that. */
  readonly widePcm: Int16Array;
  readonly words: readonly WordSpan[];
};

/** What every clip is sampled at, for the telephone and for what carries more. */
const RATE_HZ = 8_000;
const WIDE_RATE_HZ = 16_000;
/** Speech on the telephone ends here, which every resampler of the way lets through. */
const BAND_HZ = 3_400;
/** Usual level of speech on a phone line, measured over the words: 20 dB below full scale. */
const SPEECH_RMS = 3_277;
/** Keeps 1 dB clear of the loudest value mu-law can carry. */
const PEAK_LIMIT = 28_600;
/** Silence kept before the first word and after the last. Flite itself leaves 100 to 250 ms. */
const LEAD_IN_MS = 40;
const LEAD_OUT_MS = 80;
/** Below this level, 30 dB under the speech's, a word's edge is no sound that anybody could hear end. */
const EDGE_RMS = 104;
const EDGE_BLOCK = 20;

/**
 * Says `text` with one of Flite's voices.
 *
 * Words are what stands between white space, however many spoken words Flite makes of it ("$3"); one
 * that nobody can say ("-") is joined to its neighbour. A word lasts as long as its phones, less
 * what is silent at its edges, so that the sound of a word is over exactly at its `endMs`.
 */
export function synthesize(flite: Flite, text: string, voice: string): Synthesis {
  const tokens = text.split(/\s+/).filter((token) => token !== '');
  const spoken = tokens.map(speakable);
  if (spoken.every((token) => !/[a-z0-9]/i.test(token)))
    return { pcm: silence(RATE_HZ), widePcm: silence(WIDE_RATE_HZ), words: [] };

  const said = flite.run(['-voice', voice, '-psdur', '-t', spoken.join(' '), '-o', '/out.wav']);
  const wav = parseWav(said.files.get('/out.wav'));
  const phones = parsePhones(said.stdout).filter(({ name }) => name !== 'pau');
  const spans = alignWords(phonesAlone(flite, spoken), phones);
  const joined = joinSilent(tokens, spans, phones);

  const raw = resample(wav.pcm, wav.sampleRateHz, RATE_HZ, BAND_HZ);
  const level = speechLevel(raw, joined);
  const gain = Math.min(SPEECH_RMS / level.rms, PEAK_LIMIT / level.peak);
  const words = joined.map((word) => tightened(raw, word, EDGE_RMS / gain));

  const from = Math.max(0, samplesOf((words[0]?.startMs ?? 0) - LEAD_IN_MS));
  const to = Math.min(raw.length, samplesOf((words.at(-1)?.endMs ?? 0) + LEAD_OUT_MS));
  const shiftMs = (from * 1_000) / RATE_HZ;
  const wide =
    wav.sampleRateHz === WIDE_RATE_HZ ? wav.pcm : resample(wav.pcm, wav.sampleRateHz, WIDE_RATE_HZ);
  const ratio = WIDE_RATE_HZ / RATE_HZ;
  return {
    pcm: raw.slice(from, to).map((sample) => Math.round(sample * gain)),
    // What a telephone would have taken away may reach higher than what it leaves.
    widePcm: wide
      .slice(from * ratio, to * ratio)
      .map((sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain)))),
    words: words.map((word) => ({
      text: word.text,
      startMs: word.startMs - shiftMs,
      endMs: word.endMs - shiftMs,
    })),
  };
}

const samplesOf = (ms: number): number => Math.round((ms * RATE_HZ) / 1_000);

const silence = (rateHz: number): Int16Array =>
  new Int16Array(((LEAD_IN_MS + LEAD_OUT_MS) * rateHz) / 1_000);

/** Flite reads ASCII; other signs become their nearest kin, or a pause. */
const speakable = (token: string): string =>
  token
    .normalize('NFKD')
    .replace(/[\u2018\u2019\u02bc]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/[\u2010\u2011]/g, '-')
    .replace(/[\u2012-\u2015\u2026]/g, ', ')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^\x21-\x7e ]/g, '')
    .trim();

/** Each token's phones when it stands alone. A blank line ends an utterance, and a line of output. */
function phonesAlone(flite: Flite, tokens: readonly string[]): readonly (readonly string[])[] {
  const alone = (some: readonly string[]): readonly (readonly string[])[] =>
    flite
      .run(
        ['-voice', 'kal', '-ps', '-f', '/in.txt', '-o', 'none'],
        new Map([['/in.txt', Buffer.from(some.map((token) => `${token}\n\n`).join(''))]]),
      )
      .stdout.split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ').filter((name) => name !== '' && name !== 'pau'));

  const sayable = tokens.filter((token) => /[a-z0-9]/i.test(token));
  const together = alone(sayable);
  // A token that Flite takes for two utterances would shift all after it: ask one by one.
  const found =
    together.length === sayable.length ? together : sayable.map((token) => alone([token]).flat());
  let next = 0;
  return tokens.map((token) => (/[a-z0-9]/i.test(token) ? (found[next++] ?? []) : []));
}

/** "pau:0.209 ay:0.444 …": each phone with the second it ends at. */
function parsePhones(stdout: string): readonly Phone[] {
  let startMs = 0;
  return stdout
    .trim()
    .split(/\s+/)
    .map((item) => {
      const [name, end] = item.split(':');
      const endMs = Math.round(Number(end) * 1_000);
      if (!name || Number.isNaN(endMs)) throw new Error(`Flite printed no phone: "${item}"`);
      const phone = { name, startMs, endMs };
      startMs = endMs;
      return phone;
    });
}

/** Words with their times; a token without phones goes to the word before it, or the one after. */
function joinSilent(
  tokens: readonly string[],
  spans: readonly { readonly from: number; readonly to: number }[],
  phones: readonly Phone[],
): readonly WordSpan[] {
  const words: WordSpan[] = [];
  let waiting = '';
  for (const [i, token] of tokens.entries()) {
    const { from, to } = spans[i] ?? { from: 0, to: 0 };
    const first = phones[from];
    const last = phones[to - 1];
    if (from < to && first && last) {
      words.push({ text: `${waiting}${token}`, startMs: first.startMs, endMs: last.endMs });
      waiting = '';
    } else {
      const before = words.pop();
      if (before) words.push({ ...before, text: `${before.text} ${token}` });
      else waiting += `${token} `;
    }
  }
  return words;
}

function speechLevel(
  pcm: Int16Array,
  words: readonly WordSpan[],
): { readonly rms: number; readonly peak: number } {
  let energy = 0;
  let count = 0;
  let peak = 1;
  for (const word of words) {
    for (let i = samplesOf(word.startMs); i < Math.min(pcm.length, samplesOf(word.endMs)); i++) {
      const sample = pcm[i] ?? 0;
      energy += sample * sample;
      peak = Math.max(peak, Math.abs(sample));
      count++;
    }
  }
  return { rms: Math.max(1, Math.sqrt(energy / Math.max(1, count))), peak };
}

/** The word without what is quieter than `edgeRms` at its start and end. */
function tightened(pcm: Int16Array, word: WordSpan, edgeRms: number): WordSpan {
  let from = samplesOf(word.startMs);
  let to = Math.min(pcm.length, samplesOf(word.endMs));
  const quiet = (at: number): boolean => {
    let energy = 0;
    for (let i = at; i < at + EDGE_BLOCK; i++) energy += (pcm[i] ?? 0) ** 2;
    return energy < edgeRms * edgeRms * EDGE_BLOCK;
  };
  while (to - from > 4 * EDGE_BLOCK && quiet(to - EDGE_BLOCK)) to -= EDGE_BLOCK;
  while (to - from > 4 * EDGE_BLOCK && quiet(from)) from += EDGE_BLOCK;
  return { text: word.text, startMs: (from * 1_000) / RATE_HZ, endMs: (to * 1_000) / RATE_HZ };
}

/** A mono 16-bit RIFF file as Flite writes it: a 44-byte header, then samples. */
function parseWav(wav: Uint8Array | undefined): {
  readonly pcm: Int16Array;
  readonly sampleRateHz: number;
} {
  if (!wav || wav.length < 44) throw new Error('Flite wrote no sound');
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const pcm = Int16Array.from({ length: (wav.length - 44) >> 1 }, (_, i) =>
    view.getInt16(44 + 2 * i, true),
  );
  return { pcm, sampleRateHz: view.getUint32(24, true) };
}
