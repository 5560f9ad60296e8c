import type OpenAI from 'openai';
import type { ContextItem, ThinkRequest } from '#contracts/language-model.ts';

type Body = OpenAI.Responses.ResponseCreateParamsStreaming;
type InputItem = OpenAI.Responses.ResponseInputItem;

/** The body of `POST /v1/responses` for one reply. Nothing of it is stored by the service. */
export function requestBody(model: string, request: ThinkRequest): Body {
  const effort = lowestEffort(model);
  return {
    model,
    instructions: request.systemPrompt,
    input: inputItems(request.context),
    tools: request.tools.map((tool) => ({
      type: 'function',
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters,
      // Strict schemas need every property required, which the owner's tools do not promise.
      strict: false,
    })),
    max_output_tokens: request.maxOutputTokens,
    stream: true,
    store: false,
    // Padding against eavesdropping on lengths; it would double the bytes of every token.
    stream_options: { include_obfuscation: false },
    ...(effort && { reasoning: { effort } }),
  };
}

/**
 * The context as input items. The service refuses a tool call without a result and a result without
 * a call, so a call whose result never came gets one that says so, and a stray result is left out.
 */
export function inputItems(context: readonly ContextItem[]): InputItem[] {
  const results = new Set(
    context.flatMap((item) => (item.role === 'tool-result' ? item.callId : [])),
  );
  const calls = new Set<string>();
  const answered = new Set<string>();
  const items: InputItem[] = [];
  for (const item of context) {
    switch (item.role) {
      case 'caller':
        if (item.text !== '') items.push({ role: 'user', content: item.text });
        break;
      case 'agent':
        if (item.text !== '') items.push({ role: 'assistant', content: item.text });
        break;
      case 'note':
        items.push({ role: 'developer', content: item.text });
        break;
      case 'tool-call': {
        const { callId, name } = item;
        if (calls.has(callId)) break;
        calls.add(callId);
        items.push({ type: 'function_call', call_id: callId, name, arguments: item.arguments });
        if (!results.has(callId))
          items.push({ type: 'function_call_output', call_id: callId, output: NO_RESULT });
        break;
      }
      case 'tool-result':
        if (!calls.has(item.callId) || answered.has(item.callId)) break;
        answered.add(item.callId);
        items.push({ type: 'function_call_output', call_id: item.callId, output: item.result });
        break;
    }
  }
  // Instructions alone are refused; this is the case of an agent that opens the conversation.
  if (items.length === 0) items.push({ role: 'developer', content: 'The call has just begun.' });
  return items;
}

const NO_RESULT = '{"error":"The conversation went on before the tool answered."}';

/**
 * The least reasoning a model accepts, because the caller waits in silence for its end; undefined where
 * the parameter itself is refused.
 */
export function lowestEffort(model: string): 'none' | 'minimal' | 'low' | undefined {
  if (/^gpt-5(-mini|-nano)?(-\d{4}.*)?$/.test(model)) return 'minimal';
  if (/^o\d/.test(model)) return 'low';
  if (/-pro\b|codex|chat-latest/.test(model)) return undefined;
  const version = /^gpt-(\d+)/.exec(model)?.[1];
  return version !== undefined && Number(version) >= 5 ? 'none' : undefined;
}
