/** A JSON object whose fields nobody has vouched for. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object that `text` is JSON of; undefined for anything else. Forgiving: for what other services send. */
export function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A field's text; empty for anything that is none. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** A list; empty for anything that is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
