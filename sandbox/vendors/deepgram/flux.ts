import type { Ear, EarFormat, HeardWord } from '../../speech/speech.ts';
import { isObject, parseObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { createAudioFeed } from './audio-feed.ts';
import type { ListenOutput, ListenStream } from './nova.ts';
import { checkThresholds } from './query.ts';
import type { FluxOptions, FluxThresholds } from './query.ts';
import { endOfTurnConfidence } from './turn-taking.ts';
import type { TurnTiming } from './turn-taking.ts';
import { MIN_SPEECH_MS, joinWords, seconds, wordConfidence } from './words.ts';

/** Flux reports at least this often, in audio time, also when nobody speaks. */
const UPDATE_MS = 240;

type TurnEvent = 'Update' | 'StartOfTurn' | 'EagerEndOfTurn' | 'TurnResumed' | 'EndOfTurn';
type TurnState = 'idle' | 'ongoing' | 'awaiting-end';

/** One `/v2/listen` stream: Flux's turns, from the audio alone; it has no clock. */
export function createFluxStream(options: {
  readonly query: FluxOptions;
  readonly format: EarFormat;
  readonly ear: Ear;
  readonly requestId: string;
  readonly timing: TurnTiming;
  /** The account may send `ForceEndTurn`. */
  readonly mayForceEndTurn: boolean;
  readonly output: ListenOutput;
}): ListenStream {
  const { query, ear, requestId, timing, output } = options;
  const feed = createAudioFeed(options.format);
  let thresholds = query.thresholds;
  let keyterms = query.keyterms;
  let languageHints = query.languageHints;

  let sequence = 0;
  let state: TurnState = 'idle';
  let turnIndex = 0;
  let words: HeardWord[] = [];
  let turnStartMs = 0;
  let reportedAtMs = 0;
  let over = false;

  const numbered = (message: object): void => {
    output.send({ ...message, request_id: requestId, sequence_id: sequence });
    sequence += 1;
  };
  const silenceMs = (): number => {
    const soundUntilMs = ear.soundUntilMs ?? 0;
    const speechUntilMs =
      soundUntilMs - (ear.soundSinceMs ?? 0) >= MIN_SPEECH_MS ? soundUntilMs : 0;
    return ear.writtenMs - Math.max(speechUntilMs, words.at(-1)?.endMs ?? 0);
  };
  const confidence = (): number =>
    words.length === 0 ? 0 : endOfTurnConfidence(joinWords(words), silenceMs(), timing);

  const turnInfo = (event: TurnEvent, trigger?: 'model' | 'manual' | 'timeout'): void => {
    reportedAtMs = ear.writtenMs;
    numbered({
      type: 'TurnInfo',
      event,
      turn_index: turnIndex,
      audio_window_start: seconds(turnStartMs),
      audio_window_end: seconds(ear.writtenMs),
      transcript: joinWords(words),
      words: words.map((word) => ({
        word: word.text,
        confidence: wordConfidence(word.text),
        start: seconds(word.startMs),
        end: seconds(word.endMs),
      })),
      end_of_turn_confidence: Math.round(confidence() * 10_000) / 10_000,
      ...(trigger ? { trigger } : {}),
      ...(query.model === 'flux-general-multi' && words.length > 0 ? { languages: ['en'] } : {}),
      ...(languageHints.length > 0 ? { languages_hinted: languageHints } : {}),
    });
  };

  const endTurn = (trigger: 'model' | 'manual' | 'timeout'): void => {
    // The published state machine reaches EndOfTurn only through EagerEndOfTurn, where that is on.
    if (trigger !== 'manual' && state === 'ongoing' && thresholds.eager_eot_threshold !== null)
      turnInfo('EagerEndOfTurn');
    turnInfo('EndOfTurn', trigger);
    state = 'idle';
    turnIndex += 1;
    words = [];
    turnStartMs = ear.writtenMs;
  };

  const step = (audio: Uint8Array): void => {
    const heard = ear.write(audio);
    words.push(...heard);
    const sure = confidence();
    const eager = thresholds.eager_eot_threshold;
    if (state === 'idle' && heard.length > 0) {
      state = 'ongoing';
      turnInfo('StartOfTurn');
    } else if (state === 'awaiting-end' && (heard.length > 0 || (eager !== null && sure < eager))) {
      state = 'ongoing';
      turnInfo('TurnResumed');
    }
    if (state === 'ongoing' && eager !== null && sure >= eager) {
      state = 'awaiting-end';
      turnInfo('EagerEndOfTurn');
    }
    if (state !== 'idle' && sure >= thresholds.eot_threshold) endTurn('model');
    else if (state !== 'idle' && silenceMs() >= thresholds.eot_timeout_ms) endTurn('timeout');
    else if (ear.writtenMs - reportedAtMs >= UPDATE_MS) turnInfo('Update');
  };

  const fail = (code: string, description: string): void => {
    over = true;
    output.send({ type: 'Error', sequence_id: sequence, code, description });
    sequence += 1;
    output.close(1011, code);
  };

  const configure = (message: JsonObject): void => {
    const next = readConfigure(message, query.model, thresholds);
    if (!next) return numbered({ type: 'ConfigureFailure' });
    thresholds = next.thresholds;
    keyterms = next.keyterms ?? keyterms;
    languageHints = next.languageHints ?? languageHints;
    numbered({
      type: 'ConfigureSuccess',
      thresholds,
      keyterms,
      ...(query.model === 'flux-general-multi' ? { language_hints: languageHints } : {}),
    });
  };

  numbered({ type: 'Connected' });

  return {
    audio(bytes) {
      if (over) return;
      for (const audio of feed.push(bytes)) step(audio);
    },
    text(text) {
      if (over) return;
      const message = parseObject(text);
      switch (message?.['type']) {
        case 'Configure':
          return configure(message);
        case 'ForceEndTurn':
          if (!options.mayForceEndTurn) break;
          if (state !== 'idle') endTurn('manual');
          return;
        case 'CloseStream':
          over = true;
          for (const audio of feed.rest()) step(audio);
          words.push(...ear.end());
          turnInfo('Update');
          return output.close();
        default:
      }
      fail('UNPARSABLE_CLIENT_MESSAGE', 'The message could not be understood.');
    },
  };
}

type Configured = {
  readonly thresholds: FluxThresholds;
  readonly keyterms: readonly string[] | undefined;
  readonly languageHints: readonly string[] | undefined;
};

/** What a Configure message asks for; undefined when it is refused, and nothing of it then counts. */
function readConfigure(
  message: JsonObject,
  model: string,
  current: FluxThresholds,
): Configured | undefined {
  const {
    thresholds,
    keyterms,
    language_hints: languageHints,
    numerals,
    type: _,
    ...unknown
  } = message;
  if (Object.keys(unknown).length > 0) return undefined;
  if (numerals !== undefined && typeof numerals !== 'boolean') return undefined;
  if (keyterms !== undefined && !isStrings(keyterms)) return undefined;
  if (languageHints !== undefined && !(isStrings(languageHints) && model === 'flux-general-multi'))
    return undefined;
  const merged = mergeThresholds(current, thresholds);
  const checked = merged && checkThresholds(merged);
  return checked === undefined || typeof checked === 'string'
    ? undefined
    : { thresholds: checked, keyterms, languageHints };
}

function mergeThresholds(current: FluxThresholds, asked: unknown): FluxThresholds | undefined {
  if (asked === undefined) return current;
  if (!isObject(asked)) return undefined;
  const {
    eot_threshold = current.eot_threshold,
    eager_eot_threshold = current.eager_eot_threshold,
    eot_timeout_ms = current.eot_timeout_ms,
    ...unknown
  } = asked;
  if (
    Object.keys(unknown).length > 0 ||
    typeof eot_threshold !== 'number' ||
    typeof eot_timeout_ms !== 'number' ||
    (eager_eot_threshold !== null && typeof eager_eot_threshold !== 'number')
  )
    return undefined;
  return { eot_threshold, eager_eot_threshold, eot_timeout_ms };
}

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
