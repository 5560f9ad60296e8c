import { bytesOf, PHONE_AUDIO, silenceOf } from '#audio/format.ts';
import type { Heard, HearingOptions } from '#contracts/speech-to-text.ts';
import { textOf } from '#lib/record.ts';
import { garbled, NOTHING, pathWithQuery } from './listen-protocol.ts';
import type { ListenProtocol, Reading } from './listen-protocol.ts';

/**
 * Flux works in steps of 80 ms and asks for audio in such pieces. A piece holds a frame back for 30 ms on
 * average and 60 at most; with pieces that end where the steps do, the service would wait as long.
 */
const CHUNK_MS = 80;
/** The service's own default: few turns are cut off, most end within half a second. */
const END_OF_TURN_THRESHOLD = '0.7';
/** Low enough to gain 100–200 ms for the reply, high enough that most replies prepared are used. */
const EAGER_END_OF_TURN_THRESHOLD = '0.4';
/** The service's own default: silence that ends a turn whatever the words sound like. */
const END_OF_TURN_TIMEOUT_MS = '5000';

/**
 * `/v2/listen` (Flux): the service decides when a turn ends, and says early when it probably has.
 *
 * It sends an `Update` for every quarter of a second of audio whatever is heard, so silence of the
 * server is certain after a few seconds. The protocol has no keep-alive: a piece of silence serves.
 */
export function listenV2(model: string, options: HearingOptions): ListenProtocol {
  const { audio = PHONE_AUDIO } = options;
  let interim = '';

  const turn = (event: string, text: string, end: unknown): readonly Heard[] => {
    const changed: Heard[] = text !== interim && text !== '' ? [{ type: 'interim', text }] : [];
    interim = text;
    switch (event) {
      case 'StartOfTurn':
      case 'Update':
        return changed;
      case 'EagerEndOfTurn':
        return [{ type: 'eager-end', text }];
      case 'TurnResumed':
        return [{ type: 'resumed' }, ...changed];
      case 'EndOfTurn':
        interim = '';
        return [{ type: 'end', text, ...(typeof end === 'number' && { untilMs: end * 1_000 }) }];
      default:
        return [];
    }
  };

  return {
    path: pathWithQuery('/v2/listen', {
      model,
      encoding: audio.encoding,
      sample_rate: String(audio.sampleRateHz),
      eot_threshold: END_OF_TURN_THRESHOLD,
      eager_eot_threshold: EAGER_END_OF_TURN_THRESHOLD,
      eot_timeout_ms: END_OF_TURN_TIMEOUT_MS,
      keyterm: options.keyterms,
      language_hint: model === 'flux-general-multi' ? [primaryLanguage(options.language)] : [],
    }),
    chunkBytes: bytesOf(CHUNK_MS, audio),
    keepAlive: silenceOf(CHUNK_MS, audio),
    answerWithin: { audioMs: 5_000, of: 'any' },
    read(message): Reading {
      if (message['type'] === 'Error') {
        const code = textOf(message['code']);
        const detail = `${code}: ${textOf(message['description'])}`;
        return { type: 'failed', code: isServerFault(code) ? 'unreachable' : 'invalid', detail };
      }
      if (message['type'] !== 'TurnInfo') return NOTHING;
      const { event, transcript } = message;
      if (typeof event !== 'string' || typeof transcript !== 'string')
        return garbled('TurnInfo without an event or a transcript');
      return { type: 'heard', heard: turn(event, transcript.trim(), message['audio_window_end']) };
    },
  };
}

const isServerFault = (code: string): boolean => /INTERNAL|UNAVAILABLE|NET-/.test(code);

const primaryLanguage = (language: string): string => language.split('-')[0] ?? language;
