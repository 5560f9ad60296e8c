import type { EarFormat } from '../../speech/speech.ts';
import { badQuery, badRequest } from './errors.ts';
import type { DeepgramRefusal } from './errors.ts';

export type NovaOptions = {
  readonly model: string;
  /** Undefined where no encoding was named: the service then expects a container such as WAV. */
  readonly format: EarFormat | undefined;
  readonly interimResults: boolean;
  /** Undefined: endpointing is off. */
  readonly endpointingMs: number | undefined;
  readonly utteranceEndMs: number | undefined;
  readonly vadEvents: boolean;
  /** `punctuate` or `smart_format`: case and punctuation are kept. */
  readonly formatted: boolean;
};

export type FluxThresholds = {
  readonly eot_threshold: number;
  /** Null: eager end of turn is off. */
  readonly eager_eot_threshold: number | null;
  readonly eot_timeout_ms: number;
};

export type FluxOptions = {
  readonly model: string;
  readonly format: EarFormat | undefined;
  readonly thresholds: FluxThresholds;
  readonly keyterms: readonly string[];
  readonly languageHints: readonly string[];
};

export type QueryResult<T> =
  | { readonly ok: true; readonly options: T }
  | { readonly ok: false; readonly refusal: DeepgramRefusal };

/** Models of `/v1/listen`, as `@deepgram/sdk` 5.13 names them; `custom` and the Whisper ones are left out. */
const NOVA_MODELS =
  /^(?:nova-3(?:-(?:general|medical))?|nova-2(?:-(?:general|meeting|phonecall|finance|conversationalai|voicemail|video|medical|drivethru|automotive|atc))?|nova(?:-(?:general|phonecall|medical))?|enhanced(?:-(?:general|meeting|phonecall|finance))?|base(?:-(?:general|meeting|phonecall|finance|conversationalai|voicemail|video))?)$/;
const FLUX_MODELS = ['flux-general-en', 'flux-general-multi'];

const NOVA_ENCODINGS =
  'linear16 linear32 flac alaw mulaw amr-nb amr-wb opus ogg-opus speex g729'.split(' ');
const FLUX_ENCODINGS = 'linear16 linear32 mulaw alaw opus ogg-opus'.split(' ');

const NOVA_PARAMETERS = new Set(
  'model encoding sample_rate channels multichannel language interim_results endpointing utterance_end_ms vad_events smart_format punctuate numerals profanity_filter redact keyterm keywords diarize diarize_model diarize_version detect_entities dictation filler_words replace search tag extra callback callback_method mip_opt_out version no_delay'.split(
    ' ',
  ),
);
const FLUX_PARAMETERS = new Set(
  'model encoding sample_rate eot_threshold eager_eot_threshold eot_timeout_ms keyterm language_hint numerals profanity_filter redact tag mip_opt_out'.split(
    ' ',
  ),
);
const NOVA_BOOLEANS =
  'multichannel interim_results vad_events smart_format punctuate numerals profanity_filter diarize detect_entities dictation filler_words mip_opt_out no_delay'.split(
    ' ',
  );
const FLUX_BOOLEANS = ['numerals', 'profanity_filter', 'mip_opt_out'];

/** Flux's limits, from its types: the thresholds are confidences, the timeout is in milliseconds. */
const LIMITS = {
  eot_threshold: [0.5, 1],
  eager_eot_threshold: [0.3, 0.9],
  eot_timeout_ms: [500, 60_000],
} as const;

/** A query refused; caught at the top of each parser, so that checks read as a list. */
class Refused extends Error {
  readonly refusal: DeepgramRefusal;
  constructor(refusal: DeepgramRefusal) {
    super(refusal.err_msg);
    this.refusal = refusal;
  }
}

