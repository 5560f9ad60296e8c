import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { anthropic } from './anthropic/vendor.ts';
import { cartesia } from './cartesia/vendor.ts';
import { deepgram } from './deepgram/vendor.ts';
import { elevenlabs } from './elevenlabs/vendor.ts';
import { google } from './google/vendor.ts';
import { openai } from './openai/vendor.ts';

/**
 * The only file that knows every vendor, in the order of preference where the owner has none: within
 * each role the one that was measured to answer soonest comes first.
 * - Speech-to-text, to the final segment: Deepgram 247 ms, OpenAI 637, Google 878
 *   (medians of pipecat-ai/stt-benchmark).
 * - Language models, to the first word: OpenAI 536 ms, Google 550, Anthropic 637 (medians of aiewf-eval).
 * - Text-to-speech: those with word times first, since after an interruption they tell to the word what
 *   was heard; OpenAI's voice is a model that may stray from its text, but starts sooner than Google's
 *   by the sentence.
 */
export const vendors: readonly VendorSpec[] = [
  deepgram,
  cartesia,
  elevenlabs,
  openai,
  google,
  anthropic,
];

export const vendorByName: ReadonlyMap<string, VendorSpec> = new Map(
  vendors.map((vendor) => [vendor.name, vendor]),
);
