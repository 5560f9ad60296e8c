import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import {
  closeCodeOf,
  connected,
  media,
  socketPair,
  startMessage,
} from '#test/support/media-socket.ts';
import type { SocketPair } from '#test/support/media-socket.ts';
import { acceptTwilioStream } from './accept.ts';

describe('a fresh media socket', () => {
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
    const closing = closeCodeOf(far);
    for (const text of messages) far.send(text);
    expect((await accepting).kind).toBe('refused');
    expect(await closing).toBe(1008);
  });

  test('a binary frame instead of the start is refused with 1003', async () => {
    const { near, far } = await pairUp();
    const accepting = acceptTwilioStream(near, { clock: virtualClock(), log: silentLog });
    const closing = closeCodeOf(far);
    far.send(Buffer.from(connected));
    expect((await accepting).kind).toBe('refused');
    expect(await closing).toBe(1003);
  });

  test('a start that does not come in time is refused, and no timer is left', async () => {
    const { near, far } = await pairUp();
    const clock = virtualClock();
    const accepting = acceptTwilioStream(near, { clock, log: silentLog, deadlineMs: 5_000 });
    const closing = closeCodeOf(far);
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
});
