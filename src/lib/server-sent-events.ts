/** One event of a `text/event-stream`. */
export type ServerSentEvent = { readonly event: string; readonly data: string };

/** A line longer than this is no event stream; without a limit it would fill the memory. */
const MAX_BUFFER_CHARS = 4_000_000;

/**
 * Splits a `text/event-stream` (WHATWG HTML, 9.2) into events as its bytes arrive, wherever they are
 * cut. Comments, `id` and `retry` are left out; an event without data is none.
 * The returned function throws a RangeError if no line ever ends.
 */
export function eventStreamParser(): (bytes: Uint8Array) => readonly ServerSentEvent[] {
  const decoder = new TextDecoder('utf-8');
  let buffer = '';
  let event = '';
  let data: string[] = [];

  const line = (text: string, events: ServerSentEvent[]): void => {
    if (text === '') {
      if (data.length > 0) events.push({ event: event || 'message', data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const start = text[colon + 1] === ' ' ? colon + 2 : colon + 1;
    const value = colon < 0 ? '' : text.slice(start);
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  };

  return (bytes) => {
    const events: ServerSentEvent[] = [];
    buffer += decoder.decode(bytes, { stream: true });
    let from = 0;
    for (;;) {
      const end = lineEnd(buffer, from);
      if (!end) break;
      line(buffer.slice(from, end.at), events);
      from = end.next;
    }
    buffer = buffer.slice(from);
    if (buffer.length > MAX_BUFFER_CHARS) throw new RangeError('an event stream without line ends');
    return events;
  };
}

/** Lines end in LF, CRLF or CR; a CR at the very end may still become a CRLF, so it waits. */
function lineEnd(text: string, from: number): { at: number; next: number } | undefined {
  const lf = text.indexOf('\n', from);
  const cr = text.indexOf('\r', from);
  if (cr >= 0 && (lf < 0 || cr < lf)) {
    if (cr + 1 === text.length) return undefined;
    return { at: cr, next: text[cr + 1] === '\n' ? cr + 2 : cr + 1 };
  }
  return lf < 0 ? undefined : { at: lf, next: lf + 1 };
}
