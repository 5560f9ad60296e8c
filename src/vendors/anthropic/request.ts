import type Anthropic from '@anthropic-ai/sdk';
import type { ThinkRequest } from '#contracts/language-model.ts';
import { messageParams } from './message-params.ts';

type Body = Anthropic.MessageCreateParamsStreaming;

const CACHED = { cache_control: { type: 'ephemeral' } } as const;

/** The body of `POST /v1/messages` for one reply. */
export function requestBody(model: string, request: ThinkRequest): Body {
  const { systemPrompt } = request;
  const hasSystem = systemPrompt.trim() !== '';
  const tools = request.tools.map(({ name, description, parameters }, index) => ({
    name,
    description,
    input_schema: { ...parameters, type: 'object' as const },
    // A mark caches everything before it, too; the tools come before the system prompt.
    ...(!hasSystem && index === request.tools.length - 1 && CACHED),
  }));
  return {
    model,
    max_tokens: request.maxOutputTokens,
    // Every turn of a call begins with the same prompt: from the second on it is read, not computed.
    ...(hasSystem && { system: [{ type: 'text', text: systemPrompt, ...CACHED }] }),
    messages: messageParams(request.context),
    ...(tools.length > 0 && { tools }),
    stream: true,
    ...leastThinking(model),
  };
}

/**
 * The least thinking a model accepts, because the caller waits in silence for its end. Left to
 * themselves the current models think, and the largest refuse not to.
 */
export function leastThinking(model: string): Pick<Body, 'thinking' | 'output_config'> {
  return /^claude-(?:fable|mythos|opus-5-[5-9])/.test(model)
    ? { output_config: { effort: 'low' } }
    : { thinking: { type: 'disabled' } };
}
