import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Transport } from '#contracts/transport.ts';
import { patiently } from '../support/poll.ts';

/** What a transport has told its listener, in order. */
export type Told =
  | { readonly type: 'audio'; readonly bytes: readonly number[] }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'key'; readonly digit: string }
  | { readonly type: 'closed'; readonly reason: 'caller' | 'broken' };

/** A transport with the other side in the test's hands. */
export type TransportRig = {
  readonly transport: Transport;
  readonly other: {
    sendAudio(mulaw: Uint8Array): void;
    sendMark(name: string): void;
    press(digit: string): void;
    /** Ends the call as a caller who hangs up. */
    hangUp(): void;
    /** Cuts the connection without a word. */
    cut(): void;
    /** What has arrived there: audio in one piece between the marks and clears. */
    received(): readonly Received[];
    /** Resolves once the other side's connection has ended. */
    readonly ended: Promise<void>;
  };
  readonly close: () => Promise<void>;
};

export type Received =
  | { readonly type: 'audio'; readonly bytes: readonly number[] }
  | { readonly type: 'mark'; readonly name: string }
  | { readonly type: 'clear' };

/** What every transport promises, whatever carries it. `open` gives a fresh one for each test. */
export function describeTransport(name: string, open: () => Promise<TransportRig>): void {
  describe(`${name} as a transport`, () => {
    let rig: TransportRig;
    let told: Told[];

    beforeEach(async () => {
      rig = await open();
      told = [];
    });
    afterEach(() => rig.close());

    const listen = (): void =>
      rig.transport.listen({
        audio: (mulaw) => void told.push({ type: 'audio', bytes: [...mulaw] }),
        mark: (markName) => void told.push({ type: 'mark', name: markName }),
        key: (digit) => void told.push({ type: 'key', digit }),
        closed: (reason) => void told.push({ type: 'closed', reason }),
      });
    const until = (count: number): Promise<void> =>
      expect.poll(() => told.length, patiently).toBeGreaterThanOrEqual(count);

    test('what the caller says arrives byte for byte and in order', async () => {
      listen();
      rig.other.sendAudio(frameOf(0));
      rig.other.sendAudio(frameOf(100));
      await until(2);
      expect(told).toEqual([
        { type: 'audio', bytes: [...frameOf(0)] },
        { type: 'audio', bytes: [...frameOf(100)] },
      ]);
    });

    test('what the caller says before anybody listens is kept, in order, and not told inside listen', async () => {
      rig.other.sendAudio(frameOf(1));
      rig.other.press('5');
      rig.other.sendAudio(frameOf(2));
      await new Promise((resolve) => setTimeout(resolve, 50));
      listen();
      expect(told).toEqual([]);
      rig.other.sendAudio(frameOf(3));
      await until(4);
      expect(told).toEqual([
        { type: 'audio', bytes: [...frameOf(1)] },
        { type: 'key', digit: '5' },
        { type: 'audio', bytes: [...frameOf(2)] },
        { type: 'audio', bytes: [...frameOf(3)] },
      ]);
    });

    test('pressed keys and played marks arrive', async () => {
      listen();
      rig.other.press('#');
      rig.other.sendMark('turn 1 "quoted"');
      await until(2);
      expect(told).toEqual([
        { type: 'key', digit: '#' },
        { type: 'mark', name: 'turn 1 "quoted"' },
      ]);
    });

    test('audio, marks and clears reach the other side in order and whole, whatever their length', async () => {
      listen();
      const long = Uint8Array.from({ length: 20_001 }, (_, index) => index % 251);
      rig.transport.sendAudio(new Uint8Array(0));
      rig.transport.sendAudio(long);
      rig.transport.sendMark('a');
      rig.transport.clear();
      rig.transport.sendAudio(frameOf(9));
      rig.transport.sendMark('b');
      await expect.poll(() => rig.other.received().length, patiently).toBe(5);
      expect(rig.other.received()).toEqual([
        { type: 'audio', bytes: [...long] },
        { type: 'mark', name: 'a' },
        { type: 'clear' },
        { type: 'audio', bytes: [...frameOf(9)] },
        { type: 'mark', name: 'b' },
      ]);
    });

    test('audio is sent from the very bytes given, also out of the middle of a larger buffer', async () => {
      listen();
      const larger = Uint8Array.from({ length: 480 }, (_, index) => index % 256);
      const middle = larger.subarray(160, 320);
      rig.transport.sendAudio(middle);
      const sent = [...middle];
      larger.fill(0);
      await expect.poll(() => rig.other.received().length, patiently).toBe(1);
      expect(rig.other.received()).toEqual([{ type: 'audio', bytes: sent }]);
    });

    test('a caller who hangs up is told once, and nothing after it', async () => {
      listen();
      rig.other.sendAudio(frameOf(0));
      rig.other.hangUp();
      await rig.other.ended;
      await until(2);
      expect(told.slice(1)).toEqual([{ type: 'closed', reason: 'caller' }]);
    });

    test('a connection that dies is told once as broken', async () => {
      listen();
      rig.other.cut();
      await until(1);
      expect(told).toEqual([{ type: 'closed', reason: 'broken' }]);
    });

    test('an end before anybody listens is told to who listens then', async () => {
      rig.other.sendAudio(frameOf(4));
      rig.other.hangUp();
      await rig.other.ended;
      listen();
      await until(2);
      expect(told).toEqual([
        { type: 'audio', bytes: [...frameOf(4)] },
        { type: 'closed', reason: 'caller' },
      ]);
    });

    test('after close the other side is gone, nothing is told, and sending does nothing', async () => {
      listen();
      rig.transport.close();
      rig.transport.close();
      rig.transport.sendAudio(frameOf(0));
      rig.transport.sendMark('late');
      rig.transport.clear();
      rig.other.sendAudio(frameOf(0));
      await rig.other.ended;
      expect(told).toEqual([]);
      expect(rig.other.received()).toEqual([]);
    });

    test('sending to a connection that has died does nothing', async () => {
      listen();
      rig.other.cut();
      await until(1);
      rig.transport.sendAudio(frameOf(0));
      rig.transport.sendMark('late');
      rig.transport.clear();
      rig.transport.close();
      expect(told).toEqual([{ type: 'closed', reason: 'broken' }]);
    });

    test('only one may listen', () => {
      listen();
      expect(listen).toThrow('once');
    });
  });
}

/** 20 ms of bytes that tell one frame from another. */
const frameOf = (first: number): Uint8Array =>
  Uint8Array.from({ length: 160 }, (_, index) => (first + index) % 256);
