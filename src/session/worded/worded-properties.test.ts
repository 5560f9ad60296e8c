import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Thought } from '#contracts/language-model.ts';
import { failureOf } from '#test/support/session-world.ts';
import { wordedCall } from '#test/support/worded-call.ts';

/** Every word of the call is another one, so that it is plain who said it. */
const numbered = (): ((count: number) => string) => {
  let next = 0;
  return (count) => Array.from({ length: count }, () => `w${next++}`).join(' ');
};

const happenings = fc.array(
  fc.record({
    afterMs: fc.constantFrom(0, 1, 50, 199, 201, 450, 700, 1_500, 5_000),
    what: fc.constantFrom(
      'say',
      'say',
      'say',
      'hear',
      'require',
      'remind',
      'delta',
      'delta',
      'delta',
      'done',
      'done',
      'end-call',
      'fail',
      'owner',
      'lose',
      'connect',
      'connect',
      'again',
      'update',
      'garbage',
      'quiet',
    ),
    size: fc.integer({ min: 1, max: 6 }),
  }),
  { maxLength: 40, size: '+1' },
);

test('whatever happens, each request that is not superseded is closed once, and the context has no word that was not spoken', async () => {
  await fc.assert(
    fc.asyncProperty(happenings, fc.boolean(), async (script, tellsWords) => {
      const call = wordedCall({
        agent: { greeting: 'Hello there.', voice: { dead_air_ms: 2_000 } },
      });
      const { peer, vendors, clock } = call;
      const words = numbered();
      const requests = new Map<number, { superseded: boolean }>();
      let newest = 0;
      let isLost = false;
      const ask = (id: number): void => {
        const before = requests.get(newest);
        if (before && id !== newest) before.superseded = true;
        requests.set(id, { superseded: false });
        newest = id;
      };
      requests.set(0, { superseded: false });
      peer.tellWords(tellsWords);
      await clock.advance(1);

      const think = (thought: Thought): void => vendors.think(thought);
      for (const { afterMs, what, size } of script) {
        await clock.advance(afterMs);
        if (call.isOver) break;
        if (isLost && !['connect', 'delta', 'done', 'fail', 'owner'].includes(what)) continue;
        if (what === 'say') ask(peer.say(words(size)));
        if (what === 'hear') peer.hear(words(size));
        if (what === 'require') ask(peer.require());
        if (what === 'remind') ask(peer.remind());
        if (what === 'delta') think({ type: 'delta', text: `${words(size)}. ` });
        if (what === 'done') think({ type: 'done', inputTokens: 1, outputTokens: 1 });
        if (what === 'fail' && size === 1)
          think({ type: 'failed', failure: failureOf('language-model') });
        if (what === 'end-call' && size === 1)
          think({ type: 'tool-call', callId: 'e', name: 'end_call', arguments: '{}' });
        if (what === 'owner') call.session?.say(`${words(size)}.`);
        if (what === 'update') peer.update();
        if (what === 'garbage') peer.raw('{"interaction_type":"response_required"}');
        if (what === 'lose') {
          peer.lose();
          isLost = true;
        }
        if (what === 'connect' && isLost) {
          if (!peer.connect()) break;
          isLost = false;
          // Retell asks again for what was not answered.
          const { completions } = peer.response(newest);
          if (newest > 0 && completions === 0) peer.requireAgain();
        }
      }
      // Who does not come back within the time that is waited for him is answered nothing.
      const isGone = isLost && (call.isOver || !peer.connect());
      // The model never answers what is still open: it is bridged, then apologised for.
      await clock.advance(60_000);

      for (const [id, { superseded }] of requests) {
        const { completions } = peer.response(id);
        const isLast = id === newest && !superseded;
        if (isLast && !isGone && !call.done.includes('left'))
          expect([id, completions]).toEqual([id, 1]);
        expect(completions).toBeLessThanOrEqual(1);
      }

      const spoken = new Set(peer.spoken.split(/[ /]+/));
      const shown = vendors.asked.flatMap(({ context }) =>
        context.flatMap((item) => (item.role === 'agent' ? item.text.split(' ') : [])),
      );
      const unspoken = shown
        .map((word) => word.replaceAll(/[.,!?]/g, ''))
        .filter((word) => !spoken.has(word));
      expect(unspoken).toEqual([]);
      // What the caller said stands in the record once.
      const heard = call.turns.flatMap(({ role, text }) =>
        role === 'caller' ? text.split(' ') : [],
      );
      expect(heard).toEqual([...new Set(heard)]);
      expect(call.turns.map(({ index }) => index)).toEqual(call.turns.map((_, index) => index));
      expect(vendors.open).toBeLessThanOrEqual(1);
    }),
    { numRuns: 250 },
  );
});
