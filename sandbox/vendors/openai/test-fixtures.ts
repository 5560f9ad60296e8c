export const KEY = 'sk-sandbox-0123456789abcdef';

/** A tool as the Responses API takes it. */
export const weather = {
  type: 'function',
  name: 'weather',
  description: 'The weather in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
} as const;
