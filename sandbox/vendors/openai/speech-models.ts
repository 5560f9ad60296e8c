import type { voices } from '../../speech/speech.ts';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import type { TranscriptionSession } from './realtime-events.ts';

/** Models of `/v1/realtime?model=…`, of transcription, and of `/v1/audio/speech`, by the names in `openai` 7.55's types. */
export const realtimeModels: readonly string[] = [
  'gpt-realtime-2.1',
  'gpt-realtime-2.1-mini',
  'gpt-realtime-2',
  'gpt-realtime-1.5',
  'gpt-realtime',
  'gpt-realtime-mini',
];
export const transcriptionModels: readonly string[] = [
  'gpt-live-transcribe',
  'gpt-realtime-whisper',
  'gpt-transcribe',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'whisper-1',
];
export const speechModels: readonly string[] = [
  'gpt-4o-mini-tts',
  'gpt-4o-mini-tts-2025-12-15',
  'tts-1-hd',
  'tts-1',
];

/** These write while they listen; the others begin once the audio is committed. */
export const writesWhileListening = (model: string): boolean =>
  model === 'gpt-live-transcribe' || model === 'gpt-realtime-whisper';

/** `tts-1` and `tts-1-hd` neither stream events nor take instructions. */
export const isFirstGeneration = (model: string): boolean => model.startsWith('tts-1');

type BankVoice = (typeof voices)[number];

/** The built-in voices, and who speaks for them in the sandbox. */
const builtIn: Readonly<Record<string, BankVoice>> = {
  alloy: 'slt',
  ash: 'rms',
  ballad: 'awb',
  coral: 'slt',
  echo: 'rms',
  sage: 'slt',
  shimmer: 'slt',
  verse: 'kal',
  marin: 'slt',
  cedar: 'rms',
};
/** Only `/v1/audio/speech` has these. */
const speechOnly: Readonly<Record<string, BankVoice>> = { fable: 'awb', onyx: 'rms', nova: 'slt' };
/** Too new for the first generation of models. */
const NEWER = ['ballad', 'verse', 'marin', 'cedar'];

type VoiceChoice =
  | { readonly ok: true; readonly bankVoice: BankVoice }
  | { readonly ok: false; readonly refusal: OpenAIRefusal };

/** Who speaks for a voice that the client named at `param`; `speechModel` where `/v1/audio/speech` was asked. */
export function findVoice(
  name: string | { readonly id: string },
  param: string,
  speechModel?: string,
): VoiceChoice {
  const all = speechModel === undefined ? builtIn : { ...builtIn, ...speechOnly };
  const offered = Object.entries(all).filter(
    ([one]) => !isFirstGeneration(speechModel ?? '') || !NEWER.includes(one),
  );
  const wanted = typeof name === 'string' ? name : name.id;
  const found = offered.find(([one]) => one === name);
  if (found) return { ok: true, bankVoice: found[1] };
  const values = offered.map(([one]) => `'${one}'`);
  return {
    ok: false,
    refusal: invalidParameter(
      param,
      'invalid_value',
      `Invalid value: '${wanted}'. Supported values are: ${values.join(', ')}.`,
    ),
  };
}

type Transcription = NonNullable<
  NonNullable<NonNullable<TranscriptionSession['audio']>['input']>['transcription']
>;

/** What a transcription model does not take, of what was merged into the session's settings. */
export function transcriptionRefusal(asked: Transcription): OpenAIRefusal | undefined {
  const base = 'session.audio.input.transcription';
  const { model } = asked;
  if (model === undefined)
    return invalidParameter(
      `${base}.model`,
      'missing_required_parameter',
      `Missing required parameter: '${base}.model'.`,
    );
  if (!transcriptionModels.includes(model))
    return invalidParameter(
      `${base}.model`,
      'invalid_value',
      `Invalid value: '${model}'. Supported values are: ${transcriptionModels.map((one) => `'${one}'`).join(', ')}.`,
    );
  const unsupported = (name: string): OpenAIRefusal =>
    invalidParameter(
      `${base}.${name}`,
      'unsupported_parameter',
      `Unsupported parameter: '${base}.${name}' is not supported with the '${model}' model.`,
    );
  const takesKeywords = model === 'gpt-transcribe' || model === 'gpt-live-transcribe';
  if (asked.keywords && !takesKeywords) return unsupported('keywords');
  if (asked.languages && !takesKeywords) return unsupported('languages');
  if (asked.delay && !writesWhileListening(model)) return unsupported('delay');
  if (asked.prompt && model === 'gpt-realtime-whisper') return unsupported('prompt');
  if (asked.language && !/^[a-z]{2,3}$/.test(asked.language))
    return invalidParameter(
      `${base}.language`,
      'invalid_value',
      `Invalid language '${asked.language}'. Language parameter must be specified in ISO-639-1 or ISO-639-3 format.`,
    );
  return undefined;
}
