import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';

/** The language models the sandbox plays, by the names in `openai` 7.55's types. */
export const openAIModels: readonly string[] = [
  'gpt-6-astra',
  'gpt-6.1-sol',
  'gpt-6.1-terra',
  'gpt-6-sol',
  'gpt-6-luna',
  'gpt-5.6-sol',
  'gpt-5.6-terra',
  'gpt-5.6-luna',
  'gpt-5.5',
  'gpt-5.4',
  'gpt-5.4-mini',
  'gpt-5.4-nano',
  'gpt-5.2',
  'gpt-5.1',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5-nano',
  'gpt-4.1',
  'gpt-4.1-mini',
  'gpt-4.1-nano',
  'gpt-4o',
  'gpt-4o-mini',
];

export const modelObject = (id: string): object => ({
  id,
  object: 'model',
  created: 1_767_225_600,
  owned_by: 'system',
});

/**
 * Parameters that a model does not take. GPT-4 models do not reason; the first GPT-5 models always
 * do, and a model that reasons takes neither `temperature` nor `top_p`.
 */
export function modelRefusal(request: {
  readonly model: string;
  readonly effort: string | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
}): OpenAIRefusal | undefined {
  const { model, effort } = request;
  const unsupported = (param: string): OpenAIRefusal =>
    invalidParameter(
      param,
      'unsupported_parameter',
      `Unsupported parameter: '${param}' is not supported with this model.`,
    );
  if (model.startsWith('gpt-4'))
    return effort === undefined ? undefined : unsupported('reasoning.effort');
  const alwaysReasons = /^gpt-5(?:-mini|-nano)?$/.test(model);
  if (alwaysReasons && effort === 'none')
    return invalidParameter(
      'reasoning.effort',
      'unsupported_value',
      `Unsupported value: 'none' is not supported with the '${model}' model. Supported values are: 'minimal', 'low', 'medium', and 'high'.`,
    );
  const reasons = alwaysReasons || (effort !== undefined && effort !== 'none');
  if (reasons && request.temperature !== undefined) return unsupported('temperature');
  if (reasons && request.topP !== undefined) return unsupported('top_p');
  return undefined;
}
