import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { createVoiceBank } from '../../speech/voice-bank.ts';
import { during } from '../test-time.ts';
import { startCartesia } from './server.ts';
import type { CartesiaSimulator } from './server.ts';
import { KATIE, KEY, base, heard } from './test-client.ts';

// As an ES module the SDK leaves `ws` aside and puts the key into the URL; required, it does not.
const sdk: typeof import('@cartesia/cartesia-js') = createRequire(import.meta.url)(
  '@cartesia/cartesia-js',
);

let bank: VoiceBank & AsyncDisposable;
let first: SpeechClip;
let second: SpeechClip;
beforeAll(async () => {
  bank = await createVoiceBank();
  first = await bank.speak('Your table is booked.', 'slt');
  second = await bank.speak('We will see you on Friday.', 'slt');
});
afterAll(() => bank[Symbol.asyncDispose]());

let clock = virtualClock();
let faults = createFaults();
let cartesia: CartesiaSimulator;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  cartesia = await startCartesia({ bank, clock, keys: [KEY], faults, maxContexts: 2 });
});
afterEach(async () => {
  await cartesia.close();
  expect(cartesia.activeContexts()).toBe(0);
  expect(clock.pending).toBe(0);
});

describe("Cartesia's SDK", () => {
  const connected = async () => {
    const client = new sdk.Cartesia({ apiKey: KEY, baseURL: cartesia.url });
    const port = Number(new URL(cartesia.url).port);
    const socket = await client.tts.websocket({
      createConnection: () => connect(port, '127.0.0.1'),
    });
    await socket.connect();
    return { client, socket };
  };

  it('speaks text that comes in pieces, with the times of its words', async () => {
    const { socket } = await connected();
    const context = socket.context({ ...base, contextId: 'turn-1', max_buffer_delay_ms: 1_000 });
    await context.push({ transcript: 'Your table is ' });
    await context.push({ transcript: 'booked. We will see' });
    await context.push({ transcript: ' you on Friday.' });
    await context.no_more_inputs();
    const audio: Uint8Array[] = [];
    const words: string[] = [];
    const starts: number[] = [];
    await during(
      clock,
      (async () => {
        for await (const event of context.receive()) {
          if (event.type === 'chunk' && event.audio) audio.push(event.audio);
          if (event.type !== 'timestamps') continue;
          words.push(...(event.word_timestamps?.words ?? []));
          starts.push(...(event.word_timestamps?.start ?? []));
        }
      })(),
    );
    socket.close();
    expect(words.join(' ')).toBe(`${first.text} ${second.text}`);
    expect(heard(bank, Buffer.concat(audio))).toBe(`${first.text} ${second.text}`);
    expect(starts).toEqual(starts.toSorted((left, right) => left - right));
  });

  it('tells two contexts on one socket apart', async () => {
    const { socket } = await connected();
    const say = async (contextId: string, transcript: string) => {
      const context = socket.context({ ...base, contextId });
      await context.push({ transcript });
      await context.no_more_inputs();
      const audio: Uint8Array[] = [];
      for await (const event of context.receive())
        if (event.type === 'chunk' && event.audio) audio.push(event.audio);
      return heard(bank, Buffer.concat(audio));
    };
    const said = await during(clock, Promise.all([say('a', first.text), say('b', second.text)]));
    socket.close();
    expect(said).toEqual([first.text, second.text]);
  });

  it('flushes, is refused, and lists voices', async () => {
    const { client, socket } = await connected();
    const context = socket.context({ ...base, contextId: 'flushed' });
    await context.push({ transcript: 'Your table is booked.', flush: true });
    await context.no_more_inputs();
    const types: string[] = [];
    await during(
      clock,
      (async () => {
        for await (const event of context.receive()) types.push(event.type);
      })(),
    );
    expect(types.slice(-2)).toEqual(['flush_done', 'done']);

    const wrong = socket.context({ ...base, voice: 'nobody', contextId: 'wrong' });
    socket.on('error', () => undefined);
    await wrong.push({ transcript: 'Hello.' });
    const answers = wrong.receive();
    expect((await during(clock, answers.next())).value).toMatchObject({ type: 'error' });
    await expect(answers.next()).rejects.toThrow('There is no voice');
    socket.close();
    const voices = await client.voices.list({ limit: 1 });
    expect(voices.data).toMatchObject([{ id: KATIE, name: 'Katie' }]);
  });
});
