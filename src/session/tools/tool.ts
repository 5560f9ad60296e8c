import type { ToolDefinition } from '#contracts/language-model.ts';
import type { JsonRecord } from '#lib/record.ts';

/** What came of a call of a tool: text for the model, or nobody to tell it to any more. */
export type ToolOutcome =
  | { readonly is: 'result'; readonly text: string }
  | { readonly is: 'transferred'; readonly to: string };

/** Something the agent can do besides speaking. */
export type Tool = {
  readonly definition: ToolDefinition;
  /** It goes on when the caller interrupts, and after the call's end, as long as its time lasts. */
  readonly lasting: boolean;
  readonly timeoutMs: number;
  /** What must not come back in a result, such as the token the tool is called with. */
  readonly secrets: readonly string[];
  /**
   * The arguments fit the definition's schema. Rejects with a `ToolFault` whose message the model is
   * told; any other error is ours. `signal` aborts when the time is over or nobody wants the result.
   */
  run(given: JsonRecord, signal: AbortSignal, callId: string): Promise<ToolOutcome>;
};

/** A tool did not do its work. The message is for the model and for the journal: no secret is in it. */
export class ToolFault extends Error {
  override readonly name = 'ToolFault';
}

/**
 * A schema as every model's vendor takes it: some refuse an object without properties, or the name of a
 * draft.
 */
export function parametersOf(schema: JsonRecord): JsonRecord {
  const { $schema: _draft, ...rest } = schema;
  return { ...rest, type: 'object', properties: schema['properties'] ?? {} };
}

/** More tools than this are refused by some vendors, and confuse every model. */
export const MAX_TOOLS_OF_CALL = 100;

export const result = (text: string): ToolOutcome => ({ is: 'result', text });

/** Longest result that the model is shown: it reads, and pays for, all of it in every round. */
export const MAX_RESULT_CHARS = 16_000;

/** At most so many characters, and a word that there was more. */
export const cutResult = (text: string): string =>
  text.length <= MAX_RESULT_CHARS
    ? text
    : `${text.slice(0, MAX_RESULT_CHARS).toWellFormed()}\n[cut off here: the result is longer]`;
