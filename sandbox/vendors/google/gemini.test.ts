import { ApiError, GoogleGenAI } from '@google/genai';
import type { Content, GenerateContentConfig } from '@google/genai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { virtualClock } from '#lib/virtual-clock.ts';
import { createFaults } from '../../faults.ts';
import type { Fault } from '../../faults.ts';
import { openEar } from '../../speech/ear.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Brain } from '../brain.ts';
import { patiently } from '#test/support/poll.ts';
import { during } from '../test-time.ts';
import { startGoogle } from './server.ts';
import type { GoogleSimulator } from './server.ts';
import { KEY } from './test-clients.ts';

const MODEL = 'gemini-3.5-flash-lite';
const tools = [
  {
    functionDeclarations: [
      {
        name: 'weather',
        description: 'The weather in a city.',
        parametersJsonSchema: { type: 'object', properties: { city: { type: 'string' } } },
      },
    ],
  },
];

/** Asks for the weather before it speaks of it; otherwise repeats what it was told. */
const brain: Brain = ({ instructions, items, tools: names }) => {
  const last = items.at(-1);
  if (last?.type === 'function_call_output') return { text: `It is ${last.output}.` };
  const text = last?.type === 'message' ? last.text : '';
  if (text.includes('weather') && names.includes('weather'))
    return { text: 'One moment.', toolCalls: [{ name: 'weather', arguments: { city: 'Riga' } }] };
  return { text: `${instructions} You said: ${text}` };
};
/** Nobody speaks here. */
const mute: VoiceBank = { clips: [], speak: () => Promise.reject(new Error('mute')) };

let clock = virtualClock();
let faults = createFaults();
let google: GoogleSimulator;
let client: GoogleGenAI;
beforeEach(async () => {
  clock = virtualClock(Date.UTC(2026, 0, 1));
  faults = createFaults();
  google = await startGoogle({
    bank: mute,
    openEar: openEar(mute),
    brain,
    clock,
    keys: [KEY],
    faults,
  });
  client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: google.url } });
});
afterEach(async () => {
  await google.close();
  // The ends of its answers may come after its own.
  await expect.poll(() => clock.pending, patiently).toBe(0);
});

const user = (text: string): Content => ({ role: 'user', parts: [{ text }] });
const ask = (
  contents: Content[],
  config: GenerateContentConfig = {},
  model = MODEL,
): Promise<Content> =>
  during(
    clock,
    (async () => {
      const parts: NonNullable<Content['parts']> = [];
      for await (const chunk of await client.models.generateContentStream({
        model,
        contents,
        config,
      }))
        parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
      return { role: 'model', parts: parts.filter(({ text }) => text !== '') };
    })(),
  );
const textOf = ({ parts }: Content): string => (parts ?? []).map(({ text }) => text ?? '').join('');

