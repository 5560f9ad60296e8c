import type Anthropic from '@anthropic-ai/sdk';

export const KEY = 'sk-ant-api03-sandbox-0123456789';

/** A tool as the Messages API takes it. */
export const weather: Anthropic.Tool = {
  name: 'weather',
  description: 'The weather in a city.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
  },
};
