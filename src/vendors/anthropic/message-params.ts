import type Anthropic from '@anthropic-ai/sdk';
import type { ContextItem } from '#contracts/language-model.ts';
import { parseRecord } from '#lib/record.ts';

type ToolResult = Anthropic.ToolResultBlockParam;
type Message =
  | { readonly role: 'user'; readonly content: (Anthropic.TextBlockParam | ToolResult)[] }
  | {
      readonly role: 'assistant';
      readonly content: (Anthropic.TextBlockParam | Anthropic.ToolUseBlockParam)[];
    };

/**
 * The context as messages, in the order the service demands: turns alternate, the first and the last
 * are the user's, and the results of tool calls open the message that follows them. So a result moves
 * up to its call, a call whose result never came gets one that says so, and a stray result is left out.
 */
export function messageParams(context: readonly ContextItem[]): Anthropic.MessageParam[] {
  const results = new Map<string, string>();
  for (const item of context)
    if (item.role === 'tool-result' && !results.has(item.callId))
      results.set(item.callId, item.result);
  const ids = new Map<string, string>();
  const messages: Message[] = [];
  /** Results of the calls in the last message. */
  let due: ToolResult[] = [];

  const userContent = (): (Anthropic.TextBlockParam | ToolResult)[] => {
    const last = messages.at(-1);
    if (last?.role === 'user') return last.content;
    const content = due;
    due = [];
    messages.push({ role: 'user', content });
    return content;
  };
  const assistantContent = (): (Anthropic.TextBlockParam | Anthropic.ToolUseBlockParam)[] => {
    const last = messages.at(-1);
    if (last?.role === 'assistant') return last.content;
    if (!last) userContent().push(noteBlock('The call has just begun.'));
    const content: (Anthropic.TextBlockParam | Anthropic.ToolUseBlockParam)[] = [];
    messages.push({ role: 'assistant', content });
    return content;
  };

  for (const item of context) {
    switch (item.role) {
      case 'caller':
        if (item.text.trim() !== '') userContent().push({ type: 'text', text: item.text });
        break;
      case 'note':
        userContent().push(noteBlock(item.text));
        break;
      case 'agent':
        if (item.text.trim() === '') break;
        // What was said after a call came after its result, or the service would miss the result.
        if (due.length > 0) userContent();
        assistantContent().push({ type: 'text', text: item.text.trim() });
        break;
      case 'tool-call': {
        if (ids.has(item.callId)) break;
        const id = toolId(item.callId, ids.size);
        ids.set(item.callId, id);
        const content = results.get(item.callId) ?? NO_RESULT;
        const input = parseRecord(item.arguments) ?? {};
        assistantContent().push({ type: 'tool_use', id, name: item.name, input });
        due.push({ type: 'tool_result', tool_use_id: id, content });
        break;
      }
      case 'tool-result':
        // It stands with its call already; what follows it is a new message.
        if (due.length > 0) userContent();
        break;
    }
  }
  if (due.length > 0) userContent();
  if (messages.length === 0) userContent().push(noteBlock('The call has just begun.'));
  else if (messages.at(-1)?.role === 'assistant') userContent().push(noteBlock('Go on.'));
  return messages;
}

/** There is no role for what nobody said; the models are trained to tell text in tags from a speaker's. */
const noteBlock = (text: string): Anthropic.TextBlockParam => ({
  type: 'text',
  text: `<note>${text}</note>`,
});

/** Another vendor may have made the id, in characters that are refused here. */
const toolId = (callId: string, index: number): string =>
  /^[a-zA-Z0-9_-]{1,64}$/.test(callId) ? callId : `call_${index}`;

const NO_RESULT = '{"error":"The conversation went on before the tool answered."}';
