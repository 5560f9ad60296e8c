import { invalidArgument } from './status.ts';
import type { Status } from './status.ts';

type Thinking =
  /** By a number of tokens, from this many on; 0 turns it off. */
  | { readonly by: 'budget'; readonly min: number }
  | { readonly by: 'level'; readonly levels: readonly string[] };

const LOW_UP: Thinking = { by: 'level', levels: ['LOW', 'MEDIUM', 'HIGH'] };
const MINIMAL_UP: Thinking = { by: 'level', levels: ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'] };

/** The models the sandbox plays, and how each lets its thinking be limited. */
export const geminiModels: Readonly<Record<string, Thinking>> = {
  'gemini-2.5-flash': { by: 'budget', min: 0 },
  'gemini-2.5-flash-lite': { by: 'budget', min: 0 },
  'gemini-2.5-pro': { by: 'budget', min: 128 },
  'gemini-3-flash-preview': MINIMAL_UP,
  'gemini-3.1-flash-lite': MINIMAL_UP,
  'gemini-3.1-pro-preview': LOW_UP,
  'gemini-3.5-flash': MINIMAL_UP,
  'gemini-3.5-flash-lite': MINIMAL_UP,
  'gemini-3.6-flash': MINIMAL_UP,
  'gemini-3.7-flash': LOW_UP,
  'gemini-3.8-flash': LOW_UP,
  'gemini-flash-latest': LOW_UP,
  'gemini-flash-lite-latest': MINIMAL_UP,
};

/** Its calls of functions carry ids and signatures, and want them back. */
export const isSigning = (model: string): boolean => geminiModels[model]?.by === 'level';

export const modelObject = (model: string): object => ({
  name: `models/${model}`,
  version: '001',
  displayName: model,
  description: `${model}, played by the sandbox`,
  inputTokenLimit: 1_048_576,
  outputTokenLimit: 65_536,
  supportedGenerationMethods: ['generateContent', 'countTokens'],
  thinking: true,
});

export const unknownModel = (model: string, version: string): Status => ({
  code: 'NOT_FOUND',
  message: `models/${model} is not found for API version ${version}, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.`,
});

/** Limits of thinking that a model does not take. */
export function thinkingRefusal(
  model: string,
  limit: { readonly thinkingBudget?: number; readonly thinkingLevel?: string },
): Status | undefined {
  const { thinkingBudget: budget, thinkingLevel: level } = limit;
  const thinking = geminiModels[model];
  if (!thinking) return undefined;
  if (budget !== undefined && level !== undefined)
    return invalidArgument('You can only set only one of thinking budget and thinking level.');
  if (level !== undefined) {
    if (thinking.by === 'budget')
      return invalidArgument('Thinking level is not supported for this model.');
    if (!thinking.levels.includes(level))
      return invalidArgument(
        `Thinking level ${level} is not supported for this model. Please retry with other thinking level.`,
      );
  }
  if (budget === 0 && thinking.by === 'budget' && thinking.min > 0)
    return invalidArgument('Budget 0 is invalid. This model only works in thinking mode.');
  return undefined;
}
