import { PHONE_FRAME_BYTES } from '#audio/g711.ts';
import { firstAudible } from './voice.ts';

/**
 * The carrier's half of one Media Stream, as light as it can be: messages are put together from prepared
 * text, and one call costs one frame out and one frame in every 20 ms. It plays what Twilio plays
 * (a buffer, marks, clear); what the protocol forbids is for the sandbox's own carrier to find.
 */
export type MediaLine = {
  start(parameters: Readonly<Record<string, string>>): void;
  /** Sends 20 ms of the caller, in base64. */
  say(payload: string): void;
  /** One message of the server, and when it came. */
  receive(text: string, atMs: number): void;
  /** Copies the next 20 ms for the caller to `target`; answers how many bytes there were. The frame before it has been played. */
  play(target: Uint8Array): number;
  stop(): void;
  /** When the first sound came that can be heard, since `expect` was called. */
  readonly soundAtMs: number | undefined;
  expect(): void;
};

export function mediaLine(
  identity: { readonly accountSid: string; readonly callSid: string; readonly streamSid: string },
  send: (text: string) => void,
): MediaLine {
  const { accountSid, callSid, streamSid } = identity;
  let sequence = 0;
  let frames = 0;
  let chunks: Buffer[] = [];
  let offset = 0;
  let receivedBytes = 0;
  let takenBytes = 0;
  let marks: { readonly name: string; readonly atByte: number }[] = [];
  let soundAtMs: number | undefined;

  const numbered = (event: string, fields: string): void => {
    sequence += 1;
    send(
      `{"event":"${event}","sequenceNumber":"${sequence}",${fields},"streamSid":"${streamSid}"}`,
    );
  };
  const echo = (playedBytes: number): void => {
    while (marks[0] && marks[0].atByte <= playedBytes)
      numbered('mark', `"mark":{"name":${JSON.stringify(marks.shift()?.name)}}`);
  };

  return {
    start(parameters) {
      send('{"event":"connected","protocol":"Call","version":"1.0.0"}');
      const start = {
        accountSid,
        streamSid,
        callSid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
        customParameters: parameters,
      };
      numbered('start', `"start":${JSON.stringify(start)}`);
    },
    say(payload) {
      const timestamp = frames * 20;
      frames += 1;
      numbered(
        'media',
        `"media":{"track":"inbound","chunk":"${frames}","timestamp":"${timestamp}","payload":"${payload}"}`,
      );
    },
    receive(text, atMs) {
      const message: {
        readonly event?: string;
        readonly media?: { readonly payload: string };
        readonly mark?: { readonly name: string };
      } = JSON.parse(text);
      if (message.event === 'media' && message.media) {
        const audio = Buffer.from(message.media.payload, 'base64');
        chunks.push(audio);
        receivedBytes += audio.length;
        if (soundAtMs === undefined && firstAudible(audio) >= 0) soundAtMs = atMs;
      } else if (message.event === 'mark' && message.mark) {
        marks.push({ name: message.mark.name, atByte: receivedBytes });
        if (receivedBytes === takenBytes) echo(takenBytes);
      } else if (message.event === 'clear') {
        chunks = [];
        offset = 0;
        takenBytes = receivedBytes;
        echo(takenBytes);
      }
    },
    play(target) {
      echo(takenBytes);
      let filled = 0;
      while (filled < PHONE_FRAME_BYTES) {
        const [chunk] = chunks;
        if (!chunk) break;
        const part = chunk.subarray(offset, offset + PHONE_FRAME_BYTES - filled);
        target.set(part, filled);
        filled += part.length;
        offset += part.length;
        if (offset < chunk.length) continue;
        chunks.shift();
        offset = 0;
      }
      takenBytes += filled;
      return filled;
    },
    stop: () => numbered('stop', `"stop":${JSON.stringify({ accountSid, callSid })}`),
    get soundAtMs() {
      return soundAtMs;
    },
    expect: () => void (soundAtMs = undefined),
  };
}
