import { createHash } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { tokensOf } from '../brain.ts';
import { isObject } from '../json.ts';
import type { MessagesRequest } from './request.ts';

/** How the tokens of a prompt were paid for; together they are the whole prompt. */
export type PromptUsage = {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
};

/** Remembers prompts up to their marks, for as long as the service does. */
export type PromptCache = { use(request: MessagesRequest): PromptUsage };

const LIFETIME_MS = 300_000;

export function createPromptCache(clock: Clock): PromptCache {
  const usedAtMs = new Map<string, number>();
  return {
    use({ body, model }) {
      const { system = [], messages } = body;
      const blocks: readonly unknown[] = [
        ...(body.tools ?? []),
        ...(typeof system === 'string' ? [system] : system),
        ...messages.flatMap(({ role, content }) => [
          role,
          ...(typeof content === 'string' ? [content] : content),
        ]),
      ];
      const hash = createHash('sha256').update(model.id);
      let tokens = 0;
      let readTokens = 0;
      let cachedTokens = 0;
      for (const [index, block] of blocks.entries()) {
        const { cache_control: mark, ...rest } = isObject(block) ? block : { text: block };
        const text = JSON.stringify(rest);
        hash.update(text);
        tokens += tokensOf(text).length;
        const isMarked =
          isObject(mark) || (isObject(body.cache_control) && index === blocks.length - 1);
        if (!isMarked || tokens < model.minCachedTokens) continue;
        cachedTokens = tokens;
        const key = hash.copy().digest('hex');
        if (clock.now() - (usedAtMs.get(key) ?? -Infinity) < LIFETIME_MS) readTokens = tokens;
        usedAtMs.set(key, clock.now());
      }
      return {
        input_tokens: tokens - cachedTokens,
        cache_creation_input_tokens: cachedTokens - readTokens,
        cache_read_input_tokens: readTokens,
      };
    },
  };
}
