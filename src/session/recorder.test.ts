import { describe, expect, test } from 'vitest';
import { VoiceError } from '#lib/errors.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { Turn } from '#protocol/calls.ts';
import type { Store } from '#store/store.ts';
import { createRecorder } from './recorder.ts';

/** A store whose database answers, fails or hangs as the test says, and remembers the order. */
function fakeCalls() {
  const written: string[] = [];
  let failing: Error | undefined;
  let hanging: Promise<void> | undefined;
  const write = async (what: string): Promise<void> => {
    await hanging;
    if (failing) throw failing;
    written.push(what);
  };
  const calls: Pick<Store['calls'], 'record' | 'end' | 'setState'> = {
    record: (_tenant, _call, { turns, journal }) =>
      write(`turns ${turns.map(({ index }) => index).join(',')} journal ${journal.length}`),
    end: async (_tenant, _call, { reason }) => {
      await write(`end ${reason}`);
      return true;
    },
    setState: (_tenant, _call, state) => write(`state ${state}`),
  };
  return {
    store: { calls },
    written,
    fail: (with_: Error | undefined) => void (failing = with_),
    hang: (until: Promise<void>) => void (hanging = until),
  };
}

const turn = (index: number): Turn => ({
  index,
  role: 'caller',
  text: 'x',
  heard: 'x',
  interrupted: false,
  start_ms: 0,
  end_ms: 1,
  waterfall_ms: {},
});

function recorderOn(fake: ReturnType<typeof fakeCalls>) {
  const clock = virtualClock();
  const recorder = createRecorder({
    store: fake.store,
    tenantId: 't',
    callId: 'c',
    clock,
    log: silentLog,
  });
  return { clock, recorder };
}

describe('a recorder', () => {
  test('writes a turn as it ends, with the journal up to it', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    recorder.journal({ atMs: 1, type: 'answered' });
    recorder.journal({ atMs: 2, type: 'heard-end' });
    recorder.turn(turn(0));
    await clock.advance(0);
    expect(fake.written).toEqual(['turns 0 journal 2']);
  });

  test('says when all that was told so far is stored, however long the database is away', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    await recorder.settled();
    fake.fail(new Error('away'));
    recorder.turn(turn(0));
    void recorder.end('caller_hangup', null);
    let isSettled = false;
    void recorder.settled().then(() => (isSettled = true));
    await clock.advance(60_000);
    expect(isSettled).toBe(false);
    fake.fail(undefined);
    await clock.advance(5_000);
    expect(isSettled).toBe(true);
    expect(fake.written).toEqual(['turns 0 journal 0', 'end caller_hangup']);
    expect(clock.pending).toBe(0);
  });

  test('what happens while a turn is being written is written, too, and once', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    const gate = Promise.withResolvers<void>();
    fake.hang(gate.promise);
    recorder.journal({ atMs: 1, type: 'answered' });
    recorder.turn(turn(0));
    await clock.advance(0);
    recorder.journal({ atMs: 2, type: 'heard-end' });
    gate.resolve();
    await clock.advance(0);
    await recorder.end('caller_hangup', null);
    const lines = fake.written.map((one) => Number(/journal (\d+)/.exec(one)?.[1] ?? 0));
    expect(lines.reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  test('a database that fails is tried again, and nothing is lost or out of order', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    fake.fail(new Error('connection lost'));
    recorder.turn(turn(0));
    await clock.advance(1_000);
    recorder.turn(turn(1));
    const ended = recorder.end('caller_hangup', null);
    await clock.advance(2_000);
    expect(fake.written).toEqual([]);
    fake.fail(undefined);
    await clock.advance(3_000);
    await ended;
    expect(fake.written).toEqual(['turns 0,1 journal 0', 'end caller_hangup']);
    expect(clock.pending).toBe(0);
  });

  test('the end of a call does not wait for a dead database for ever, and is stored when it is back', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    fake.fail(new Error('connection lost'));
    let isEnded = false;
    const ended = recorder.end('caller_hangup', null).then(() => (isEnded = true));
    await clock.advance(4_900);
    expect(isEnded).toBe(false);
    await clock.advance(200);
    await ended;
    fake.fail(undefined);
    await clock.advance(10_000);
    expect(fake.written).toEqual(['end caller_hangup']);
  });

  test('of states only the newest is worth writing', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    const gate = Promise.withResolvers<void>();
    fake.hang(gate.promise);
    recorder.state('greeting');
    recorder.state('listening');
    recorder.state('thinking');
    recorder.state('speaking');
    gate.resolve();
    await clock.advance(250);
    expect(fake.written).toEqual(['state speaking']);
    expect(clock.pending).toBe(0);
  });

  test('states of calls that change at different times are written at the same time', async () => {
    const clock = virtualClock();
    const writtenAtMs: number[] = [];
    for (const callId of ['one', 'two', 'three']) {
      const fake = fakeCalls();
      const setState = async (): Promise<void> => void writtenAtMs.push(clock.now());
      const store = { calls: { ...fake.store.calls, setState } };
      const recorder = createRecorder({ store, tenantId: 't', callId, clock, log: silentLog });
      recorder.state('listening');
      await clock.advance(70);
    }
    await clock.advance(250);
    expect(writtenAtMs).toHaveLength(3);
    expect(new Set(writtenAtMs).size).toBe(1);
  });

  test('a state that waits keeps no turn waiting, and is not written after the end', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    recorder.state('thinking');
    recorder.turn(turn(0));
    await clock.advance(0);
    expect(fake.written).toEqual(['turns 0 journal 0']);
    await recorder.end('caller_hangup', null);
    await clock.advance(1_000);
    expect(fake.written).toEqual(['turns 0 journal 0', 'end caller_hangup']);
    expect(clock.pending).toBe(0);
  });

  test('a call that was erased meanwhile is not tried for ever', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    fake.fail(new VoiceError('not_found', 'Call not found'));
    recorder.turn(turn(0));
    const ended = recorder.end('caller_hangup', null);
    await clock.advance(0);
    await ended;
    expect(clock.pending).toBe(0);
  });

  test('a journal without a turn is written with the end', async () => {
    const fake = fakeCalls();
    const { clock, recorder } = recorderOn(fake);
    recorder.journal({ atMs: 1, type: 'answered' });
    const ended = recorder.end('caller_hangup', null);
    await clock.advance(0);
    await ended;
    expect(fake.written).toEqual(['turns  journal 1', 'end caller_hangup']);
  });
});
