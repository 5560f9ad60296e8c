import { PHONE_AUDIO } from '#audio/format.ts';
import type { TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { failureMaker } from '#contracts/vendor-failure.ts';
import type { RoleOptions } from '#contracts/vendor-spec.ts';
import { httpClient } from '#lib/http-client.ts';
import { parseRecord, textOf } from '#lib/record.ts';
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import { CARTESIA_VERSION } from './messages.ts';
import { startUtterance } from './utterance.ts';

const DEFAULT_MODEL = 'sonic-3.5';
const CHECK_WITHIN_MS = 5_000;
/** The service speaks of "dozens" of contexts for one socket. */
const MAX_CONTEXTS_PER_CONNECTION = 24;
/** Plans limit sockets as well as contexts; beyond this, contexts crowd together. */
const MAX_CONNECTIONS = 4;

/**
 * Cartesia's text-to-speech by its documented WebSocket protocol: sound as it comes, a few sockets
 * for all calls of one key, one context (or, after a long pause, several) for each utterance.
 */
export function cartesiaTextToSpeech(options: RoleOptions): TextToSpeech {
  const { apiKey, baseUrl, clock, log } = options;
  const model = options.model ?? DEFAULT_MODEL;
  const failures = failureMaker('cartesia', 'text-to-speech', apiKey);
  const http = httpClient(baseUrl);
  const connections = new Set<Connection>();
  const utterances = new Set<Utterance>();

  const open = (): Connection => {
    const connection = openConnection({
      baseUrl,
      apiKey,
      clock,
      failures,
      onEnd: () => connections.delete(connection),
    });
    connections.add(connection);
    return connection;
  };
  const acquire = (): Connection => {
    const [freest] = [...connections].toSorted((a, b) => a.contextCount - b.contextCount);
    if (freest && freest.contextCount < MAX_CONTEXTS_PER_CONNECTION) return freest;
    return freest && connections.size >= MAX_CONNECTIONS ? freest : open();
  };

  return {
    vendor: 'cartesia',
    model,
    can: { wordTimes: true },
    speak({ voice, language, audio = PHONE_AUDIO }, on) {
      const utterance = startUtterance({
        acquire,
        fields: { model, voice, language, audio },
        clock,
        log,
        failures,
        on,
        onEnd: () => utterances.delete(utterance),
      });
      utterances.add(utterance);
      return utterance;
    },
    warm() {
      if (connections.size === 0) open();
    },
    async check(signal) {
      const answer = await http.fetchText(
        {
          method: 'GET',
          path: '/voices?limit=1',
          headers: { authorization: `Bearer ${apiKey}`, 'cartesia-version': CARTESIA_VERSION },
        },
        { clock, withinMs: CHECK_WITHIN_MS, signal },
      );
      if ('kind' in answer)
        return { ok: false, failure: failures.of(answer.kind, `cartesia: ${answer.detail}`) };
      if (answer.status === 200) return { ok: true };
      const detail = textOf(parseRecord(answer.text)?.['message']);
      return { ok: false, failure: failures.ofStatus(answer.status, detail) };
    },
    close() {
      for (const utterance of utterances) utterance.cancel();
      for (const connection of connections) connection.close();
      http.close();
    },
  };
}
