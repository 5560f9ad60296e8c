import type {
  RealtimeAudioFormats,
  RealtimeResponseCreateParams,
  RealtimeSessionCreateRequest,
} from 'openai/resources/realtime/realtime';
import type { AudioFormat } from '#audio/format.ts';
import { wholeSamples } from '#audio/whole-samples.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import { newToken } from '#lib/ids.ts';
import { isRecord, textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { failureOfEvent } from './failure.ts';
import { openRealtimeSocket } from './realtime-socket.ts';
import type { RealtimeEvent } from './realtime-socket.ts';

/** What becomes of one response. `done`, `failed` or `lost` is the last of it. */
export type ResponseEvent =
  /** More of what the model says that it speaks; as a rule ahead of the sound. */
  | { readonly type: 'transcript'; readonly text: string }
  | { readonly type: 'audio'; readonly audio: Uint8Array }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly failure: VendorFailure }
  /** The connection is gone, with all its responses. */
  | { readonly type: 'lost'; readonly failure: VendorFailure };

export type ResponseRequest = {
  readonly text: string;
  readonly instructions: string;
  readonly voice: string;
  /** Mu-law, or linear at 24 kHz: the service gives no other. */
  readonly audio: AudioFormat;
};

/** One session of a voice model. It keeps the voice that it first spoke with. */
export type VoiceLine = {
  /** Undefined until it was asked to speak. */
  readonly voice: string | undefined;
  readonly openedAtMs: number;
  /** It was open before now, so its silence or its end may be old news. */
  readonly isKept: boolean;
  readonly isUsable: boolean;
  /** Responses that the service is at work on, cancelled ones included. */
  readonly runningCount: number;
  /** Speaks outside of the conversation: no response knows of another. Several may run at once. */
  respond(request: ResponseRequest, on: (event: ResponseEvent) => void): { cancel(): void };
  /** Finds out whether a line that was silent is still alive. */
  probe(): void;
  close(): void;
};

const PONG_WITHIN_MS = 1_500;
/** The service pings every 20 s, which nobody here sees; a line that said nothing for this long is asked. */
const SILENT_MS = 10_000;

type Response = {
  readonly eventId: string;
  readonly on: (event: ResponseEvent) => void;
  readonly whole: (piece: Uint8Array) => Uint8Array;
  responseId: string | undefined;
  isCancelled: boolean;
};

