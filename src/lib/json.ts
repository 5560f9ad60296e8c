/** Where in a JSON text something is: keys and indexes from the root. */
export type JsonPath = readonly (string | number)[];

export type JsonFault =
  /** Not JSON. `position` counts UTF-16 code units from 0. */
  | { readonly kind: 'syntax'; readonly position: number }
  | { readonly kind: 'too-deep'; readonly position: number; readonly maxDepth: number }
  | { readonly kind: 'duplicate-key'; readonly path: JsonPath }
  /** `__proto__`, which would be an ordinary key here and a trap further on. */
  | { readonly kind: 'forbidden-key'; readonly path: JsonPath }
  /** A string, or a key, holds U+0000, which a Postgres text cannot. */
  | { readonly kind: 'nul-character'; readonly path: JsonPath }
  /** A string, or a key, holds half of a surrogate pair, so it is not Unicode text. */
  | { readonly kind: 'lone-surrogate'; readonly path: JsonPath };

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: JsonFault };

/**
 * Parses JSON as RFC 8259 has it, and refuses what `JSON.parse` lets pass although no honest client
 * means it: a key given twice, nesting without end, text that cannot be stored. Linear in the length
 * of the text, without recursion. The first fault is reported.
 */
export function parseStrictJson(text: string, { maxDepth = 32 } = {}): JsonResult {
  const fault = scan(text, maxDepth);
  return fault ? { ok: false, fault } : { ok: true, value: JSON.parse(text) };
}

type Frame =
  | { readonly kind: 'object'; readonly keys: Set<string>; key: string }
  | { readonly kind: 'array'; index: number };

const WHITESPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const LITERAL = /true|false|null/y;

function scan(text: string, maxDepth: number): JsonFault | undefined {
  const frames: Frame[] = [];
  const path = (): JsonPath =>
    frames.map((frame) => (frame.kind === 'object' ? frame.key : frame.index));
  const syntax = (position: number): JsonFault => ({ kind: 'syntax', position });

  /** Scans a key and its colon; answers where the value begins. */
  const scanKey = (frame: Frame & { kind: 'object' }, from: number): number | JsonFault => {
    const string = scanString(text, from);
    if (typeof string === 'number') return syntax(string);
    frame.key = string.escaped
      ? decode(text.slice(from, string.end))
      : text.slice(from + 1, string.end - 1);
    if (frame.keys.has(frame.key)) return { kind: 'duplicate-key', path: path() };
    if (frame.key === '__proto__') return { kind: 'forbidden-key', path: path() };
    frame.keys.add(frame.key);
    const fault = textFault(frame.key, path);
    if (fault) return fault;
    const colon = skip(WHITESPACE, text, string.end);
    return text[colon] === ':' ? skip(WHITESPACE, text, colon + 1) : syntax(colon);
  };

  let at = skip(WHITESPACE, text, 0);
  for (;;) {
    // A value begins at `at`.
    const first = text[at];
    if (first === '{' || first === '[') {
      if (frames.length >= maxDepth) return { kind: 'too-deep', position: at, maxDepth };
      const inside = skip(WHITESPACE, text, at + 1);
      if (text[inside] === (first === '{' ? '}' : ']')) {
        at = inside + 1;
      } else if (first === '[') {
        frames.push({ kind: 'array', index: 0 });
        at = inside;
        continue;
      } else {
        const frame: Frame = { kind: 'object', keys: new Set<string>(), key: '' };
        frames.push(frame);
        const value = scanKey(frame, inside);
        if (typeof value !== 'number') return value;
        at = value;
        continue;
      }
    } else if (first === '"') {
      const string = scanString(text, at);
      if (typeof string === 'number') return syntax(string);
      if (string.escaped) {
        const fault = textFault(decode(text.slice(at, string.end)), path);
        if (fault) return fault;
      }
      at = string.end;
    } else {
      const end = skip(first === '-' || isDigit(first) ? NUMBER : LITERAL, text, at);
      if (end === at) return syntax(at);
      at = end;
    }

    // A value has ended: on to the next one, closing what ends here.
    for (;;) {
      at = skip(WHITESPACE, text, at);
      const frame = frames.at(-1);
      if (!frame) return at === text.length ? undefined : syntax(at);
      if (text[at] === ',') {
        at = skip(WHITESPACE, text, at + 1);
        if (frame.kind === 'array') {
          frame.index += 1;
        } else {
          const value = scanKey(frame, at);
          if (typeof value !== 'number') return value;
          at = value;
        }
        break;
      }
      if (text[at] !== (frame.kind === 'array' ? ']' : '}')) return syntax(at);
      frames.pop();
      at += 1;
    }
  }
}

/** The end of a string that begins at `from`, or the position of its fault. */
function scanString(
  text: string,
  from: number,
): { readonly end: number; readonly escaped: boolean } | number {
  if (text[from] !== '"') return from;
  let escaped = false;
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return { end: at + 1, escaped };
    if (code < 0x20) return at;
    if (code !== 0x5c) continue;
    escaped = true;
    at += 1;
    const kind = text[at];
    if (kind === 'u') {
      if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) return at - 1;
      at += 4;
    } else if (kind === undefined || !'"\\/bfnrt'.includes(kind)) {
      return at - 1;
    }
  }
  return from;
}

/** What a string literal stands for. */
const decode = (literal: string): string => String(JSON.parse(literal));

function textFault(text: string, path: () => JsonPath): JsonFault | undefined {
  if (text.includes('\0')) return { kind: 'nul-character', path: path() };
  if (!text.isWellFormed()) return { kind: 'lone-surrogate', path: path() };
  return undefined;
}

/** Where the match of a sticky pattern at `from` ends; `from` if there is none. */
function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}

const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= '0' && character <= '9';
