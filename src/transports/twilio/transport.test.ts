import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { describeTransport } from '#test/contracts/transport.ts';
import type { Received, Told, TransportRig } from '#test/contracts/transport.ts';
import { acceptTwilioStream } from './accept.ts';
import type { AcceptedStream } from './accept.ts';
import { patiently } from '#test/support/poll.ts';

const STREAM_SID = `MZ${'a'.repeat(32)}`;

type SocketPair = {
  readonly near: WebSocket;
  readonly far: WebSocket;
  readonly close: () => Promise<void>;
};

/** Two ends of a real WebSocket on loopback: `near` is ours, `far` is the carrier's. */
async function socketPair(): Promise<SocketPair> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(server, 'listening');
  const accepted = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  const far = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  const [near] = await Promise.all([accepted, once(far, 'open')]);
  return {
    near,
    far,
    async close() {
      far.terminate();
      near.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const connected = JSON.stringify({ event: 'connected', protocol: 'Call', version: '1.0.0' });
const startMessage = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({
    event: 'start',
    sequenceNumber: '1',
    streamSid: STREAM_SID,
    start: {
      accountSid: `AC${'b'.repeat(32)}`,
      callSid: `CA${'c'.repeat(32)}`,
      streamSid: STREAM_SID,
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8_000, channels: 1 },
      customParameters: { token: 'secret', caller: '+15550001' },
      ...change,
    },
  });
const media = (mulaw: Uint8Array): string =>
  JSON.stringify({
    event: 'media',
    sequenceNumber: '3',
    streamSid: STREAM_SID,
    media: {
      track: 'inbound',
      chunk: '1',
      timestamp: '5',
      payload: Buffer.from(mulaw).toString('base64'),
    },
  });

async function openRig(
  clock: VirtualClock = virtualClock(),
): Promise<TransportRig & { readonly far: WebSocket; readonly accepted: Started }> {
  const pair = await socketPair();
  const arrived: string[] = [];
  pair.far.on('message', (data: Buffer) => void arrived.push(data.toString('utf8')));
  const ended = once(pair.far, 'close').then(() => undefined);
  const accepting = acceptTwilioStream(pair.near, { clock, log: silentLog });
  pair.far.send(connected);
  pair.far.send(startMessage());
  const accepted = await accepting;
  if (accepted.kind !== 'started') throw new Error(accepted.why);
  const say = (message: object): void => pair.far.send(JSON.stringify(message));
  return {
    accepted,
    far: pair.far,
    transport: accepted.transport,
    close: pair.close,
    other: {
      ended,
      sendAudio: (mulaw) => pair.far.send(media(mulaw)),
      sendMark: (name) => say({ event: 'mark', streamSid: STREAM_SID, mark: { name } }),
      press: (digit) => say({ event: 'dtmf', streamSid: STREAM_SID, dtmf: { digit } }),
      hangUp: () => say({ event: 'stop', streamSid: STREAM_SID, stop: {} }),
      cut: () => pair.far.terminate(),
      received: () => joined(arrived),
    },
  };
}

type Started = Extract<AcceptedStream, { kind: 'started' }>;

/** Reads what the carrier was sent, strictly; neighbouring audio in one piece. */
function joined(messages: readonly string[]): readonly Received[] {
  const received: Received[] = [];
  for (const text of messages) {
    const message: {
      event: 'media' | 'mark' | 'clear';
      streamSid: string;
      media: { payload: string };
      mark: { name: string };
    } = JSON.parse(text);
    expect(message.streamSid).toBe(STREAM_SID);
    const last = received.at(-1);
    if (message.event === 'mark') received.push({ type: 'mark', name: message.mark.name });
    else if (message.event === 'clear') received.push({ type: 'clear' });
    else {
      const bytes = [...Buffer.from(message.media.payload, 'base64')];
      expect(bytes.length).toBeGreaterThan(0);
      if (last?.type === 'audio')
        received.splice(-1, 1, { type: 'audio', bytes: [...last.bytes, ...bytes] });
      else received.push({ type: 'audio', bytes });
    }
  }
  return received;
}

describeTransport('Twilio Media Streams', () => openRig());

describe('a Twilio media stream', () => {
  let close: (() => Promise<void>) | undefined;
  afterEach(async () => {
    await close?.();
    close = undefined;
  });

  const pairUp = async (): Promise<SocketPair> => {
    const pair = await socketPair();
    ({ close } = pair);
    return pair;
  };
  const rigUp = async (clock?: VirtualClock): ReturnType<typeof openRig> => {
    const rig = await openRig(clock);
    ({ close } = rig);
    return rig;
  };

  test('its start says which call it is and what our TwiML gave it', async () => {
    const { accepted } = await rigUp();
    expect(accepted.start.callSid).toBe(`CA${'c'.repeat(32)}`);
    expect(accepted.start.accountSid).toBe(`AC${'b'.repeat(32)}`);
    expect(Object.fromEntries(accepted.start.parameters)).toEqual({
      token: 'secret',
      caller: '+15550001',
    });
    expect(accepted.transport).toMatchObject({ name: 'twilio', leadMs: Infinity });
  });

  test.each([
    ['a start without connected', [startMessage()]],
    ['media before its start', [connected, media(new Uint8Array(160))]],
    ['something that is not JSON', ['hello']],
    ['a start without a call', [connected, startMessage({ callSid: 7 })]],
    [
      'another sound than mu-law',
      [connected, startMessage({ mediaFormat: { encoding: 'audio/l16' } })],
    ],
    ['a start of the wrong shape', [connected, '{"event":"start","start":[]}']],
  ])('%s is refused with 1008', async (_name, messages) => {
    const { near, far } = await pairUp();
    const accepting = acceptTwilioStream(near, { clock: virtualClock(), log: silentLog });
    const closing = closeCode(far);
    for (const text of messages) far.send(text);
    expect((await accepting).kind).toBe('refused');
    expect(await closing).toBe(1008);
  });

  test('a binary frame instead of the start is refused with 1003', async () => {
    const { near, far } = await pairUp();
    const accepting = acceptTwilioStream(near, { clock: virtualClock(), log: silentLog });
    const closing = closeCode(far);
    far.send(Buffer.from(connected));
    expect((await accepting).kind).toBe('refused');
    expect(await closing).toBe(1003);
  });

  test('a start that does not come in time is refused, and no timer is left', async () => {
    const { near, far } = await pairUp();
    const clock = virtualClock();
    const accepting = acceptTwilioStream(near, { clock, log: silentLog, deadlineMs: 5_000 });
    const closing = closeCode(far);
    await clock.advance(4_999);
    expect(near.readyState).toBe(WebSocket.OPEN);
    await clock.advance(1);
    expect(await accepting).toEqual({ kind: 'refused', why: 'no start in time' });
    expect(await closing).toBe(1008);
    expect(clock.pending).toBe(0);
  });

  test('a socket that closes before its start is refused', async () => {
    const { near, far } = await pairUp();
    const clock = virtualClock();
    const accepting = acceptTwilioStream(near, { clock, log: silentLog });
    far.close();
    expect((await accepting).kind).toBe('refused');
    expect(clock.pending).toBe(0);
  });

  test('messages that are unknown, malformed or binary are passed over', async () => {
    const { far, transport } = await rigUp();
    const told: Told[] = [];
    transport.listen(recording(told));
    for (const text of [
      'nonsense',
      '[]',
      'null',
      '{"event":"media"}',
      '{"event":"media","media":{"track":"inbound","payload":7}}',
      '{"event":"media","media":{"track":"outbound","payload":"AAAA"}}',
      '{"event":"mark","mark":{}}',
      '{"event":"dtmf","dtmf":{"digit":"77"}}',
      '{"event":"newcomer"}',
      '{"event":"media","media":{"track":"inbound","payload":""}}',
    ])
      far.send(text);
    far.send(Buffer.from(media(new Uint8Array(160))));
    far.send('{"event":"dtmf","dtmf":{"digit":"1"}}');
    await expect.poll(() => told, patiently).toEqual([{ type: 'key', digit: '1' }]);
  });

  test('media in an unusual spelling is heard all the same', async () => {
    const { far, transport } = await rigUp();
    const told: Told[] = [];
    transport.listen(recording(told));
    far.send(
      String.raw`{ "streamSid":"x", "event": "media", "media": { "payload": "\/\/8=", "track": "inbound" } }`,
    );
    far.send(String.raw`{"event":"media","media":{"track":"inbound","payload":"\/\/8="}}`);
    await expect
      .poll(() => told, patiently)
      .toEqual([
        { type: 'audio', bytes: [0xff, 0xff] },
        { type: 'audio', bytes: [0xff, 0xff] },
      ]);
  });

  test('a line without any frame is given up as broken', async () => {
    const clock = virtualClock();
    const { transport, other, far } = await rigUp(clock);
    const told: Told[] = [];
    transport.listen(recording(told));
    await clock.advance(3_000);
    other.sendAudio(new Uint8Array(160));
    await expect.poll(() => told.length, patiently).toBe(1);
    await clock.advance(4_999);
    expect(far.readyState).toBe(WebSocket.OPEN);
    await clock.advance(101);
    await other.ended;
    await expect.poll(() => told.at(-1), patiently).toEqual({ type: 'closed', reason: 'broken' });
    expect(clock.pending).toBe(0);
  });

  test('a frame that waited while this process stalled saves the line', async () => {
    const clock = virtualClock();
    const { transport, other, far } = await rigUp(clock);
    const told: Told[] = [];
    transport.listen(recording(told));
    await clock.advance(5_000);
    other.sendAudio(new Uint8Array(160));
    await expect.poll(() => told.length, patiently).toBe(1);
    await clock.advance(4_000);
    expect(far.readyState).toBe(WebSocket.OPEN);
    expect(clock.pending).toBe(1);
  });

  test('a carrier that takes no more sound is given up as broken, and memory stays bounded', async () => {
    const { transport, far } = await rigUp();
    const told: Told[] = [];
    transport.listen(recording(told));
    far.pause();
    const tenSeconds = new Uint8Array(80_000);
    // Loopback takes some megabytes before it pushes back; the bound is on what is left with us.
    for (let sent = 0; sent < 2_000 && told.length === 0; sent++) {
      transport.sendAudio(tenSeconds);
      if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => told, patiently).toEqual([{ type: 'closed', reason: 'broken' }]);
  });

  test('abort is told as broken', async () => {
    const { accepted, transport, other } = await rigUp();
    const told: Told[] = [];
    transport.listen(recording(told));
    accepted.transport.abort();
    await other.ended;
    await expect.poll(() => told, patiently).toEqual([{ type: 'closed', reason: 'broken' }]);
  });

  test('closing leaves no timer behind', async () => {
    const clock = virtualClock();
    const { transport } = await rigUp(clock);
    transport.close();
    expect(clock.pending).toBe(0);
  });
});

const closeCode = (socket: WebSocket): Promise<number> =>
  new Promise((resolve) => socket.once('close', resolve));

const recording = (told: Told[]): Parameters<TransportRig['transport']['listen']>[0] => ({
  audio: (mulaw) => void told.push({ type: 'audio', bytes: [...mulaw] }),
  mark: (name) => void told.push({ type: 'mark', name }),
  key: (digit) => void told.push({ type: 'key', digit }),
  closed: (reason) => void told.push({ type: 'closed', reason }),
});
