import type { z } from 'zod';
import type { Brain, BrainItem } from '../brain.ts';
import { isObject } from '../json.ts';
import { bodySchema, samplingSchema } from './body.ts';
import type { Message, MessagesBody } from './body.ts';
import { invalidRequest, notFound } from './errors.ts';
import type { AnthropicRefusal } from './errors.ts';
import { refusalOfIssue } from './issues.ts';
import { findModel } from './models.ts';
import type { AnthropicModel } from './models.ts';

/** What `POST /v1/messages` asks for, checked. */
export type MessagesRequest = {
  readonly body: MessagesBody;
  readonly model: AnthropicModel;
  readonly stream: boolean;
  /** The reply begins with a block of thinking. */
  readonly thinks: boolean;
  readonly question: Parameters<Brain>[0];
};

export type RequestResult =
  | { readonly ok: true; readonly request: MessagesRequest }
  | { readonly ok: false; readonly refusal: AnthropicRefusal };

/** Versions of the API that the sandbox plays. */
export const anthropicVersions = ['2023-06-01', '2026-10-21'];

const oldBodySchema = bodySchema.extend(samplingSchema);

/** Checks a body as strictly as the service does, and reads what the brain needs out of it. */
export function parseMessagesRequest(json: unknown, version: string): RequestResult {
  const refused = (refusal: AnthropicRefusal): RequestResult => ({ ok: false, refusal });
  const schema: z.ZodType<MessagesBody> = version < '2026-10-21' ? oldBodySchema : bodySchema;
  const parsed = schema.safeParse(json, { reportInput: true });
  if (!parsed.success) return refused(refusalOfIssue(parsed.error.issues[0]));
  const body = parsed.data;
  const model = findModel(body.model);
  if (!model) return refused(notFound(`model: ${body.model}`));
  const wrong = featureRefusal(body, model) ?? messagesRefusal(body.messages, model);
  if (wrong) return refused(wrong);
  return {
    ok: true,
    request: {
      body,
      model,
      stream: body.stream ?? false,
      thinks: thinksFor(body.thinking?.type, model),
      question: {
        model: model.id,
        instructions: textOf(body.system ?? ''),
        items: body.messages.flatMap((message) => itemsOf(message)),
        tools: body.tool_choice?.type === 'none' ? [] : (body.tools ?? []).map(({ name }) => name),
      },
    },
  };
}

type Thinking = NonNullable<MessagesBody['thinking']>['type'];

function thinksFor(asked: Thinking | undefined, { thinks }: AnthropicModel): boolean {
  if (asked === undefined) return thinks !== 'budget';
  return asked === 'enabled' || asked === 'adaptive';
}

/** Parameters that are right by themselves and wrong together, or for this model. */
function featureRefusal(body: MessagesBody, model: AnthropicModel): AnthropicRefusal | undefined {
  const { thinking, tool_choice: choice } = body;
  if (body.max_tokens > model.maxTokens)
    return invalidRequest(
      `max_tokens: ${body.max_tokens} > ${model.maxTokens}, which is the maximum allowed number of output tokens for ${model.id}`,
    );
  if (body.max_tokens === 0 && body.stream)
    return invalidRequest('max_tokens: must be greater than 0 when stream is true');
  if (thinking?.type === 'enabled' && model.thinks !== 'budget')
    return invalidRequest(
      '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
    );
  if (thinking?.type === 'disabled' && model.thinks === 'always')
    return invalidRequest('"thinking.type.disabled" is not supported for this model.');
  if (thinking && model.thinks === 'budget' && /adaptive|between/.test(thinking.type))
    return invalidRequest(`"thinking.type.${thinking.type}" is not supported for this model.`);
  if (thinking?.type === 'enabled' && thinking.budget_tokens >= body.max_tokens)
    return invalidRequest('`max_tokens` must be greater than `thinking.budget_tokens`.');
  if (body.output_config?.effort && model.thinks === 'budget')
    return invalidRequest('This model does not support the effort parameter.');
  const names = (body.tools ?? []).map(({ name }) => name);
  if (new Set(names).size < names.length)
    return invalidRequest('tools: Tool names must be unique.');
  if (choice && names.length === 0)
    return invalidRequest('tool_choice may only be specified while providing `tools`.');
  if (choice?.type === 'tool' && !names.includes(choice.name))
    return invalidRequest(`Tool '${choice.name}' not found in provided tools`);
  return cacheRefusal(body);
}