function attempt<T>(parse: () => T): QueryResult<T> {
  try {
    return { ok: true, options: parse() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

function refuse(refusal: DeepgramRefusal): never {
  throw new Refused(refusal);
}

/** Reads the query of `/v1/listen`. */
export const parseNovaQuery = (query: URLSearchParams): QueryResult<NovaOptions> =>
  attempt(() => {
    checkNames(query, NOVA_PARAMETERS);
    for (const name of NOVA_BOOLEANS) flag(query, name);
    const model = query.get('model') ?? 'base';
    if (!NOVA_MODELS.test(model))
      refuse(badRequest('No such model/language/tier combination found.'));
    const language = query.get('language') ?? 'en';
    if (!/^(?:multi|[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)$/.test(language))
      refuse(badRequest('No such model/language/tier combination found.'));
    const nova3 = model.startsWith('nova-3');
    if (query.has('keyterm') && !nova3)
      refuse(badRequest('Keyterm Prompting is only available for Nova-3 models.'));
    if (query.has('keywords') && nova3)
      refuse(badRequest('Keywords are not supported for Nova-3. Please use keyterm instead.'));
    for (const name of ['callback', 'search', 'replace'])
      if (query.has(name)) refuse(badRequest(`${name} is not played by the sandbox.`));
    if (integer(query, 'channels', 1, 8) !== undefined && query.get('channels') !== '1')
      refuse(badRequest('the sandbox hears one channel.'));
    const format = readFormat(query, NOVA_ENCODINGS);
    const interimResults = flag(query, 'interim_results');
    const utteranceEndMs = integer(query, 'utterance_end_ms', 1_000, 5_000);
    if (utteranceEndMs !== undefined && !interimResults)
      refuse(badRequest('utterance_end_ms requires interim_results=true.'));
    return {
      model,
      format,
      interimResults,
      endpointingMs: readEndpointing(query),
      utteranceEndMs,
      vadEvents: flag(query, 'vad_events'),
      formatted: flag(query, 'smart_format') || flag(query, 'punctuate'),
    };
  });

/** Reads the query of `/v2/listen`. */
export const parseFluxQuery = (query: URLSearchParams): QueryResult<FluxOptions> =>
  attempt(() => {
    checkNames(query, FLUX_PARAMETERS);
    for (const name of FLUX_BOOLEANS) flag(query, name);
    const model = query.get('model');
    if (model === null) return refuse(badQuery('missing field `model`'));
    if (!FLUX_MODELS.includes(model))
      refuse(badRequest('No such model/language/tier combination found.'));
    const format = readFormat(query, FLUX_ENCODINGS);
    const languageHints = query.getAll('language_hint');
    if (languageHints.length > 0 && model !== 'flux-general-multi')
      refuse(badRequest('language_hint is only valid for flux-general-multi.'));
    if (languageHints.includes('')) refuse(badQuery('language_hint must not be empty'));
    const redact = query.getAll('redact');
    if (redact.some((one) => one !== 'numbers' && one !== 'aggressive_numbers'))
      refuse(badQuery('redact: expected `numbers` or `aggressive_numbers`'));
    const thresholds = checkThresholds({
      eot_threshold: decimal(query, 'eot_threshold') ?? 0.7,
      eager_eot_threshold: decimal(query, 'eager_eot_threshold') ?? null,
      eot_timeout_ms: decimal(query, 'eot_timeout_ms') ?? 5_000,
    });
    if (typeof thresholds === 'string') return refuse(badQuery(thresholds));
    return { model, format, thresholds, keyterms: query.getAll('keyterm'), languageHints };
  });

/** The thresholds if all are in range and fit each other, otherwise what is wrong with them. */
export function checkThresholds(thresholds: FluxThresholds): FluxThresholds | string {
  for (const name of ['eot_threshold', 'eager_eot_threshold', 'eot_timeout_ms'] as const) {
    const [min, max] = LIMITS[name];
    const value = thresholds[name];
    if (value !== null && !(value >= min && value <= max))
      return `${name} must be between ${min} and ${max}`;
  }
  if (!Number.isInteger(thresholds.eot_timeout_ms)) return 'eot_timeout_ms must be an integer';
  if ((thresholds.eager_eot_threshold ?? 0) > thresholds.eot_threshold)
    return 'eager_eot_threshold must not be greater than eot_threshold';
  return thresholds;
}

function checkNames(query: URLSearchParams, known: ReadonlySet<string>): void {
  for (const name of query.keys())
    if (!known.has(name)) refuse(badQuery(`unknown field \`${name}\``));
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value !== null && value !== 'true' && value !== 'false')
    refuse(badQuery(`${name}: provided string was not \`true\` or \`false\``));
  return value === 'true';
}

function decimal(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  if (!/^-?\d+(?:\.\d+)?$/.test(value)) refuse(badQuery(`${name}: invalid number`));
  return Number(value);
}

function integer(
  query: URLSearchParams,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = decimal(query, name);
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < min || value > max)
    refuse(badQuery(`${name}: expected an integer from ${min} to ${max}`));
  return value;
}

function readEndpointing(query: URLSearchParams): number | undefined {
  const value = query.get('endpointing');
  if (value === 'false') return undefined;
  if (value === null || value === 'true') return 10;
  return integer(query, 'endpointing', 0, 60_000);
}

function readFormat(query: URLSearchParams, known: readonly string[]): EarFormat | undefined {
  const encoding = query.get('encoding');
  const sampleRateHz = integer(query, 'sample_rate', 1, 192_000);
  if (encoding === null) {
    if (sampleRateHz !== undefined) refuse(badRequest('sample_rate requires encoding.'));
    return undefined;
  }
  if (!known.includes(encoding))
    refuse(
      badQuery(`encoding: unknown variant \`${encoding}\`, expected one of ${known.join(', ')}`),
    );
  if (sampleRateHz === undefined)
    return refuse(badRequest('sample_rate is required when encoding is specified.'));
  if (encoding !== 'mulaw' && encoding !== 'linear16')
    return refuse(badRequest(`the sandbox hears mulaw and linear16, not ${encoding}.`));
  if (sampleRateHz !== 8_000 && sampleRateHz !== 16_000 && sampleRateHz !== 24_000)
    return refuse(badRequest(`the sandbox hears 8000, 16000 and 24000 Hz, not ${sampleRateHz}.`));
  return { encoding, sampleRateHz };
}
