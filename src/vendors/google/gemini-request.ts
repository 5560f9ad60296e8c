import type { Content, Part, Tool } from '@google/genai';
import type { ContextItem, ThinkRequest } from '#contracts/language-model.ts';
import { parseRecord } from '#lib/record.ts';

/** Body of `:streamGenerateContent`; the field names are those of the wire. */
export type GeminiBody = {
  readonly contents: readonly Content[];
  readonly systemInstruction?: Content;
  readonly tools?: readonly Tool[];
  readonly generationConfig: {
    readonly maxOutputTokens: number;
    readonly thinkingConfig?: ThinkingLimit;
  };
};

/** The signature that Gemini gave a tool call of this id; it wants it back with the call. */
export type SignatureOf = (callId: string) => string | undefined;

/**
 * Documented for calls that Gemini did not make, which it refuses without a signature: those of
 * another vendor earlier in the chain, or of this one before another node took the call over.
 */
const SKIP_SIGNATURE = 'skip_thought_signature_validator';
/** Thoughts count as output; where they cannot be turned off, the answer must not go short for them. */
const THOUGHT_TOKENS = 1_024;
const NO_RESULT = 'The conversation went on before the tool answered.';

export function requestBody(
  model: string,
  request: ThinkRequest,
  signatureOf: SignatureOf,
): GeminiBody {
  const thinking = leastThinking(model);
  const thinks =
    thinking !== undefined && !('thinkingBudget' in thinking && thinking.thinkingBudget === 0);
  return {
    contents: geminiContents(request.context, {
      signatureOf,
      fallback: isSigning(model) ? SKIP_SIGNATURE : undefined,
    }),
    ...(request.systemPrompt !== '' && {
      systemInstruction: { parts: [{ text: request.systemPrompt }] },
    }),
    ...(request.tools.length > 0 && {
      tools: [
        {
          functionDeclarations: request.tools.map(({ name, description, parameters }) => ({
            name,
            description,
            parametersJsonSchema: parameters,
          })),
        },
      ],
    }),
    generationConfig: {
      maxOutputTokens: request.maxOutputTokens + (thinks ? THOUGHT_TOKENS : 0),
      ...(thinking && { thinkingConfig: thinking }),
    },
  };
}

/**
 * The context as turns of a user and a model. The service wants the first and the last turn to be the
 * user's, and every call of a tool answered in the next turn, so a call whose result never came gets
 * one that says so, and a stray result is left out. Notes are the user's, marked as what they are.
 */
export function geminiContents(
  context: readonly ContextItem[],
  signatures: { readonly signatureOf: SignatureOf; readonly fallback: string | undefined },
): Content[] {
  const results = new Map<string, string>();
  for (const item of context)
    if (item.role === 'tool-result' && !results.has(item.callId))
      results.set(item.callId, item.result);
  const contents: Content[] = [];
  const seen = new Set<string>();
  /** Results of the calls in the turn before, which nothing may part from it. */
  let answers: Part[] = [];

  const say = (role: 'user' | 'model', text: string): void => {
    settle();
    if (text === '') return;
    if (contents.length === 0 && role === 'model') say('user', note(BEGUN));
    const last = contents.at(-1);
    if (last?.role === role && last.parts?.every((part) => part.text !== undefined))
      last.parts.push({ text });
    else contents.push({ role, parts: [{ text }] });
  };
  const settle = (): void => {
    if (answers.length > 0) contents.push({ role: 'user', parts: answers });
    answers = [];
  };
  const call = (item: Extract<ContextItem, { role: 'tool-call' }>): void => {
    const { callId: id, name } = item;
    if (seen.has(id)) return;
    seen.add(id);
    if (contents.length === 0) say('user', note(BEGUN));
    const isFirst = answers.length === 0;
    const signature = signatures.signatureOf(id) ?? (isFirst ? signatures.fallback : undefined);
    const part: Part = {
      functionCall: { id, name, args: { ...parseRecord(item.arguments) } },
      ...(signature !== undefined && { thoughtSignature: signature }),
    };
    const last = contents.at(-1);
    if (last?.role === 'model') last.parts?.push(part);
    else contents.push({ role: 'model', parts: [part] });
    answers.push({
      functionResponse: { id, name, response: { output: results.get(id) ?? NO_RESULT } },
    });
  };

  for (const item of context) {
    switch (item.role) {
      case 'caller':
        say('user', item.text);
        break;
      case 'agent':
        say('model', item.text);
        break;
      case 'note':
        say('user', note(item.text));
        break;
      case 'tool-call':
        call(item);
        break;
      case 'tool-result':
        // Its text stands with its call; what follows it is a new step.
        settle();
        break;
    }
  }
  settle();
  if (contents.length === 0) say('user', note(BEGUN));
  if (contents.at(-1)?.role === 'model') say('user', note(SILENT));
  return contents;
}

const BEGUN = 'The call has just begun.';
const SILENT = 'The caller has said nothing yet.';

/** Gemini has no role for what nobody said; the mark keeps it apart from the caller's words. */
const note = (text: string): string => `<note>${text}</note>`;

/** From Gemini 3 on, calls of tools must bear a signature. */
const isSigning = (model: string): boolean =>
  model.startsWith('gemini-') && !/^gemini-[12](?:\.|-)/.test(model);

type ThinkingLimit =
  | { readonly thinkingBudget: number }
  | { readonly thinkingLevel: 'MINIMAL' | 'LOW' };

/**
 * The least thinking that a model lets itself be limited to, because the caller waits in silence for its
 * end; undefined where the parameter itself is refused.
 */
export function leastThinking(model: string): ThinkingLimit | undefined {
  if (!model.startsWith('gemini-') || /^gemini-(?:1|2\.0)/.test(model)) return undefined;
  if (model.startsWith('gemini-2.5-pro')) return { thinkingBudget: 128 };
  if (model.startsWith('gemini-2')) return { thinkingBudget: 0 };
  // From 3.7 on the bigger Flash models have no level below LOW, as the Pro ones never had.
  if (/flash-lite|^gemini-3(?:\.[0-6])?-flash/.test(model)) return { thinkingLevel: 'MINIMAL' };
  return { thinkingLevel: 'LOW' };
}
