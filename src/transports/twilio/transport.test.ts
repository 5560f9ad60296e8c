import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { describeTransport } from '#test/contracts/transport.ts';
import type { Received, Told, TransportRig } from '#test/contracts/transport.ts';
import { acceptTwilioStream } from './accept.ts';
import type { AcceptedStream } from './accept.ts';
import {
  STREAM_SID,
  connected,
  media,
  socketPair,
  startMessage,
} from '#test/support/media-socket.ts';
import { patiently } from '#test/support/poll.ts';

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

const recording = (told: Told[]): Parameters<TransportRig['transport']['listen']>[0] => ({
  audio: (mulaw) => void told.push({ type: 'audio', bytes: [...mulaw] }),
  mark: (name) => void told.push({ type: 'mark', name }),
  key: (digit) => void told.push({ type: 'key', digit }),
  closed: (reason) => void told.push({ type: 'closed', reason }),
});