describe("Google's Gen AI SDK", () => {
  it('streams a reply, piece by piece, and hears what it cost', async () => {
    const chunks = await during(
      clock,
      (async () =>
        Array.fromAsync(
          await client.models.generateContentStream({
            model: MODEL,
            contents: 'Hello',
            config: { systemInstruction: 'Sir.' },
          }),
        ))(),
    );
    expect(chunks.map(({ text }) => text ?? '').join('')).toBe('Sir. You said: Hello');
    expect(chunks.length).toBeGreaterThan(4);
    const last = chunks.at(-1);
    expect(last?.candidates?.[0]?.finishReason).toBe('STOP');
    expect(last?.usageMetadata?.candidatesTokenCount).toBe(chunks.length - 1);
    expect(last?.modelVersion).toBe(MODEL);
  });

  it('gets a reply in one piece, cut where its budget ends', async () => {
    const answer = await during(
      clock,
      client.models.generateContent({
        model: MODEL,
        contents: 'one two three four five six seven',
        config: { maxOutputTokens: 4 },
      }),
    );
    expect(answer.text).toBe(' You said: one');
    expect(answer.candidates?.[0]?.finishReason).toBe('MAX_TOKENS');
  });

  it('carries a signed tool call there and back', async () => {
    const question = user('What is the weather?');
    const first = await ask([question], { tools });
    const part = first.parts?.find(({ functionCall }) => functionCall);
    expect(part).toMatchObject({ functionCall: { name: 'weather', args: { city: 'Riga' } } });
    expect(part?.functionCall?.id).toBeTruthy();
    expect(part?.thoughtSignature).toBeTruthy();
    const { id = '' } = part?.functionCall ?? {};
    const answer = (responseId: string): Content => ({
      role: 'user',
      parts: [
        { functionResponse: { id: responseId, name: 'weather', response: { output: 'sunny' } } },
      ],
    });
    expect(textOf(await ask([question, first, answer(id)], { tools }))).toBe('It is sunny.');

    await expect(ask([question, first, answer('another')], { tools })).rejects.toThrow(
      'by name and id',
    );
    const sign = (thoughtSignature?: string): Content => ({
      role: 'model',
      parts: [
        {
          ...(part?.functionCall && { functionCall: part.functionCall }),
          ...(thoughtSignature !== undefined && { thoughtSignature }),
        },
      ],
    });
    await expect(ask([question, sign(), answer(id)], { tools })).rejects.toThrow(
      'missing a thought_signature',
    );
    await expect(ask([question, sign('Zm9yZ2Vk'), answer(id)], { tools })).rejects.toThrow(
      'Thought signature is not valid',
    );
    // The documented way around, and calls of turns that are over need none.
    const skip = sign('skip_thought_signature_validator');
    expect(textOf(await ask([question, skip, answer(id)], { tools }))).toBe('It is sunny.');
    const over = [question, sign(), answer(id), first, user('Thanks')].toSpliced(3, 1);
    expect(textOf(await ask(over))).toBe(' You said: Thanks');
  });

  it('is refused what the service refuses', async () => {
    const call: Content = { role: 'model', parts: [{ functionCall: { name: 'a', args: {} } }] };
    const result: Content = {
      role: 'user',
      parts: [{ functionResponse: { name: 'a', response: {} } }],
    };
    const model = (text: string): Content => ({ role: 'model', parts: [{ text }] });
    const level = (thinkingLevel: string): GenerateContentConfig => ({
      thinkingConfig: JSON.parse(`{"thinkingLevel":"${thinkingLevel}"}`),
    });
    const cases: readonly [() => Promise<unknown>, string][] = [
      [() => ask([user('')]), "oneof field 'data'"],
      [() => ask([user('Hi'), model('Hello')]), 'end with a user role'],
      [() => ask([call, result]), 'immediately after a user turn'],
      [() => ask([user('Hi'), result]), 'immediately after a function call turn'],
      [() => ask([user('Hi'), call, user('Well?')]), 'number of function response parts'],
      [() => ask([{ role: 'caller', parts: [{ text: 'Hi' }] }]), 'valid role'],
      [() => ask([user('Hi')], level('MINIMAL'), 'gemini-3.8-flash'), 'Thinking level MINIMAL'],
      [
        () => ask([user('Hi')], level('LOW'), 'gemini-2.5-flash'),
        'Thinking level is not supported',
      ],
      [
        () => ask([user('Hi')], { thinkingConfig: { thinkingBudget: 0 } }, 'gemini-2.5-pro'),
        'Budget 0',
      ],
      [
        () => ask([user('Hi')], { tools: [{ functionDeclarations: [{ name: '1st' }] }] }),
        'function name',
      ],
      [() => ask([user('Hi')], { temperature: 3 }), 'generation_config.temperature'],
      [
        () => ask([user('Hi')], { responseModalities: ['AUDIO'] }),
        "at 'generation_config': Cannot find field",
      ],
      [() => ask([user('Hi')], {}, 'gemini-0'), 'models/gemini-0 is not found'],
    ];
    for (const [question, reason] of cases) {
      const asked = question();
      await expect(asked).rejects.toBeInstanceOf(ApiError);
      await expect(asked).rejects.toThrow(reason);
    }
  });

  it('lists the models, and finds one', async () => {
    expect(await client.models.get({ model: MODEL })).toMatchObject({ name: `models/${MODEL}` });
    await expect(client.models.get({ model: 'gemini-0' })).rejects.toMatchObject({ status: 404 });
    const pager = await client.models.list();
    expect(pager.page.length).toBeGreaterThan(5);
  });

  it('is refused a wrong key, with a 400', async () => {
    const stranger = new GoogleGenAI({
      apiKey: 'AIza-wrong',
      httpOptions: { baseUrl: google.url },
    });
    const asked = stranger.models.get({ model: MODEL });
    await expect(asked).rejects.toMatchObject({ status: 400 });
    await expect(asked).rejects.toThrow('API_KEY_INVALID');
  });

  it.each<[Fault, number, string]>([
    [{ kind: 'refuse' }, 400, 'API_KEY_INVALID'],
    [{ kind: 'quota' }, 429, 'PerDay'],
    [{ kind: 'limit' }, 429, 'PerMinute'],
    [{ kind: 'server-error' }, 503, 'overloaded'],
  ])('meets %o with %i', async (fault, status, reason) => {
    faults.plan(1, fault);
    const asked = ask([user('Hello')]);
    await expect(asked).rejects.toMatchObject({ status });
    await expect(asked).rejects.toThrow(reason);
  });

  it('meets the ways a stream can break', async () => {
    faults.plan(1, { kind: 'die', afterMessages: 2 });
    await expect(ask([user('Hello')])).rejects.toThrow();
    faults.plan(1, { kind: 'fail', afterMessages: 2 });
    await expect(ask([user('Hello')])).rejects.toMatchObject({ status: 500 });
    faults.plan(1, { kind: 'garble', message: 2 });
    await expect(ask([user('Hello')])).rejects.toThrow();
  });

  it('stops the generation at once when it aborts', async () => {
    const abort = new AbortController();
    const asked = during(
      clock,
      (async () => {
        for await (const chunk of await client.models.generateContentStream({
          model: MODEL,
          contents: 'word '.repeat(400),
          config: { abortSignal: abort.signal },
        }))
          if (chunk.text !== '') abort.abort();
      })(),
    );
    await expect(asked).rejects.toThrow();
    await expect.poll(() => google.generations()[0]?.outcome, patiently).toBe('aborted');
    const tokens = google.generations()[0]?.tokens ?? 0;
    await clock.advance(10_000);
    expect(google.generations()[0]?.tokens).toBe(tokens);
    expect(tokens).toBeLessThan(400);
  });
});
