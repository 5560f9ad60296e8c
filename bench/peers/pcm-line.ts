import { decodeMulaw, encodeMulaw, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import type { Clock } from '#lib/clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { openLine } from '#sandbox/carrier/line.ts';
import type { LineSource } from '#sandbox/carrier/line.ts';
import { WebSocket } from 'ws';
import { z } from 'zod';

/** The far side asks for these, as text; its audio is binary. */
const controlSchema = z.discriminatedUnion('event', [
  /** Nothing more belongs to the piece of this name: say `played` when its last sample was. */
  z.object({ event: z.literal('end'), id: z.number() }),
  /** Throw away what is buffered. */
  z.object({ event: z.literal('clear') }),
  z.object({ event: z.literal('pause') }),
  z.object({ event: z.literal('resume') }),
]);

/**
 * A phone line for a framework whose audio input and output are linear frames: the same frame clock,
 * buffer and ear as a Twilio stream's, without mu-law and JSON on the far side's account. Both ways
 * 16-bit little-endian PCM at 8 kHz, 20 ms to the far side, any length from it.
 */
export function dialPcm(url: string, clock: Clock, caller: Caller): { hangUp(): void } {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const { source, receive } = pcmSource((data) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  });
  let close = (): void => undefined;
  let endedBy: 'caller' | 'other-side' | undefined;
  const end = (by: 'caller' | 'other-side'): void => {
    if (endedBy) return;
    endedBy = by;
    close();
    caller.ended(by);
  };
  const hangUp = (): void => {
    end('caller');
    socket.close();
  };
  socket.on('open', () => {
    if (endedBy) return;
    // The source stands on the line before its first frame: `answered` may hang up at once.
    const line = openLine(clock, caller, { random: () => 0 });
    close = () => line.close();
    line.connect(source);
    caller.answered({ press: () => undefined, hangUp });
  });
  socket.on('message', (data: Buffer, isBinary: boolean) => receive(data, isBinary));
  socket.on('close', () => end('other-side'));
  socket.on('error', () => end('other-side'));
  return { hangUp };
}

/** The buffer at the caller's end of the line, without its socket. */
export function pcmSource(send: (data: string | Buffer) => void): {
  readonly source: LineSource;
  receive(data: Buffer, isBinary: boolean): void;
} {
  const chunks: Int16Array[] = [];
  /** Not yet played to their ends, in order; only the last one may be open. Counted in samples. */
  let pieces: { end?: number; id?: number }[] = [];
  let receivedSamples = 0;
  let playedSamples = 0;
  let isPaused = false;

  const take = (samples: number): Int16Array => {
    const taken = new Int16Array(samples);
    let filled = 0;
    while (filled < samples && chunks[0]) {
      const part = chunks[0].subarray(0, samples - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunks[0].length) chunks.shift();
      else chunks[0] = chunks[0].subarray(part.length);
    }
    playedSamples += filled;
    return taken;
  };
  const tellPlayed = (): void => {
    const isPlayed = ({ end }: { readonly end?: number }): boolean =>
      end !== undefined && end <= playedSamples;
    for (const { id } of pieces.filter(isPlayed)) send(JSON.stringify({ event: 'played', id }));
    pieces = pieces.filter((piece) => !isPlayed(piece));
  };

  return {
    source: {
      play() {
        // What the call before took has been played by now.
        tellPlayed();
        if (isPaused || playedSamples === receivedSamples) return undefined;
        return encodeMulaw(take(PHONE_FRAME_BYTES));
      },
      hear(frame) {
        if (!frame) return;
        const pcm = decodeMulaw(frame);
        send(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
      },
    },
    receive(data, isBinary) {
      if (isBinary) {
        const pcm = new Int16Array(data.length >> 1);
        for (let at = 0; at < pcm.length; at += 1) pcm[at] = data.readInt16LE(at * 2);
        const last = pieces.at(-1);
        if (!last || last.end !== undefined) pieces.push({});
        receivedSamples += pcm.length;
        chunks.push(pcm);
        return;
      }
      const control = controlSchema.parse(JSON.parse(data.toString('utf8')));
      switch (control.event) {
        case 'end': {
          const last = pieces.at(-1);
          if (last?.end === undefined && last)
            Object.assign(last, { end: receivedSamples, id: control.id });
          return tellPlayed();
        }
        case 'clear':
          chunks.length = 0;
          pieces = [];
          receivedSamples = playedSamples;
          isPaused = false;
          return;
        case 'pause':
          isPaused = true;
          return;
        case 'resume':
          isPaused = false;
      }
    },
  };
}