export function openVoiceLine(parts: {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly clock: Clock;
  readonly failures: FailureMaker;
  /** The number of running responses has changed, or the line has come to its end. */
  readonly onChange: () => void;
}): VoiceLine {
  const { clock, failures } = parts;
  const openedAtMs = clock.now();
  const running = new Set<Response>();
  let state: 'connecting' | 'open' | 'over' = 'connecting';
  let voice: string | undefined;
  let early: { readonly of: Response; readonly event: object }[] = [];
  let heardAtMs = -Infinity;
  let cancelPong: (() => void) | undefined;

  const over = (): void => {
    state = 'over';
    early = [];
    cancelPong?.();
  };
  const lose = (failure: VendorFailure): void => {
    if (state === 'over') return;
    over();
    socket.terminate();
    const left = [...running];
    running.clear();
    for (const { on, isCancelled } of left) if (!isCancelled) on({ type: 'lost', failure });
    parts.onChange();
  };
  const end = (response: Response, event: ResponseEvent): void => {
    running.delete(response);
    if (!response.isCancelled) response.on(event);
    parts.onChange();
  };
  const cancel = (response: Response): void => {
    const event = { type: 'response.cancel', response_id: response.responseId };
    if (response.responseId !== undefined) socket.send(event);
  };
  const garbled = (type: string): void =>
    lose(failures.of('garbled', `openai sent ${type} without what it is about`));
  const responseOf = (id: unknown): Response | undefined =>
    [...running].find(({ responseId }) => responseId !== undefined && responseId === id);

  const onEvent = (event: JsonRecord): void => {
    const { type, delta } = event;
    switch (type) {
      case 'response.created':
        return onCreated(event['response']);
      case 'response.output_audio_transcript.delta': {
        const response = responseOf(event['response_id']);
        if (response && !response.isCancelled)
          response.on({ type: 'transcript', text: textOf(delta) });
        return;
      }
      case 'response.output_audio.delta': {
        if (typeof delta !== 'string') return garbled(type);
        const response = responseOf(event['response_id']);
        if (response && !response.isCancelled)
          response.on({ type: 'audio', audio: response.whole(Buffer.from(delta, 'base64')) });
        return;
      }
      case 'response.done':
        return onDone(event['response']);
      case 'error':
        return onError(event['error']);
      default:
        return;
    }
  };
  const onCreated = (created: unknown): void => {
    if (!isRecord(created)) return garbled('response.created');
    const { id, metadata } = created;
    const eventId = isRecord(metadata) ? metadata['speech'] : undefined;
    const response = [...running].find((one) => one.eventId === eventId);
    if (!response || typeof id !== 'string') return;
    response.responseId = id;
    if (response.isCancelled) cancel(response);
  };
  const onDone = (done: unknown): void => {
    if (!isRecord(done)) return garbled('response.done');
    const response = responseOf(done['id']);
    if (!response) return;
    const details = isRecord(done['status_details']) ? done['status_details'] : {};
    if (done['status'] === 'failed')
      return end(response, {
        type: 'failed',
        failure: failureOfEvent(failures, details['error']),
      });
    if (details['reason'] === 'content_filter')
      return end(response, {
        type: 'failed',
        failure: failures.of('invalid', 'openai’s content filter cut the speech off'),
      });
    // Cut at a limit of tokens counts as done: what is missing shows in the transcript.
    end(response, { type: 'done' });
  };
  const onError = (error: unknown): void => {
    // Cancelling races with the end of what it cancels.
    if (isRecord(error) && error['code'] === 'response_cancel_not_active') return;
    const eventId = isRecord(error) ? error['event_id'] : undefined;
    const response = [...running].find((one) => one.eventId === eventId);
    const failure = failureOfEvent(failures, error);
    if (response) end(response, { type: 'failed', failure });
    else lose(failure);
  };

  const onSocket = (event: RealtimeEvent): void => {
    heardAtMs = clock.now();
    cancelPong?.();
    cancelPong = undefined;
    switch (event.type) {
      case 'open':
        state = 'open';
        socket.send({ type: 'session.update', session: SESSION });
        for (const waiting of early.splice(0)) socket.send(waiting.event);
        return;
      case 'event':
        return onEvent(event.event);
      case 'pong':
        return;
      case 'lost':
        return lose(event.failure);
    }
  };
  const query = `model=${encodeURIComponent(parts.model)}`;
  const socket = openRealtimeSocket({ ...parts, query }, onSocket);

  return {
    get voice() {
      return voice;
    },
    openedAtMs,
    get isKept() {
      return state === 'open';
    },
    get isUsable() {
      return state !== 'over';
    },
    get runningCount() {
      return running.size;
    },
    respond(request, on) {
      voice ??= request.voice;
      const eventId = newToken(12);
      const whole = wholeSamples(request.audio);
      const response: Response = { eventId, on, whole, responseId: undefined, isCancelled: false };
      const event = {
        type: 'response.create',
        event_id: eventId,
        response: responseParams(request, eventId),
      };
      running.add(response);
      if (state === 'connecting') early.push({ of: response, event });
      else socket.send(event);
      return {
        cancel() {
          if (response.isCancelled || !running.has(response)) return;
          response.isCancelled = true;
          if (state !== 'connecting') return cancel(response);
          early = early.filter(({ of }) => of !== response);
          running.delete(response);
          parts.onChange();
        },
      };
    },
    probe() {
      if (state !== 'open' || cancelPong || clock.now() - heardAtMs < SILENT_MS) return;
      socket.ping();
      cancelPong = clock.after(PONG_WITHIN_MS, () =>
        lose(failures.of('timeout', `openai gave no sign of life for ${PONG_WITHIN_MS} ms`)),
      );
    },
    close() {
      if (state === 'over') return;
      over();
      running.clear();
      socket.close();
      parts.onChange();
    },
  };
}

const wireFormat = ({ encoding }: AudioFormat): RealtimeAudioFormats =>
  encoding === 'mulaw' ? { type: 'audio/pcmu' } : { type: 'audio/pcm', rate: 24_000 };

/** Neither voice nor format are set here for good: a line is opened before anybody knows who will speak. */
const SESSION: RealtimeSessionCreateRequest = {
  type: 'realtime',
  output_modalities: ['audio'],
  audio: {
    input: { turn_detection: null },
    output: { format: { type: 'audio/pcmu' } },
  },
};

const responseParams = (
  { text, instructions, voice, audio }: ResponseRequest,
  eventId: string,
): RealtimeResponseCreateParams => ({
  conversation: 'none',
  // The only way to tell which response is whose: the service gives ids of its own.
  metadata: { speech: eventId },
  instructions,
  input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
  audio: { output: { format: wireFormat(audio), voice } },
});
