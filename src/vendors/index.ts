import type { VendorSpec } from '#contracts/vendor-spec.ts';
import { anthropic } from './anthropic/vendor.ts';
import { cartesia } from './cartesia/vendor.ts';
import { deepgram } from './deepgram/vendor.ts';
import { elevenlabs } from './elevenlabs/vendor.ts';
import { google } from './google/vendor.ts';
import { openai } from './openai/vendor.ts';

/** The only file that knows every vendor, in the order of preference where the owner has none. */
export const vendors: readonly VendorSpec[] = [
  deepgram,
  cartesia,
  elevenlabs,
  openai,
  anthropic,
  google,
];

export const vendorByName: ReadonlyMap<string, VendorSpec> = new Map(
  vendors.map((vendor) => [vendor.name, vendor]),
);
