import { once } from 'node:events';
import { readRtviFrame, writeMessageFrame } from '#protocol/rtvi-frames.ts';
import { loadResampler } from '#audio/resample.ts';
import { silentLog } from '#lib/log.ts';
import { parseRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { socketPair } from '#test/support/media-socket.ts';
import { createRtviTransport } from '#transports/rtvi/transport.ts';
import type { RtviTransport } from '#transports/rtvi/transport.ts';

export type Form = 'binary' | 'plain';

/** What the transport has told the session. */
export type Told =
  | { readonly type: 'audio'; readonly bytes: number }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'key'; readonly digit: string }
  | { readonly type: 'typed'; readonly text: string; readonly isAnswered: boolean }
  | { readonly type: 'closed'; readonly reason: 'caller' | 'broken' };

/** The transport over a real socket in virtual time, with the client in the test's hands. */
export type RtviLine = {
  readonly transport: RtviTransport;
  readonly clock: VirtualClock;
  readonly told: readonly Told[];
  /** Every message that the client was sent. */
  readonly received: readonly JsonRecord[];
  /** Bytes of sound that it was sent. */
  readonly soundBytes: number;
  /** A message in the client's form. */
  say(type: string, data?: unknown, id?: string): void;
  /** Anything at all. */
  sendRaw(data: string | Uint8Array): void;
  /** Resolves once the transport has read all that was sent, and the client all answers to it. */
  settled(): Promise<void>;
  /** Says that it is ready, as a session then listens. */
  ready(version?: string): Promise<void>;
  listen(): void;
  hangUp(code?: number): void;
  cut(): void;
  /** Reads and answers nothing any more, pings neither. */
  freeze(): void;
  /** The code that the server closed with; undefined while it is open. */
  readonly closedWith: number | undefined;
  close(): Promise<void>;
};

export async function openRtviLine(form: Form): Promise<RtviLine> {
  const clock = virtualClock(1_000_000);
  const pair = await socketPair();
  const transport = createRtviTransport(pair.near, {
    callId: 'call-1',
    clock,
    log: silentLog,
    openResampler: await loadResampler(),
    about: { library: 'test', library_version: '1' },
  });
  const told: Told[] = [];
  const received: JsonRecord[] = [];
  let soundBytes = 0;
  let closedWith: number | undefined;
  pair.far.on('close', (code) => (closedWith = code));
  pair.far.on('message', (data, isBinary) => {
    if (!Buffer.isBuffer(data)) return;
    const frame = isBinary ? readRtviFrame(data) : undefined;
    if (frame?.kind === 'audio') soundBytes += frame.audio.length;
    const json = frame?.kind === 'message' ? frame.json : isBinary ? '' : data.toString('utf8');
    const message = parseRecord(json);
    if (message) received.push(message);
  });

  const sendRaw = (data: string | Uint8Array): void => {
    if (pair.far.readyState === pair.far.OPEN) pair.far.send(data);
  };
  const say = (type: string, data?: unknown, id = 'id-1'): void => {
    const json = JSON.stringify({ label: 'rtvi-ai', type, id, data });
    sendRaw(form === 'binary' ? writeMessageFrame(json) : json);
  };
  // Both sides answer pings in order with what was sent before: back and forth means that all was read.
  const settled = async (): Promise<void> => {
    for (const side of [pair.far, pair.near]) {
      if (side.readyState !== side.OPEN) return;
      side.ping();
      await Promise.race([once(side, 'pong'), once(side, 'close')]);
    }
  };
  const listen = (): void =>
    transport.listen({
      audio: (mulaw) => void told.push({ type: 'audio', bytes: mulaw.length }),
      mark: (name) => void told.push({ type: 'mark', name }),
      key: (digit) => void told.push({ type: 'key', digit }),
      typed: (text, isAnswered) => void told.push({ type: 'typed', text, isAnswered }),
      closed: (reason) => void told.push({ type: 'closed', reason }),
    });

  return {
    transport,
    clock,
    told,
    received,
    get soundBytes() {
      return soundBytes;
    },
    say,
    sendRaw,
    settled,
    async ready(version = '2.1.0') {
      say('client-ready', { version, about: { library: 'test' } }, 'ready-1');
      await transport.ready;
      listen();
      await settled();
    },
    listen,
    hangUp: (code) => pair.far.close(code),
    cut: () => pair.far.terminate(),
    freeze: () => pair.far.pause(),
    get closedWith() {
      return closedWith;
    },
    async close() {
      transport.close();
      await pair.close();
    },
  };
}
