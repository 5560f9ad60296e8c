import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resample } from '#sandbox/lib/resample.ts';
import { encodeAudio, formatsOf } from '#sandbox/speech/clip-audio.ts';
import { bytesOfSamples, samplesOf } from '#audio/format.ts';
import { ASK_FOR_STORY, STORY } from '#test/e2e/support/brain.ts';
import { endedRecord } from '#test/e2e/support/ended-record.ts';
import { plain, writtenAsHeard } from '#test/e2e/support/words.ts';
import { openWorld } from '#test/e2e/support/world.ts';
import type { World } from '#test/e2e/support/world.ts';
import { wordsIn } from '#test/support/formats.ts';
import { dialFromBrowser } from './support/dial.ts';

let world: World;
beforeAll(async () => void (world = await openWorld()));
afterAll(() => world[Symbol.asyncDispose]());

const LIMIT_MS = 120_000;
const WIDE = { encoding: 'linear16', sampleRateHz: 24_000 } as const;
/** OpenAI takes linear sound at this rate only. */
const OPENAI_HEARD = { encoding: 'linear16', sampleRateHz: 24_000 } as const;
const HEARD = { encoding: 'linear16', sampleRateHz: 16_000 } as const;

/** How much of the power of a sound at 24 kHz lies above the band of a telephone. */
function shareAboveTelephone(pcm: Int16Array): number {
  const power = (samples: Int16Array): number =>
    samples.reduce((sum, sample) => sum + sample * sample, 0);
  const below = resample(resample(pcm, WIDE.sampleRateHz, 8_000), 8_000, WIDE.sampleRateHz);
  return power(pcm.map((sample, at) => sample - (below[at] ?? 0))) / power(pcm);
}

describe('a call from a browser', () => {
  test.each([
    ['deepgram', 'cartesia', HEARD, 'Good morning, this is the first bakery. How can I help?'],
    ['google', 'elevenlabs', HEARD, 'Good morning, this is the second shop. How can I help?'],
    ['openai', 'openai', OPENAI_HEARD, 'Good morning, this is the third office. How can I help?'],
    ['deepgram', 'google', HEARD, 'Good morning, this is the fourth station. How can I help?'],
  ] as const)(
    'is heard by %s and spoken by %s with all of a voice',
    async (hearing, speaking, heardAs, greeting) => {
      const { sandbox, owner } = world;
      const { keys } = sandbox;
      const agent = await world.addAgent({
        config: { greeting, voice: { stt: [hearing], tts: [speaking] } },
        setup: {
          deepgram_api_key: keys.deepgram,
          openai_api_key: keys.openai,
          google_api_key: keys.google,
          cartesia_api_key: keys.cartesia,
          elevenlabs_api_key: keys.elevenlabs,
        },
      });
      const streamsBefore = sandbox.vendors.heardFormats[hearing].length;
      const { call, person } = await dialFromBrowser(world, agent.instanceId, [
        { waitForAgent: 'to-finish' },
        { say: ASK_FOR_STORY },
        { waitForAgent: 'to-finish' },
        { say: 'Thank you, goodbye.' },
        { expectHangUp: true },
      ]);
      const [live] = await agent.calls();
      await call.drive.over;
      const experience = await person.done;
      expect(experience.problem).toBeUndefined();
      const record = await endedRecord(owner, live?.call_id ?? '');

      const callerTurns = record.turns.filter(({ role }) => role === 'caller');
      expect(callerTurns.map(({ text }) => plain(text))).toEqual(
        [ASK_FOR_STORY, 'Thank you, goodbye.'].map(plain),
      );
      // What arrived, and not what was played: a machine under load lets a player run dry.
      const heard = plain(
        wordsIn(sandbox.bank, bytesOfSamples(call.received()), WIDE)
          .map(({ text }) => text)
          .join(' '),
      );
      expect(heard).toContain(plain(`${greeting} ${STORY}`));
      expect(writtenAsHeard(record)).toBe(heard);

      const asked = sandbox.vendors.heardFormats[hearing].slice(streamsBefore);
      expect(new Set(asked.map((format) => JSON.stringify(format)))).toEqual(
        new Set([JSON.stringify(heardAs)]),
      );
      const spoken = sandbox.bank.clips.filter(
        (clip) => greeting.includes(clip.text.trim()) && formatsOf(clip).length > 0,
      );
      expect(spoken.length).toBeGreaterThan(0);
      for (const clip of spoken) expect(formatsOf(clip)).toEqual([WIDE]);
      // A piece of the way that is narrow would leave next to nothing there.
      const narrow = Buffer.concat(spoken.map(({ pcm }) => encodeAudio(pcm, WIDE)));
      const share = shareAboveTelephone(call.received());
      expect(share).toBeGreaterThan(0.000_5);
      expect(share).toBeGreaterThan(20 * shareAboveTelephone(samplesOf(narrow)));
    },
    LIMIT_MS,
  );
});
