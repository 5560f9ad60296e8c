import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clipMulaw } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { createFluxStream } from './flux.ts';
import { silence } from './test-client.ts';

let bank: VoiceBank & AsyncDisposable;
beforeAll(async () => {
  bank = await createVoiceBank();
  for (const text of ['Yes.', 'My number is', 'five nine two.', 'Can you hear me?'])
    await bank.speak(text, 'rms');
});
afterAll(() => bank[Symbol.asyncDispose]());

/** What may follow what, by the published state machine; the state is the last event but updates. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  none: ['StartOfTurn'],
  StartOfTurn: ['EagerEndOfTurn', 'EndOfTurn'],
  EagerEndOfTurn: ['TurnResumed', 'EndOfTurn'],
  TurnResumed: ['EagerEndOfTurn', 'EndOfTurn'],
  EndOfTurn: ['StartOfTurn'],
};

const scene = fc.record({
  eot_threshold: fc.constantFrom(0.5, 0.7, 0.9, 1),
  eager_eot_threshold: fc.constantFrom(null, 0.3, 0.5),
  eot_timeout_ms: fc.constantFrom(500, 1_000, 5_000),
  parts: fc.array(fc.record({ clip: fc.nat(3), pauseMs: fc.integer({ min: 0, max: 1_500 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

function play({ parts, ...thresholds }: typeof scene extends fc.Arbitrary<infer T> ? T : never) {
  const messages: JsonObject[] = [];
  const format = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;
  const stream = createFluxStream({
    query: { model: 'flux-general-en', format, thresholds, keyterms: [], languageHints: [] },
    format,
    ear: openEar(bank)(format),
    requestId: 'request',
    timing: { endOfTurnMs: 350, eagerEndOfTurnMs: 150 },
    mayForceEndTurn: false,
    output: {
      send: (message) => void (isObject(message) && messages.push(message)),
      close: () => undefined,
    },
  });
  for (const { clip, pauseMs } of parts) {
    const spoken = bank.clips[clip];
    if (spoken) stream.audio(clipMulaw(spoken));
    stream.audio(silence(pauseMs));
  }
  stream.audio(silence(6_000));
  return messages.filter(({ type }) => type === 'TurnInfo');
}

it('never leaves the published state machine, and every turn that began ends', () => {
  fc.assert(
    fc.property(scene, (given) => {
      let before: JsonObject = { event: 'none', turn_index: 0 };
      for (const message of play(given)) {
        const event = String(message['event']);
        if (event === 'Update') continue;
        expect(FOLLOWS[String(before['event'])]).toContain(event);
        if (event === 'StartOfTurn')
          expect(message['turn_index']).toBe(
            Number(before['turn_index']) + (before['event'] === 'none' ? 0 : 1),
          );
        else expect(message['turn_index']).toBe(before['turn_index']);
        if (event === 'EndOfTurn' && given.eager_eot_threshold !== null)
          expect([before['event'], message['transcript']]).toEqual([
            'EagerEndOfTurn',
            before['transcript'],
          ]);
        if (event === 'EagerEndOfTurn') {
          expect(given.eager_eot_threshold).not.toBeNull();
          expect(message['transcript']).not.toBe('');
        }
        before = message;
      }
      expect(before['event']).toBe('EndOfTurn');
    }),
    { numRuns: 20 },
  );
});
