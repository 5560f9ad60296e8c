import { MULAW_SILENCE, phoneBytes } from '#audio/g711.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { failureOfEvent } from './failure.ts';
import { openRealtimeSocket } from './realtime-socket.ts';
import type { RealtimeEvent } from './realtime-socket.ts';

/** What the service says of one session. `failed` is the last of it. */
export type LineEvent =
  /** More words of an item. They are never taken back. */
  | { readonly type: 'delta'; readonly itemId: string; readonly text: string }
  /** Said once for each commit, in their order. */
  | { readonly type: 'committed'; readonly itemId: string }
  | { readonly type: 'completed'; readonly itemId: string; readonly text: string }
  /** This commit made no item. */
  | { readonly type: 'dropped'; readonly commitId: string }
  | { readonly type: 'failed'; readonly failure: VendorFailure };

/** One transcription session, from its handshake to its end. */
export type TranscriptionLine = {
  readonly openedAtMs: number;
  /** Since the last commit. */
  readonly uncommittedBytes: number;
  /** Kept until the socket is open, at most the last 10 s. */
  append(mulaw: Uint8Array): void;
  /** Ends the segment. Less than the service takes is filled up with silence. */
  commit(commitId: string): void;
  close(): void;
};

const MAX_EARLY_BYTES = phoneBytes(10_000);
/** Ten seconds of audio, in base64 and JSON: the network does not keep up. */
const MAX_UNSENT_BYTES = phoneBytes(10_000) * 1.5;
/** The service refuses to commit less. */
const MIN_COMMIT_BYTES = phoneBytes(100);
/** Each ping must have been followed by any sign of life when the next one is due. */
const PING_MS = 5_000;

export function openTranscriptionLine(
  parts: {
    readonly baseUrl: string;
    readonly apiKey: string;
    readonly settings: object;
    readonly clock: Clock;
    readonly failures: FailureMaker;
  },
  on: (event: LineEvent) => void,
): TranscriptionLine {
  const { clock, failures } = parts;
  const openedAtMs = clock.now();
  let state: 'connecting' | 'open' | 'over' = 'connecting';
  let early: { readonly event: object; readonly bytes: number }[] = [];
  let earlyBytes = 0;
  let uncommittedBytes = 0;
  let signOfLife = true;
  let cancelPing = (): void => undefined;

  const over = (): void => {
    state = 'over';
    early = [];
    cancelPing();
  };
  const fail = (failure: VendorFailure): void => {
    if (state === 'over') return;
    over();
    socket.terminate();
    on({ type: 'failed', failure });
  };
  const ping = (): void => {
    cancelPing = clock.after(PING_MS, () => {
      if (!signOfLife)
        return fail(failures.of('timeout', `openai gave no sign of life for ${PING_MS} ms`));
      signOfLife = false;
      socket.ping();
      ping();
    });
  };

  const send = (event: object, bytes: number): void => {
    if (state === 'open') {
      socket.send(event);
      if (socket.unsentBytes > MAX_UNSENT_BYTES)
        fail(failures.of('timeout', 'openai does not take audio as fast as it is spoken'));
      return;
    }
    early.push({ event, bytes });
    earlyBytes += bytes;
    while (earlyBytes > MAX_EARLY_BYTES) {
      const oldest = early.findIndex((one) => one.bytes > 0);
      earlyBytes -= early.splice(oldest, 1)[0]?.bytes ?? 0;
    }
  };
  const append = (mulaw: Uint8Array): void => {
    if (state === 'over') return;
    uncommittedBytes += mulaw.length;
    const audio = Buffer.from(mulaw.buffer, mulaw.byteOffset, mulaw.length).toString('base64');
    send({ type: 'input_audio_buffer.append', audio }, mulaw.length);
  };

  const onEvent = (event: JsonRecord): void => {
    const { type, item_id: itemId } = event;
    switch (type) {
      case 'input_audio_buffer.committed':
        return typeof itemId === 'string' ? on({ type: 'committed', itemId }) : garbled(type);
      case 'conversation.item.input_audio_transcription.delta':
        if (typeof itemId !== 'string') return garbled(type);
        return on({ type: 'delta', itemId, text: textOf(event['delta']) });
      case 'conversation.item.input_audio_transcription.completed': {
        const { transcript } = event;
        if (typeof itemId !== 'string' || typeof transcript !== 'string') return garbled(type);
        return on({ type: 'completed', itemId, text: transcript });
      }
      case 'conversation.item.input_audio_transcription.failed':
        return fail(failureOfEvent(failures, event['error']));
      case 'error':
        return onError(event['error']);
      default:
        return;
    }
  };
  const onError = (error: unknown): void => {
    const isEmpty = isRecord(error) && error['code'] === 'input_audio_buffer_commit_empty';
    const commitId = isRecord(error) ? error['event_id'] : undefined;
    if (isEmpty && typeof commitId === 'string') return on({ type: 'dropped', commitId });
    fail(failureOfEvent(failures, error));
  };
  const garbled = (type: string): void =>
    fail(failures.of('garbled', `openai sent ${type} without what it is about`));

  const onSocket = (event: RealtimeEvent): void => {
    signOfLife = true;
    switch (event.type) {
      case 'open': {
        state = 'open';
        ping();
        socket.send({ type: 'session.update', session: parts.settings });
        for (const waiting of early.splice(0)) socket.send(waiting.event);
        return;
      }
      case 'event':
        return onEvent(event.event);
      case 'pong':
        return;
      case 'lost':
        return fail(event.failure);
    }
  };
  const socket = openRealtimeSocket({ ...parts, query: 'intent=transcription' }, onSocket);

  return {
    openedAtMs,
    get uncommittedBytes() {
      return uncommittedBytes;
    },
    append,
    commit(commitId) {
      if (state === 'over') return;
      const missingBytes = MIN_COMMIT_BYTES - uncommittedBytes;
      if (missingBytes > 0) append(new Uint8Array(missingBytes).fill(MULAW_SILENCE));
      uncommittedBytes = 0;
      send({ type: 'input_audio_buffer.commit', event_id: commitId }, 0);
    },
    close() {
      if (state === 'over') return;
      over();
      socket.close();
    },
  };
}
