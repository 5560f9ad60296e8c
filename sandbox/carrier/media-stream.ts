import { z } from 'zod';
import { phoneMs, PHONE_FRAME_BYTES, MULAW_SILENCE } from '#audio/g711.ts';
import { FRAME_MS } from '#sandbox/caller/caller.ts';

/** A pause inside an utterance that nobody meant: the buffer ran dry and was filled again too late. */
export type Underrun = {
  /** Since the stream's start. */
  readonly atMs: number;
  readonly gapMs: number;
};

export type StreamIdentity = {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly customParameters: Readonly<Record<string, string>>;
};

/**
 * The carrier's half of one bidirectional Media Stream, without its socket. Time is counted in
 * frames: `play` is called once every 20 ms, and `hear` once every 20 ms.
 * https://www.twilio.com/docs/voice/media-streams/websocket-messages
 */
export type MediaStream = StreamIdentity & {
  /** Says `connected` and `start`. Nothing else may be called before it. */
  start(): void;
  /** One WebSocket message of the server. What the protocol does not allow is warned of and ignored. */
  receive(data: Buffer, binary: boolean): void;
  /**
   * The next 20 ms for the caller, undefined when nothing is buffered. The frame returned by the
   * call before has then been played: marks that stand behind it are echoed first.
   */
  play(): Uint8Array | undefined;
  /** 20 ms of the caller; undefined: the phone network lost them. */
  hear(frame: Uint8Array | undefined): void;
  press(digit: string): void;
  /** Says `stop`; nothing is said after it. */
  stop(): void;
  readonly playedMs: number;
  readonly bufferedMs: number;
  /** How much audio `clear` threw away. */
  readonly clearedMs: number;
  readonly underruns: readonly Underrun[];
};

/**
 * Longest silence that still counts as a gap inside an utterance; after a longer one the agent is
 * taken to have begun another.
 */
const LONGEST_GAP_MS = 500;

const base64 = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)$/,
  );
const streamSid = z.string();
const serverMessage = z.discriminatedUnion('event', [
  z.strictObject({
    event: z.literal('media'),
    streamSid,
    media: z.strictObject({ payload: base64 }),
  }),
  z.strictObject({
    event: z.literal('mark'),
    streamSid,
    mark: z.strictObject({ name: z.string() }),
  }),
  z.strictObject({ event: z.literal('clear'), streamSid }),
]);

export function mediaStream(
  identity: StreamIdentity,
  send: (text: string) => void,
  warn: (code: number, message: string) => void,
): MediaStream {
  const warned = new Set<number>();
  const underruns: Underrun[] = [];
  const chunks: Buffer[] = [];
  /** `atByte`: how much audio stands before the mark, counted from the stream's start. */
  let marks: { readonly name: string; readonly atByte: number }[] = [];
  let receivedBytes = 0;
  let takenBytes = 0;
  let playedBytes = 0;
  let clearedBytes = 0;
  /** Silence played since the buffer ran dry in the middle of something; undefined: it did not. */
  let dryBytes: number | undefined;
  let steps = 0;
  let sequence = 0;
  let chunk = 0;
  let frames = 0;
  let stopped = false;

  const say = (message: Readonly<Record<string, unknown>>): void => {
    if (!stopped) send(JSON.stringify(message));
  };
  const sayNumbered = (event: string, fields: Readonly<Record<string, unknown>>): void => {
    sequence += 1;
    say({ event, sequenceNumber: String(sequence), streamSid: identity.streamSid, ...fields });
  };
  /** The real service warns once per stream of each kind. */
  const warnOnce = (code: number, message: string): void => {
    if (warned.has(code)) return;
    warned.add(code);
    warn(code, message);
  };
  const echo = (due: (mark: { readonly atByte: number }) => boolean): void => {
    const ready = marks.filter(due);
    marks = marks.filter((mark) => !due(mark));
    for (const { name } of ready) sayNumbered('mark', { mark: { name } });
  };

  const take = (): Uint8Array | undefined => {
    if (takenBytes === receivedBytes) return undefined;
    const frame = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);
    let filled = 0;
    while (filled < PHONE_FRAME_BYTES && chunks[0]) {
      const part = chunks[0].subarray(0, PHONE_FRAME_BYTES - filled);
      frame.set(part, filled);
      filled += part.length;
      if (part.length === chunks[0].length) chunks.shift();
      else chunks[0] = chunks[0].subarray(part.length);
    }
    takenBytes += filled;
    if (dryBytes !== undefined && dryBytes > 0 && phoneMs(dryBytes) <= LONGEST_GAP_MS)
      underruns.push({ atMs: steps * FRAME_MS - phoneMs(dryBytes), gapMs: phoneMs(dryBytes) });
    dryBytes = takenBytes === receivedBytes ? PHONE_FRAME_BYTES - filled : undefined;
    return frame;
  };

  return {
    ...identity,
    start() {
      say({ event: 'connected', protocol: 'Call', version: '1.0.0' });
      sayNumbered('start', {
        start: {
          accountSid: identity.accountSid,
          streamSid: identity.streamSid,
          callSid: identity.callSid,
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
          customParameters: identity.customParameters,
        },
      });
    },
    receive(data, binary) {
      if (binary) return warnOnce(31950, 'Stream - Protocol - Malformed Message: a binary frame');
      const parsed = serverMessage.safeParse(parseJson(data));
      if (!parsed.success)
        return warnOnce(31951, `Stream - Protocol - Invalid Message: ${faultOf(parsed.error)}`);
      const message = parsed.data;
      if (message.streamSid !== identity.streamSid)
        return warnOnce(31951, 'Stream - Protocol - Invalid Message: streamSid of another stream');
      switch (message.event) {
        case 'media': {
          const audio = Buffer.from(message.media.payload, 'base64');
          receivedBytes += audio.length;
          chunks.push(audio);
          return;
        }
        case 'mark':
          marks.push({ name: message.mark.name, atByte: receivedBytes });
          return echo((mark) => mark.atByte <= playedBytes);
        case 'clear':
          clearedBytes += receivedBytes - takenBytes;
          chunks.length = 0;
          receivedBytes = takenBytes;
          dryBytes = undefined;
          return echo(() => true);
      }
    },
    play() {
      playedBytes = takenBytes;
      echo((mark) => mark.atByte <= playedBytes);
      const frame = take();
      if (!frame && dryBytes !== undefined) dryBytes += PHONE_FRAME_BYTES;
      steps += 1;
      return frame;
    },
    hear(frame) {
      const timestamp = String(frames * FRAME_MS);
      frames += 1;
      if (!frame) return;
      chunk += 1;
      const payload = Buffer.from(frame).toString('base64');
      sayNumbered('media', {
        media: { track: 'inbound', chunk: String(chunk), timestamp, payload },
      });
    },
    press(digit) {
      sayNumbered('dtmf', { dtmf: { track: 'inbound_track', digit } });
    },
    stop() {
      sayNumbered('stop', { stop: { accountSid: identity.accountSid, callSid: identity.callSid } });
      stopped = true;
    },
    get playedMs() {
      return phoneMs(playedBytes);
    },
    get bufferedMs() {
      return phoneMs(receivedBytes - takenBytes);
    },
    get clearedMs() {
      return phoneMs(clearedBytes);
    },
    underruns,
  };
}

function parseJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
}

const faultOf = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`).join('; ');
