import { PHONE_AUDIO } from '#audio/format.ts';
import type { SpeakOptions, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { INACTIVITY_TIMEOUT_S, openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import { failureOfAnswer, isMissingPermission, isUsedUp } from './failure.ts';
import { startUtterance } from './utterance.ts';

/** "Sarah", one of the voices that every account has. */
export const DEFAULT_VOICE = 'EXAVITQu4vr4xnSDxMaL';

/** The quickest of the models. */
const DEFAULT_MODEL = 'eleven_flash_v2_5';
const CHECK_WITHIN_MS = 5_000;
/** Bounds what one key can open; plans allow far fewer voices at once than these sockets carry. */
const MAX_CONNECTIONS = 64;

/**
 * ElevenLabs' text-to-speech by its documented multi-context WebSocket: sound as it comes, sockets
 * shared by the calls that speak with the same voice, one context for each utterance. The official SDK
 * does not speak this protocol, and takes over a second and 150 MB to load.
 */
export function elevenlabsTextToSpeech(options: RoleOptions): TextToSpeech {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('elevenlabs', 'text-to-speech', apiKey);
  const http = httpClient(baseUrl);
  /** Each with the address it was opened at: voice, model, language and format belong to the socket. */
  const connections = new Map<Connection, string>();
  const utterances = new Set<Utterance>();
  let spoken: SpeakOptions = { voice: DEFAULT_VOICE, language: options.language ?? 'en' };

  const open = (url: string): Connection => {
    const connection = openConnection({
      url,
      apiKey,
      clock,
      failures,
      onEnd: () => connections.delete(connection),
    });
    connections.set(connection, url);
    return connection;
  };
  const at = (url: string): Connection | undefined =>
    [...connections].find(([one, where]) => where === url && !one.isFull)?.[0];
  const acquire = (url: string): Connection | undefined =>
    at(url) ?? (connections.size < MAX_CONNECTIONS ? open(url) : undefined);

  return {
    vendor: 'elevenlabs',
    model,
    can: { wordTimes: true },
    speak(asked, on) {
      spoken = asked;
      const url = `${baseUrl}${streamPath(model, asked)}`;
      const utterance = startUtterance({
        format: asked.audio ?? PHONE_AUDIO,
        acquire: () => acquire(url),
        clock,
        log,
        failures,
        on,
        onEnd: () => utterances.delete(utterance),
      });
      utterances.add(utterance);
      return utterance;
    },
    warm(asked = spoken) {
      acquire(`${baseUrl}${streamPath(model, asked)}`);
    },
    async check(signal) {
      const answer = await http.fetchText(
        { method: 'GET', path: '/v1/user/subscription', headers: { 'xi-api-key': apiKey } },
        { clock, withinMs: CHECK_WITHIN_MS, signal },
      );
      if ('kind' in answer)
        return { ok: false, failure: failures.of(answer.kind, `elevenlabs: ${answer.detail}`) };
      // A key that may speak but not look at the account is a good key.
      if (isMissingPermission(answer.text)) return { ok: true };
      if (answer.status === 200)
        return isUsedUp(answer.text)
          ? { ok: false, failure: failures.of('quota', 'elevenlabs: all credits are used up') }
          : { ok: true };
      return { ok: false, failure: failureOfAnswer(failures, answer.status, answer.text) };
    },
    close() {
      for (const utterance of utterances) utterance.cancel();
      for (const connection of connections.keys()) connection.close();
      http.close();
    },
  };
}

function streamPath(model: string, { voice, language, audio = PHONE_AUDIO }: SpeakOptions): string {
  const query = new URLSearchParams({
    model_id: model,
    output_format: `${audio.encoding === 'mulaw' ? 'ulaw' : 'pcm'}_${audio.sampleRateHz}`,
    // Text comes in whole clauses, so the service need not collect 120 characters first.
    auto_mode: 'true',
    // Times with every piece of audio: whoever is interrupted knows up to which word.
    sync_alignment: 'true',
    inactivity_timeout: String(INACTIVITY_TIMEOUT_S),
  });
  // The other models guess the language, and refuse to be told.
  if (model.endsWith('_v2_5')) query.set('language_code', language.split('-')[0] ?? language);
  return `/v1/text-to-speech/${encodeURIComponent(voice)}/multi-stream-input?${query.toString()}`;
}
