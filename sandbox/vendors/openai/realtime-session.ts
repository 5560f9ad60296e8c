import { newToken } from '#lib/ids.ts';
import type { EarFormat } from '../../speech/speech.ts';
import type { OpenAIRefusal } from './errors.ts';
import type { AudioFormat, ClientEvent } from './realtime-events.ts';

/** One WebSocket's session, of either kind. It answers what is wrong with an event. */
export type Session = {
  handle(event: ClientEvent): OpenAIRefusal | undefined;
  /** The connection is gone. */
  drop(): void;
};

export type SessionOutput = {
  /** Adds the event's id. */
  send(type: string, fields: object): void;
  /** A fault of the sandbox's own, not one that is played. */
  crashed(error: unknown): void;
};

export const newId = (prefix: string): string => `${prefix}_${newToken(15)}`;

/** An event of the server, as it goes over the line. */
export const serverEvent = (type: string, fields: object): string =>
  JSON.stringify({ type, event_id: newId('event'), ...fields });

/** The `error` event; `eventId` is that of the client's event, where it had one. */
export const errorEvent = (
  { message, type, param, code }: OpenAIRefusal,
  eventId: string | null,
): string => serverEvent('error', { error: { type, code, message, param, event_id: eventId } });

export const SERVER_FAULT =
  'The server had an error while processing your request. Sorry about that!';

/** How the sandbox hears and speaks a format; undefined: it does not. PCM where the client named none. */
export function earFormat(format: AudioFormat | undefined): EarFormat | undefined {
  switch (format?.type) {
    case 'audio/pcmu':
      return { encoding: 'mulaw', sampleRateHz: 8_000 };
    case 'audio/pcma':
      return undefined;
    default:
      return { encoding: 'linear16', sampleRateHz: 24_000 };
  }
}
