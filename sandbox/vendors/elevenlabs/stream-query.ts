import { unsupported } from './errors.ts';
import type { ElevenLabsFailure } from './errors.ts';
import { readOutput } from './output.ts';
import type { Output } from './output.ts';

/** What the address of a socket decides for all of its contexts. */
export type StreamQuery = Output & {
  /** Text is spoken as it comes, instead of in pieces of the chunk schedule. */
  readonly autoMode: boolean;
  /** Times of characters come with every piece of audio, instead of once for each generation. */
  readonly syncAlignment: boolean;
  readonly inactivityTimeoutS: number;
};

const DEFAULT_MODEL = 'eleven_multilingual_v2';
const DEFAULT_FORMAT = 'mp3_44100_128';
const DEFAULT_INACTIVITY_S = 20;
const MAX_INACTIVITY_S = 180;

/** Reads the address; parameters that do not exist are passed over, as the service does. */
export function readStreamQuery(
  voiceId: string,
  query: URLSearchParams,
): StreamQuery | ElevenLabsFailure {
  const output = readOutput({
    voiceId,
    modelId: query.get('model_id') ?? DEFAULT_MODEL,
    outputFormat: query.get('output_format') ?? DEFAULT_FORMAT,
    languageCode: query.get('language_code') ?? undefined,
    streamsInput: true,
  });
  if ('status' in output) return output;
  const flags: Record<'auto_mode' | 'sync_alignment' | 'enable_ssml_parsing', boolean> = {
    auto_mode: false,
    sync_alignment: false,
    enable_ssml_parsing: false,
  };
  for (const name of ['auto_mode', 'sync_alignment', 'enable_ssml_parsing'] as const) {
    const value = query.get(name);
    if (value !== null && value !== 'true' && value !== 'false')
      return unsupported('invalid_parameters', `${name} must be true or false, not '${value}'.`);
    flags[name] = value === 'true';
  }
  const inactivityTimeoutS = Number(query.get('inactivity_timeout') ?? DEFAULT_INACTIVITY_S);
  if (
    !Number.isInteger(inactivityTimeoutS) ||
    inactivityTimeoutS < 1 ||
    inactivityTimeoutS > MAX_INACTIVITY_S
  )
    return unsupported(
      'invalid_parameters',
      `inactivity_timeout must be from 1 to ${MAX_INACTIVITY_S} seconds.`,
    );
  return {
    ...output,
    autoMode: flags.auto_mode,
    syncAlignment: flags.sync_alignment,
    inactivityTimeoutS,
  };
}
