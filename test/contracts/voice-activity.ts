import { expect, test } from 'vitest';
import { bytesOf, WIDE_LINE } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { encodeMulaw, MULAW_SILENCE, phoneBytes } from '#audio/g711.ts';
import type { VoiceActivity, VoiceActivityEvent } from '#contracts/voice-activity.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { clipAudio, noise, silence, withGain, withNoise } from '#sandbox/speech/clip-audio.ts';
import type { SpeechClip } from '#sandbox/speech/speech.ts';

export type ActivityWorld = {
  readonly activity: VoiceActivity;
  readonly clock: VirtualClock;
  /** Resolves once what was written has been judged. */
  settled(): Promise<void>;
  say(text: string, voice: string): Promise<SpeechClip>;
};

const LEAD_MS = 800;

/** What everything that tells speech must do. Passing it is the definition of done. */
export function voiceActivityContract(world: () => ActivityWorld): void {
  test.each(['slt', 'rms', 'awb', 'kal'])(
    'finds the beginning and the end of what %s says',
    async (voice) => {
      for (const text of ['Yes.', 'Stop, wait a moment please.', 'Thank you, goodbye!']) {
        const clip = await world().say(text, voice);
        const events = await listen(world(), mulawOf(clip));
        const startMs = LEAD_MS + (clip.words[0]?.startMs ?? 0);
        const endMs = LEAD_MS + (clip.words.at(-1)?.endMs ?? 0);
        expectAlternating(events);
        expect(events[0]?.audioMs).toBeGreaterThan(startMs - 100);
        expect(events[0]?.audioMs).toBeLessThan(startMs + 250);
        // A final "s" is mere noise in the telephone's band, and nobody waits for it.
        expect(events.at(-1)?.audioMs).toBeGreaterThan(endMs - 150);
        expect(events.at(-1)?.audioMs).toBeLessThan(endMs + 150);
      }
    },
  );

  test.each([
    ['quiet, 12 dB down', (pcm: Int16Array) => withGain(pcm, -12)],
    ['loud, 6 dB up', (pcm: Int16Array) => withGain(pcm, 6)],
    ['on a noisy line, 20 dB', (pcm: Int16Array) => withNoise(pcm, 20, 7)],
  ])('finds speech that is %s', async (_, change) => {
    const clip = await world().say('I would like to book a table.', 'slt');
    const events = await listen(world(), encodeMulaw(change(pad(clip.pcm))));
    expect(events.some(({ type }) => type === 'started')).toBe(true);
    expect(events.at(-1)?.type).toBe('stopped');
  });

  test.each([
    ['silence', new Int16Array(16_000)],
    ['the hiss of a line', noise(2_000, 60, 1)],
    ['loud hiss', noise(2_000, 1_500, 2)],
    ['a key tone', tone(2_000, 697, 1_209)],
    ['clicks', clicks(2_000)],
  ])('%s is no speech', async (_, pcm) => {
    expect(await listen(world(), encodeMulaw(pcm))).toEqual([]);
  });

  test('finds in wide-band sound what it finds in that of a telephone', async () => {
    const clip = await world().say('Stop, wait a moment please.', 'slt');
    const format = WIDE_LINE.heard;
    const padding = silence(LEAD_MS, format);
    const wide = Buffer.concat([padding, clipAudio(clip, format), padding]);
    const events = await listen(world(), wide, bytesOf(20, format), format);
    const known = await listen(world(), mulawOf(clip));
    expect(events.map(({ type }) => type)).toEqual(known.map(({ type }) => type));
    for (const [index, { audioMs }] of events.entries())
      expect(Math.abs(audioMs - (known[index]?.audioMs ?? NaN))).toBeLessThanOrEqual(64);
  });

  test('says the same whatever the size of the pieces it is given', async () => {
    const mulaw = mulawOf(await world().say('My number is, five five five.', 'kal'));
    const whole = await listen(world(), mulaw, 160);
    expect(whole.length).toBeGreaterThan(1);
    for (const pieceBytes of [1, 7, 256, 1_000, mulaw.length])
      expect(await listen(world(), mulaw, pieceBytes)).toEqual(whole);
  });

  test('says the same alone and among forty others', async () => {
    const clips = await Promise.all(
      ['slt', 'kal', 'awb', 'rms'].map((voice) => world().say('Thank you, goodbye!', voice)),
    );
    const alone = [];
    for (const clip of clips) alone.push(await listen(world(), mulawOf(clip)));
    const { activity } = world();
    const calls = Array.from({ length: 40 }, (_, index) => {
      const events: VoiceActivityEvent[] = [];
      const stream = activity.open((event) => events.push(event));
      return { events, stream, mulaw: mulawOf(clips[index % 4] ?? failed()) };
    });
    const lastByte = Math.max(...calls.map(({ mulaw }) => mulaw.length));
    for (let from = 0; from < lastByte; from += 160) {
      for (const { stream, mulaw } of calls) stream.write(mulaw.subarray(from, from + 160));
      await world().settled();
    }
    for (const [index, { events, stream }] of calls.entries()) {
      stream.close();
      expect(events).toEqual(alone[index % 4]);
    }
  });

  test('a second sentence after a long silence is found as the first was', async () => {
    const clip = await world().say('Hello there.', 'slt');
    const mulaw = mulawOf(clip);
    const once = await listen(world(), mulaw);
    const twice = await listen(world(), Buffer.concat([mulaw, mulaw]));
    expect(twice.filter(({ type }) => type === 'started').length).toBe(
      2 * once.filter(({ type }) => type === 'started').length,
    );
  });

  test('after close nothing is said, and its place is taken by a stream that knows nothing of it', async () => {
    const { activity, settled } = world();
    const mulaw = mulawOf(await world().say('Thank you, goodbye!', 'slt'));
    const events: VoiceActivityEvent[] = [];
    const stream = activity.open((event) => events.push(event));
    stream.write(mulaw.subarray(0, phoneBytes(LEAD_MS + 400)));
    stream.close();
    stream.write(mulaw.subarray(phoneBytes(LEAD_MS + 400)));
    await settled();
    expect(events.length).toBeLessThanOrEqual(1);
    const before = events.length;
    expect(await listen(world(), new Uint8Array(16_000).fill(MULAW_SILENCE))).toEqual([]);
    expect(events.length).toBe(before);
  });

  test('the caller’s buffer may be used again at once', async () => {
    const mulaw = mulawOf(await world().say('Yes.', 'slt'));
    const expected = await listen(world(), mulaw);
    const events: VoiceActivityEvent[] = [];
    const stream = world().activity.open((event) => events.push(event));
    const buffer = new Uint8Array(160);
    for (let from = 0; from + 160 <= mulaw.length; from += 160) {
      buffer.set(mulaw.subarray(from, from + 160));
      stream.write(buffer);
      buffer.fill(0);
    }
    await world().settled();
    stream.close();
    expect(events).toEqual(expected);
  });

  test('without anybody waiting for it, the clock alone brings the answer', async () => {
    const { activity, clock } = world();
    const mulaw = mulawOf(await world().say('Yes.', 'slt'));
    const started = Promise.withResolvers<VoiceActivityEvent>();
    const stream = activity.open(started.resolve);
    for (let from = 0; from < mulaw.length; from += 160) {
      stream.write(mulaw.subarray(from, from + 160));
      await clock.advance(20);
    }
    expect((await started.promise).type).toBe('started');
    stream.close();
  });
}

