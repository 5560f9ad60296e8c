import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { openSocket } from '#lib/web-socket.ts';
import type { SocketEvent } from '#lib/web-socket.ts';
import { failureOfAnswer, failureOfClose } from './failure.ts';

/** `lost` is the last of it. */
export type RealtimeEvent =
  | { readonly type: 'open' }
  /** An event of the service. */
  | { readonly type: 'event'; readonly event: JsonRecord }
  | { readonly type: 'pong' }
  | { readonly type: 'lost'; readonly failure: VendorFailure };

/** A socket of `/v1/realtime`. Says nothing more once it was told to end. */
export type RealtimeSocket = {
  /** Does nothing unless open. */
  send(event: object): void;
  ping(): void;
  close(): void;
  terminate(): void;
  /** Bytes that have not left this machine. */
  readonly unsentBytes: number;
};

const OPEN_WITHIN_MS = 5_000;
/** Deltas of audio are a few kilobytes. */
const MAX_MESSAGE_BYTES = 4_000_000;

/** `query` names the kind of session, such as `intent=transcription`. It never reconnects. */
export function openRealtimeSocket(
  parts: {
    readonly baseUrl: string;
    readonly query: string;
    readonly apiKey: string;
    readonly clock: Clock;
    readonly failures: FailureMaker;
  },
  on: (event: RealtimeEvent) => void,
): RealtimeSocket {
  const { failures } = parts;
  const lost = (failure: VendorFailure): void => {
    socket.terminate();
    on({ type: 'lost', failure });
  };
  const onSocket = (event: SocketEvent): void => {
    switch (event.type) {
      case 'open':
      case 'pong':
        return on({ type: event.type });
      case 'text': {
        const read = parseRecord(event.text);
        return read
          ? on({ type: 'event', event: read })
          : lost(failures.of('garbled', 'openai sent something that is no JSON'));
      }
      case 'binary':
        return lost(failures.of('garbled', 'openai sent a binary message'));
      case 'refused':
        return lost(failureOfAnswer(failures, event.status, event.body));
      case 'failed':
        return lost(failures.of(event.reason, `openai: ${event.detail}`));
      case 'closed':
        return lost(failureOfClose(failures, event.code, event.reason));
    }
  };
  const socket = openSocket(
    {
      url: `${parts.baseUrl}/realtime?${parts.query}`,
      headers: { authorization: `Bearer ${parts.apiKey}` },
      clock: parts.clock,
      openWithinMs: OPEN_WITHIN_MS,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    },
    onSocket,
  );
  return {
    send: (event) => socket.send(JSON.stringify(event)),
    ping: () => socket.ping(),
    close: () => socket.close(),
    terminate: () => socket.terminate(),
    get unsentBytes() {
      return socket.unsentBytes;
    },
  };
}
