import { expect, test } from 'vitest';
import { PREPARED_TEXTS } from '#conversation/ending.ts';
import { silentLog } from '#lib/log.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import { retellPeer } from '#test/support/retell-peer.ts';
import { newClock } from '#test/support/session-world.ts';
import { createRetellTransport } from '#transports/retell/transport.ts';
import { refuseInWords } from './refuse-in-words.ts';

/** A call whose agent cannot be started, at Retell. */
function refusedCall() {
  const clock = newClock();
  const turns: Turn[] = [];
  const done: string[] = [];
  let end: { reason: EndReason; detail: string | null } | undefined;
  const transport = createRetellTransport({ clock, log: silentLog, onOver: () => undefined });
  const peer = retellPeer(clock, (socket) => transport.attach(socket));
  peer.connect();
  const refused = refuseInWords(
    {
      tenantId: 't',
      instanceId: 'i',
      callId: 'c',
      callerPhone: '',
      transport,
      hangUpAtCarrier: () => Promise.resolve(done.push('hung up') > 0),
    },
    {
      state: () => undefined,
      journal: () => undefined,
      turn: (turn) => void turns.push(turn),
      end(reason, detail) {
        end = { reason, detail };
        return Promise.resolve();
      },
    },
    clock,
    'no language model vendor has a key',
  );
  return {
    clock,
    peer,
    turns,
    done,
    refused,
    get end() {
      return end;
    },
  };
}

test('a call whose agent cannot be started is apologised for, ended, and recorded with the reason', async () => {
  const call = refusedCall();
  await call.clock.advance(6_000);
  await call.refused;
  expect(call.peer.response(0)).toMatchObject({
    text: PREPARED_TEXTS.apology,
    completions: 1,
    last: { end_call: true },
  });
  expect(call.turns).toMatchObject([
    { index: 0, role: 'agent', heard: PREPARED_TEXTS.apology, interrupted: false },
  ]);
  expect(call.end).toEqual({
    reason: 'vendor_failure',
    detail: 'no language model vendor has a key',
  });
  expect(call.done).toEqual([]);
  await call.clock.advance(2_000);
  expect(call.clock.pending).toBe(0);
});

test('who asks meanwhile hears the apology again', async () => {
  const call = refusedCall();
  await call.clock.advance(500);
  const id = call.peer.say('Hello?');
  await call.clock.advance(10);
  expect(call.peer.response(id)).toMatchObject({ text: PREPARED_TEXTS.apology, completions: 1 });
  await call.clock.advance(10_000);
  await call.refused;
  expect(call.end?.reason).toBe('vendor_failure');
});

test('a Retell that never ends the call is asked to by REST', async () => {
  const call = refusedCall();
  await call.clock.advance(500);
  call.peer.hear('No!');
  call.peer.lose();
  await call.clock.advance(20_000);
  await call.refused;
  expect(call.done).toEqual(['hung up']);
  expect(call.turns[0]).toMatchObject({ interrupted: true });
});