async function listen(
  { activity, settled }: ActivityWorld,
  sound: Uint8Array,
  pieceBytes = 160,
  format?: AudioFormat,
): Promise<readonly VoiceActivityEvent[]> {
  const events: VoiceActivityEvent[] = [];
  const stream = activity.open((event) => events.push(event), format);
  for (let from = 0; from < sound.length; from += pieceBytes) {
    stream.write(sound.subarray(from, from + pieceBytes));
    // Rarely enough that windows queue up, as they do when the machine is busy.
    if (from % 8_000 < pieceBytes) await settled();
  }
  await settled();
  stream.close();
  return events;
}

function expectAlternating(events: readonly VoiceActivityEvent[]): void {
  expect(events.length).toBeGreaterThan(0);
  expect(events.length % 2).toBe(0);
  for (const [index, event] of events.entries()) {
    expect(event.type).toBe(index % 2 === 0 ? 'started' : 'stopped');
    expect(event.audioMs).toBeGreaterThanOrEqual(events[index - 1]?.audioMs ?? 0);
  }
}

function pad(pcm: Int16Array): Int16Array {
  const padded = new Int16Array(pcm.length + 2 * phoneBytes(LEAD_MS));
  padded.set(pcm, phoneBytes(LEAD_MS));
  return padded;
}

const mulawOf = (clip: SpeechClip): Uint8Array => encodeMulaw(pad(clip.pcm));

function tone(ms: number, lowHz: number, highHz: number): Int16Array {
  return Int16Array.from({ length: phoneBytes(ms) }, (_, i) => {
    const seconds = i / 8_000;
    return (
      4_000 * (Math.sin(2 * Math.PI * lowHz * seconds) + Math.sin(2 * Math.PI * highHz * seconds))
    );
  });
}

const clicks = (ms: number): Int16Array =>
  Int16Array.from({ length: phoneBytes(ms) }, (_, i) => (i % 2_000 < 8 ? 12_000 : 0));

const failed = (): never => {
  throw new Error('no clip');
};
