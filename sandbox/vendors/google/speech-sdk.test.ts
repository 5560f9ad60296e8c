import type { SpeechClient } from '@google-cloud/speech';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { Fault } from '../../faults.ts';
import { clipMulaw, silence } from '../../speech/clip-audio.ts';
import { openEar } from '../../speech/ear.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { patiently } from '#test/support/poll.ts';
import { startGoogle } from './server.ts';
import type { GoogleSimulator, StreamRecord } from './server.ts';
import { KEY, collect, recognitionConfig, speechClient, withKey } from './test-clients.ts';

const PHONE = { encoding: 'mulaw', sampleRateHz: 8_000 } as const;

let bank: VoiceBank & AsyncDisposable;
let booked: SpeechClip;
let friday: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  booked = await bank.speak('Your table is booked.', 'slt');
  friday = await bank.speak('We will see you on Friday.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

// An official client takes a second to make: all tests share one, and one simulator.
const clock = virtualClock(Date.UTC(2026, 0, 1));
const faults = createFaults();
let google: GoogleSimulator;
let hearing: SpeechClient;
beforeAll(async () => {
  google = await startGoogle({
    bank,
    openEar: openEar(bank),
    brain: () => ({ text: 'Hello.' }),
    clock,
    keys: [KEY],
    faults,
  });
  hearing = speechClient(google);
});
afterAll(async () => {
  await hearing.close();
  await google.close();
  expect(clock.pending).toBe(0);
});
/** What the simulator has of the stream that was opened last. */
const lastStream = (): StreamRecord | undefined => google.streams().at(-1);

type Recognised = {
  readonly results: readonly {
    readonly isFinal: boolean;
    readonly stability: number;
    readonly resultEndTime: { readonly seconds: string; readonly nanos: number };
    readonly alternatives: readonly {
      readonly transcript: string;
      readonly words: readonly { readonly word: string }[];
    }[];
  }[];
};
const textOf = ({ results }: Recognised): string =>
  results.map((one) => one.alternatives[0]?.transcript ?? '').join('');

describe("Google's Speech-to-Text SDK", () => {
  const recognise = (config: object = {}, key = KEY) => {
    const stream = hearing.streamingRecognize(
      { config: { ...recognitionConfig, ...config }, interimResults: true },
      withKey(key),
    );
    return { stream, ...collect<Recognised>(stream) };
  };

  it('streams audio there, and interims and finals back', async () => {
    const { stream, messages, ended } = recognise();
    for (const audio of [clipMulaw(booked), silence(1_000, PHONE), clipMulaw(friday)])
      for (let at = 0; at < audio.length; at += 800) stream.write(audio.subarray(at, at + 800));
    stream.end();
    await ended;
    const finals = messages.filter(({ results }) => results[0]?.isFinal);
    expect(finals.map((one) => textOf(one))).toEqual([
      'Your table is booked.',
      ' We will see you on Friday.',
    ]);
    expect(finals[0]?.results[0]?.alternatives[0]?.words.map(({ word }) => word)).toEqual([
      'Your',
      'table',
      'is',
      'booked.',
    ]);
    const interims = messages.filter(({ results }) => results[0] && !results[0].isFinal);
    expect(interims.map((one) => textOf(one))).toContain('Your table is');
    // What may still change stands apart from what will not.
    const stabilities = interims.at(-1)?.results.map(({ stability }) => stability) ?? [];
    expect(stabilities[0]).toBeGreaterThan(0.8);
    expect(stabilities[1]).toBeLessThan(0.1);
    const endTime = finals[0]?.results[0]?.resultEndTime;
    const endMs = Number(endTime?.seconds) * 1_000 + Number(endTime?.nanos) / 1e6;
    expect(Math.abs(endMs - (booked.words.at(-1)?.endMs ?? 0))).toBeLessThanOrEqual(20);
  });

  it('gets all of a short recording at once', async () => {
    const audio = { content: clipMulaw(booked) };
    const [answer] = await hearing.recognize({ config: recognitionConfig, audio }, withKey());
    expect(answer.results?.[0]?.alternatives?.[0]?.transcript).toBe('Your table is booked.');
  });

  it.each([
    ['no encoding', { encoding: 'ENCODING_UNSPECIFIED' }, 'bad encoding'],
    ['a rate that no phone has', { sampleRateHertz: 4_000 }, 'bad sample rate'],
    ['a language without a region', { languageCode: 'en' }, 'bad language code'],
    ['a model that does not exist', { model: 'nova-3' }, 'Incorrect model'],
    ['a language that the model lacks', { languageCode: 'uk-UA' }, 'not supported for language'],
    ['too long a phrase', { speechContexts: [{ phrases: ['x'.repeat(101)] }] }, 'phrase too long'],
  ])('is refused %s', async (_, config, reason) => {
    const { stream, ended } = recognise(config);
    stream.write(silence(100, PHONE));
    await expect(ended).rejects.toMatchObject({ code: 3 });
    await expect(ended).rejects.toThrow(reason);
  });

  it('is refused without a key, and with a wrong one', async () => {
    const missing = recognise({}, '');
    missing.stream.write(silence(100, PHONE));
    await expect(missing.ended).rejects.toMatchObject({ code: 7 });
    const wrong = recognise({}, 'AIza-wrong');
    wrong.stream.write(silence(100, PHONE));
    await expect(wrong.ended).rejects.toMatchObject({ code: 3, reason: 'API_KEY_INVALID' });
  });

  it('has to send audio all the time, and not for more than five minutes', async () => {
    const idle = recognise();
    idle.stream.write(silence(100, PHONE));
    await expect.poll(() => lastStream()?.messages, patiently).toBe(2);
    await clock.advance(9_000);
    idle.stream.write(silence(100, PHONE));
    await expect.poll(() => lastStream()?.messages, patiently).toBe(3);
    await clock.advance(10_000);
    await expect(idle.ended).rejects.toThrow('Audio Timeout Error');

    const long = recognise();
    long.stream.write(silence(100, PHONE));
    await expect.poll(() => lastStream()?.messages, patiently).toBe(2);
    for (let sent = 2; sent < 50; sent++) {
      await clock.advance(8_000);
      long.stream.write(silence(100, PHONE));
      if (lastStream()?.closedAtMs !== undefined) break;
      await expect
        .poll(() => {
          const { messages = 0, closedAtMs } = lastStream() ?? {};
          return messages > sent || closedAtMs !== undefined;
        }, patiently)
        .toBe(true);
    }
    await expect(long.ended).rejects.toThrow('maximum allowed stream duration of 305 seconds');
  });

  it('has to send its configuration once, and first', async () => {
    // oxlint-disable-next-line no-underscore-dangle -- the official way below the helper that gets this right
    const stream = hearing._streamingRecognize(withKey());
    const { ended } = collect(stream);
    stream.write({ audioContent: silence(100, PHONE) });
    await expect(ended).rejects.toThrow('Malordered Data Received');
  });

  it('may send no more at once than the service takes', async () => {
    const { stream, ended } = recognise();
    stream.write(silence(4_000, PHONE));
    await expect(ended).rejects.toThrow('25600 bytes');
  });

  it.each<[Fault, object]>([
    [{ kind: 'refuse' }, { code: 3, reason: 'API_KEY_INVALID' }],
    [{ kind: 'quota' }, { code: 7, reason: 'BILLING_DISABLED' }],
    [{ kind: 'limit' }, { code: 8, reason: 'RATE_LIMIT_EXCEEDED' }],
    [{ kind: 'server-error' }, { code: 14 }],
    [{ kind: 'reset' }, { code: 14 }],
    [{ kind: 'die', afterMessages: 1 }, { code: 14 }],
    [{ kind: 'fail', afterMessages: 1 }, { code: 13 }],
    [{ kind: 'garble', message: 1 }, { code: 13 }],
  ])('meets %o', async (fault, error) => {
    faults.plan(1, fault);
    const { stream, ended } = recognise();
    const audio = clipMulaw(booked);
    for (let at = 0; at < audio.length; at += 800) stream.write(audio.subarray(at, at + 800));
    await expect(ended).rejects.toMatchObject(error);
  });

  it('has 100 streams on a connection, and hears nothing of the one that waits', async () => {
    const before = google.streams().length;
    const many = Array.from({ length: 101 }, () => recognise().stream);
    for (const stream of many) stream.write(silence(20, PHONE));
    const opened = (): readonly StreamRecord[] => google.streams().slice(before);
    await expect.poll(() => opened().length, patiently).toBe(100);
    for (const stream of many) stream.write(silence(20, PHONE));
    await expect.poll(() => opened().every((one) => one.messages === 3), patiently).toBe(true);
    expect(opened()).toHaveLength(100);
    expect(new Set(opened().map((one) => one.connectionId)).size).toBe(1);
    for (const stream of many) stream.destroy();
  });
});