function cacheRefusal(body: MessagesBody): AnthropicRefusal | undefined {
  const blocks: readonly unknown[] = [
    ...(body.tools ?? []),
    ...(Array.isArray(body.system) ? body.system : []),
    ...body.messages.flatMap(({ content }): readonly unknown[] =>
      typeof content === 'string' ? [] : content,
    ),
    body,
  ];
  const marks = blocks.filter((block) => isObject(block) && isObject(block['cache_control']));
  if (marks.length > 4)
    return invalidRequest(
      `A maximum of 4 blocks with cache_control may be provided. Found ${marks.length}.`,
    );
  const blank = [...(Array.isArray(body.system) ? body.system : [])].findIndex(
    ({ text }) => text === '',
  );
  return blank < 0 ? undefined : invalidRequest('system: text content blocks must be non-empty');
}

/** Texts must say something, tools must be answered at once, and the last word is the user's. */
function messagesRefusal(
  messages: readonly Message[],
  model: AnthropicModel,
): AnthropicRefusal | undefined {
  if (messages[0]?.role !== 'user')
    return invalidRequest('messages: first message must use the "user" role');
  const seen = new Set<string>();
  let open: readonly string[] = [];
  for (const [index, message] of messages.entries()) {
    const blocks = blocksOf(message);
    if (blocks.length === 0)
      return invalidRequest(`messages.${index}: all messages must have non-empty content`);
    for (const block of blocks) {
      if (block.type !== 'text') continue;
      if (block.text === '')
        return invalidRequest('messages: text content blocks must be non-empty');
      if (block.text.trim() === '')
        return invalidRequest('messages: text content blocks must contain non-whitespace text');
    }
    const firstOther = blocks.findIndex(({ type }) => type !== 'tool_result');
    const answered: string[] = [];
    for (const [place, block] of blocks.entries()) {
      if (block.type !== 'tool_result') continue;
      if (!open.includes(block.tool_use_id))
        return invalidRequest(
          `messages.${index}.content.${place}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
        );
      if (answered.includes(block.tool_use_id))
        return invalidRequest(
          `messages.${index}.content.${place}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${block.tool_use_id}`,
        );
      if (firstOther >= 0 && place > firstOther)
        return invalidRequest(
          `messages.${index}: \`tool_result\` blocks must come before all other content`,
        );
      answered.push(block.tool_use_id);
    }
    const missing = open.filter((id) => !answered.includes(id));
    if (missing.length > 0)
      return invalidRequest(
        `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      );
    open = blocks.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
    for (const id of open) {
      if (seen.has(id)) return invalidRequest('messages: `tool_use` ids must be unique');
      seen.add(id);
    }
  }
  if (open.length > 0)
    return invalidRequest(
      `messages.${messages.length - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
    );
  const last = messages.at(-1);
  if (last?.role !== 'assistant') return undefined;
  if (!model.prefill)
    return invalidRequest(
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    );
  return /\s$/.test(textOf(last.content))
    ? invalidRequest('messages: final assistant content cannot end with trailing whitespace')
    : undefined;
}

type Block = Exclude<Message['content'], string>[number];

const blocksOf = ({ content }: Message): readonly Block[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

const textOf = (content: string | readonly object[]): string =>
  typeof content === 'string'
    ? content
    : content
        .map((block) => ('text' in block && typeof block.text === 'string' ? block.text : ''))
        .join('\n');

/** A user's text that is nothing but one tagged element. */
const ASIDE = /^<([a-z_-]+)>([^<]*)<\/\1>$/;

/** What the model makes of a message. It tells an aside in tags from what the user says, as the real ones do. */
function itemsOf(message: Message): readonly BrainItem[] {
  return blocksOf(message).flatMap((block): readonly BrainItem[] => {
    switch (block.type) {
      case 'text': {
        const aside = message.role === 'user' ? ASIDE.exec(block.text.trim())?.[2] : undefined;
        return aside === undefined
          ? [{ type: 'message', role: message.role, text: block.text }]
          : [{ type: 'message', role: 'system', text: aside.trim() }];
      }
      case 'tool_use':
        return [
          {
            type: 'function_call',
            callId: block.id,
            name: block.name,
            arguments: JSON.stringify(block.input),
          },
        ];
      case 'tool_result':
        return [
          {
            type: 'function_call_output',
            callId: block.tool_use_id,
            output: textOf(block.content ?? ''),
          },
        ];
      case 'thinking':
        return [];
    }
  });
}
