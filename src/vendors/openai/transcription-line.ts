import { bytesOf, bytesOfSamples, msOf, samplesOf, silenceOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { loadResampler } from '#audio/resample.ts';
import type { Resampler } from '#audio/resample.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { failureOfEvent } from './failure.ts';
import { openRealtimeSocket } from './realtime-socket.ts';
import type { RealtimeEvent } from './realtime-socket.ts';
import { LINEAR_RATE_HZ } from './transcription-settings.ts';

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
  /** In the caller's format. Kept until the socket is open, at most the last 10 s. */
  append(audio: Uint8Array): void;
  /** Ends the segment. Less than the service takes is filled up with silence. */
  commit(commitId: string): void;
  close(): void;
};

const MAX_EARLY_MS = 10_000;
/** So much audio unsent, in base64 and JSON, means that the network does not keep up. */
const MAX_UNSENT_MS = 10_000;
const UNSENT_OVERHEAD = 1.5;
/** The service refuses to commit less. */
const MIN_COMMIT_MS = 100;
/** What a resampler may still hold of it. */
const HELD_MS = 20;
/** Each ping must have been followed by any sign of life when the next one is due. */
const PING_MS = 5_000;

/** Audio in the caller's format, or an event. */
type Outgoing = Uint8Array | { readonly type: string; readonly event_id: string };

export function openTranscriptionLine(
  parts: {
    readonly baseUrl: string;
    readonly apiKey: string;
    readonly format: AudioFormat;
    readonly settings: object;
    readonly clock: Clock;
    readonly failures: FailureMaker;
  },
  on: (event: LineEvent) => void,
): TranscriptionLine {
  const { format, clock, failures } = parts;
  const isLinear = format.encoding === 'linear16';
  const minCommitBytes = bytesOf(MIN_COMMIT_MS + (isLinear ? HELD_MS : 0), format);
  const maxEarlyBytes = bytesOf(MAX_EARLY_MS, format);
  const sentBytesPerByte = isLinear ? LINEAR_RATE_HZ / format.sampleRateHz : 1;
  const maxUnsentBytes = bytesOf(MAX_UNSENT_MS, format) * sentBytesPerByte * UNSENT_OVERHEAD;
  const openedAtMs = clock.now();
  let state: 'connecting' | 'open' | 'over' = 'connecting';
  let early: Outgoing[] = [];
  let resampler: Resampler | undefined;
  let earlyBytes = 0;
  let uncommittedBytes = 0;
  let signOfLife = true;
  let cancelPing = (): void => undefined;

  const over = (): void => {
    state = 'over';
    early = [];
    resampler?.close();
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

  const transmit = (outgoing: Outgoing): void => {
    if (!(outgoing instanceof Uint8Array)) return socket.send(outgoing);
    const sound = resampler ? bytesOfSamples(resampler.push(samplesOf(outgoing))) : outgoing;
    const audio = Buffer.from(sound.buffer, sound.byteOffset, sound.length).toString('base64');
    socket.send({ type: 'input_audio_buffer.append', audio });
  };
  const send = (outgoing: Outgoing): void => {
    if (state === 'open' && (resampler || !isLinear)) {
      transmit(outgoing);
      if (socket.unsentBytes > maxUnsentBytes)
        fail(failures.of('timeout', 'openai does not take audio as fast as it is spoken'));
      return;
    }
    if (!(outgoing instanceof Uint8Array)) return void early.push(outgoing);
    early.push(Uint8Array.from(outgoing));
    earlyBytes += outgoing.length;
    while (earlyBytes > maxEarlyBytes) {
      const oldest = early.findIndex((one) => one instanceof Uint8Array);
      const [dropped] = early.splice(oldest, 1);
      if (dropped instanceof Uint8Array) earlyBytes -= dropped.length;
    }
  };
  const begin = (): void => {
    state = 'open';
    ping();
    socket.send({ type: 'session.update', session: parts.settings });
    if (isLinear) void beginResampling();
    else sendEarly();
  };
  const beginResampling = async (): Promise<void> => {
    const open = await loadResampler();
    if (state !== 'open') return;
    resampler = open(format.sampleRateHz, LINEAR_RATE_HZ);
    sendEarly();
  };
  const sendEarly = (): void => {
    for (const waiting of early.splice(0)) transmit(waiting);
  };
  const append = (audio: Uint8Array): void => {
    if (state === 'over') return;
    uncommittedBytes += audio.length;
    send(audio);
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
      case 'open':
        return begin();
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
      const missingBytes = minCommitBytes - uncommittedBytes;
      if (missingBytes > 0) append(silenceOf(msOf(missingBytes, format), format));
      uncommittedBytes = 0;
      send({ type: 'input_audio_buffer.commit', event_id: commitId });
    },
    close() {
      if (state === 'over') return;
      over();
      socket.close();
    },
  };
}
