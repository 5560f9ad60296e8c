/** How a model may think, and what it takes besides. */
export type AnthropicModel = {
  readonly id: string;
  readonly name: string;
  /** `always`: it thinks and cannot be told not to; `adaptive`: unless told not to; `budget`: only if told to. */
  readonly thinks: 'always' | 'adaptive' | 'budget';
  /** A conversation may end with a message of the assistant, which the reply goes on from. */
  readonly prefill: boolean;
  readonly maxTokens: number;
  /** Shorter prompts are not cached. */
  readonly minCachedTokens: number;
};

/** The models the sandbox plays, by the names in `@anthropic-ai/sdk` 1.11's types. */
export const anthropicModels: readonly AnthropicModel[] = [
  model('claude-fable-5-2', 'Claude Fable 5.2', 'always'),
  model('claude-opus-5-5', 'Claude Opus 5.5', 'always'),
  model('claude-sonnet-5-5', 'Claude Sonnet 5.5', 'adaptive'),
  model('claude-haiku-5-5', 'Claude Haiku 5.5', 'adaptive'),
  model('claude-sonnet-5', 'Claude Sonnet 5', 'adaptive'),
  model('claude-opus-4-8', 'Claude Opus 4.8', 'adaptive'),
  model('claude-sonnet-4-5', 'Claude Sonnet 4.5', 'budget'),
  model('claude-haiku-4-5', 'Claude Haiku 4.5', 'budget'),
  model('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'budget'),
];

function model(id: string, name: string, thinks: AnthropicModel['thinks']): AnthropicModel {
  const isOld = thinks === 'budget';
  return {
    id,
    name,
    thinks,
    prefill: isOld,
    maxTokens: isOld ? 64_000 : 128_000,
    minCachedTokens: id.includes('haiku') ? 2_048 : 1_024,
  };
}

export const findModel = (id: string): AnthropicModel | undefined =>
  anthropicModels.find((one) => one.id === id);

/** A model as `GET /v1/models` shows it. */
export const modelObject = ({ id, name, maxTokens }: AnthropicModel): object => ({
  type: 'model',
  id,
  display_name: name,
  created_at: '2026-01-01T00:00:00Z',
  lifecycle: 'active',
  deprecated_at: null,
  retires_at: null,
  line: null,
  capabilities: null,
  max_input_tokens: 200_000,
  max_tokens: maxTokens,
});
