import type { z } from 'zod';
import { isRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import { Refusal } from './refusal.ts';
import type { Workspace } from './account.ts';

export type RestRequest = {
  readonly workspace: Workspace;
  /** Of the path's `:id`; empty where it has none. */
  readonly id: string;
  readonly query: URLSearchParams;
  /** The JSON of the body; undefined where there is none. */
  readonly body: unknown;
};

/** `body` undefined: an answer without one. */
export type RestAnswer = { readonly status: number; readonly body?: unknown };

export type Route = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** With at most one `:id`, which stands for one segment. */
  readonly path: string;
  readonly answer: (request: RestRequest) => RestAnswer | Promise<RestAnswer>;
};

/** @throws Refusal 400 with the first thing that is wrong with the body, and where */
export function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  if (!isRecord(body)) throw new Refusal(400, 'request body must be a JSON object');
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('/') ?? '';
  throw new Refusal(400, `request/body${place && `/${place}`} ${issue?.message ?? 'is not valid'}`);
}

/** @throws Refusal 400 */
export const objectOf = (body: unknown): JsonRecord => {
  if (!isRecord(body)) throw new Refusal(400, 'request body must be a JSON object');
  return body;
};

/** A page of a list by Retell's cursor: the key is the place where the next page begins. */
export function pageOf<Item>(
  items: readonly Item[],
  {
    limit,
    key,
    skip = 0,
  }: { readonly limit: number; readonly key: string | undefined; readonly skip?: number },
): {
  readonly items: readonly Item[];
  readonly has_more: boolean;
  readonly pagination_key?: string;
} {
  const start = (key === undefined ? 0 : Number(key)) + skip;
  if (!Number.isSafeInteger(start) || start < 0)
    throw new Refusal(400, 'pagination_key is not valid');
  const end = start + limit;
  const hasMore = end < items.length;
  return {
    items: items.slice(start, end),
    has_more: hasMore,
    ...(hasMore && { pagination_key: String(end) }),
  };
}

/** `limit`, `pagination_key` and `sort_order` of a list's query. @throws Refusal 400 */
export function pageQuery(query: URLSearchParams): {
  readonly limit: number;
  readonly key: string | undefined;
  readonly isAscending: boolean;
} {
  const limit = Number(query.get('limit') ?? 1_000);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw new Refusal(400, 'request/query/limit must be a whole number from 1 to 1000');
  const order = query.get('sort_order') ?? 'descending';
  if (order !== 'ascending' && order !== 'descending')
    throw new Refusal(400, 'request/query/sort_order must be ascending or descending');
  return {
    limit,
    key: query.get('pagination_key') ?? undefined,
    isAscending: order === 'ascending',
  };
}
