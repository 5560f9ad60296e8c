import { expect, test } from 'vitest';
import { chainOf, vendorFacts } from '#console/lib/vendor-chain.ts';
import { vendors } from '#vendors/index.ts';

test('the console knows the vendors that there are, what they do, by which key, in which order', () => {
  expect(vendorFacts.map(({ name, keyField, roles }) => ({ name, keyField, roles }))).toEqual(
    vendors.map((vendor) => ({
      name: vendor.name,
      keyField: vendor.credential,
      roles: [
        ...(vendor.speechToText ? ['stt'] : []),
        ...(vendor.languageModel ? ['llm'] : []),
        ...(vendor.textToSpeech ? ['tts'] : []),
      ],
    })),
  );
});

test('the chain is who has a key, in the agent’s order, each once', () => {
  const keys = new Set(['openai_api_key', 'google_api_key', 'deepgram_api_key'] as const);
  const namesOf = (voice: Parameters<typeof chainOf>[1], role: 'stt' | 'llm' | 'tts') =>
    chainOf(role, voice, keys).map(({ name }) => name);
  expect(namesOf({}, 'stt')).toEqual(['deepgram', 'openai', 'google']);
  expect(namesOf({}, 'llm')).toEqual(['openai', 'google']);
  expect(namesOf({ llm: ['google', 'anthropic', 'google'] }, 'llm')).toEqual(['google']);
  expect(namesOf({ tts: ['nobody'] }, 'tts')).toEqual([]);
});
