import { bytesOf, PHONE_AUDIO } from '#audio/format.ts';
import type { HearingOptions } from '#contracts/speech-to-text.ts';
import { isRecord, listOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { garbled, NOTHING, pathWithQuery } from './listen-protocol.ts';
import type { ListenProtocol } from './listen-protocol.ts';

/**
 * Silence after which a segment is closed without being asked. Longer than the gaps inside a sentence:
 * a segment that is cut in two is understood worse. Whoever listens can have it sooner by `finalize`.
 */
const ENDPOINTING_MS = 300;
/** As it comes: the service asks for no particular length. */
const CHUNK_MS = 20;

/**
 * `/v1/listen` (nova-3, nova-2 …): interim and final segments, `Finalize`, no end of turns.
 *
 * With `interim_results` the service answers about once a second while somebody speaks. How often it
 * answers silence is documented nowhere, so only loud audio without an answer counts as a dead server.
 */
export function listenV1(model: string, options: HearingOptions): ListenProtocol {
  const { audio = PHONE_AUDIO } = options;
  let interim = '';
  return {
    path: pathWithQuery('/v1/listen', {
      model,
      language: options.language,
      encoding: audio.encoding,
      sample_rate: String(audio.sampleRateHz),
      channels: '1',
      interim_results: 'true',
      endpointing: String(ENDPOINTING_MS),
      // Not `smart_format`: it holds a final back while a number or an address may still go on.
      punctuate: 'true',
      numerals: 'true',
      // Key terms came with nova-3; the models before it call them keywords.
      [model.startsWith('nova-3') ? 'keyterm' : 'keywords']: options.keyterms,
    }),
    chunkBytes: bytesOf(CHUNK_MS, audio),
    keepAlive: '{"type":"KeepAlive"}',
    finalize: '{"type":"Finalize"}',
    answerWithin: { audioMs: 10_000, of: 'loud' },
    read(message) {
      if (message['type'] !== 'Results') return NOTHING;
      const channel = message['channel'];
      const alternative = isRecord(channel) ? listOf(channel['alternatives'])[0] : undefined;
      if (!isRecord(alternative) || typeof alternative['transcript'] !== 'string')
        return garbled('Results without a transcript');
      const text = alternative['transcript'].trim();
      if (message['is_final'] === true) {
        interim = '';
        const fromFinalize = message['from_finalize'] === true;
        // The answer to `finalize` is said even if it is empty: somebody waits for it.
        if (text === '' && !fromFinalize) return NOTHING;
        const untilMs = endMsOf(message);
        return {
          type: 'heard',
          heard: [{ type: 'final', text, fromFinalize, ...(untilMs !== undefined && { untilMs }) }],
        };
      }
      if (text === interim) return NOTHING;
      interim = text;
      return { type: 'heard', heard: [{ type: 'interim', text }] };
    },
  };
}

/** Where in the stream the segment ends. */
function endMsOf(message: JsonRecord): number | undefined {
  const { start, duration } = message;
  return typeof start === 'number' && typeof duration === 'number'
    ? (start + duration) * 1_000
    : undefined;
}
