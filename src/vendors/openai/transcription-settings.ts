import type { RealtimeTranscriptionSessionCreateRequest } from 'openai/resources/realtime/realtime';
import { PHONE_AUDIO } from '#audio/format.ts';
import type { HearingOptions } from '#contracts/speech-to-text.ts';

/** These write while they listen; the others begin once the audio is committed. */
const STREAMING = ['gpt-live-transcribe', 'gpt-realtime-whisper'];
const TAKES_KEYWORDS = ['gpt-live-transcribe', 'gpt-transcribe'];
/** Bounds on what the owner's key terms add to a session; nothing published allows more. */
const MAX_KEYWORDS = 60;
const MAX_KEYWORD_CHARS = 50;

/** The only rate at which the service takes linear sound. */
export const LINEAR_RATE_HZ = 24_000;

/** The settings of a transcription session: sound as it comes if that can be, and no turns but ours. */
export function transcriptionSettings(
  model: string,
  { language, keyterms, audio = PHONE_AUDIO }: HearingOptions,
): RealtimeTranscriptionSessionCreateRequest {
  const keywords = keyterms.filter(isKeyword).slice(0, MAX_KEYWORDS);
  const hints =
    keywords.length === 0 || model === 'gpt-realtime-whisper'
      ? {}
      : TAKES_KEYWORDS.includes(model)
        ? { keywords }
        : { prompt: keywords.join(', ') };
  return {
    type: 'transcription',
    audio: {
      input: {
        format:
          audio.encoding === 'mulaw'
            ? { type: 'audio/pcmu' }
            : { type: 'audio/pcm', rate: LINEAR_RATE_HZ },
        transcription: {
          model,
          // A language, not a locale: `en` for `en-GB`.
          language: language.split('-')[0]?.toLowerCase() ?? language,
          ...hints,
          // Words a quarter of a second sooner than by default, and no more errors; the final text is as soon.
          ...(STREAMING.includes(model) && { delay: 'low' }),
        },
        // Null must be said: without it the service cuts the audio where it hears a pause.
        turn_detection: null,
      },
    },
  };
}

const isKeyword = (term: string): boolean =>
  term.trim() !== '' && term.length <= MAX_KEYWORD_CHARS && !/[<>\r\n]/.test(term);
