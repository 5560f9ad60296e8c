import { expect, test } from 'vitest';
import type { StreamEvent } from '#protocol/events.ts';
import { ApiError } from './api.ts';
import type { Api } from './api.ts';
import { followEvents, readFrames } from './event-stream.ts';
import type { StreamState } from './event-stream.ts';

const frame = (callId: string): string =>
  `id: node.${callId}\nevent: resumed\ndata: {"type":"resumed","call_id":"${callId}","at_ms":0}\n\n`;

test('frames are read however the line cuts them, and comments are none', () => {
  const text = `retry: 2000\n\nid: 0\n: from now on\n\n${frame('a')}: still here\n\n${frame('b')}`;
  for (let cut = 0; cut <= text.length; cut += 1) {
    const first = readFrames(text.slice(0, cut));
    const second = readFrames(first.rest + text.slice(cut));
    const read = [...first.frames, ...second.frames];
    expect(read.flatMap(({ event }) => (event ? [callOf(event)] : []))).toEqual(['a', 'b']);
    expect(read.flatMap(({ id }) => id ?? [])).toEqual(['0', 'node.a', 'node.b']);
    expect(second.rest).toBe('');
  }
});

const callOf = (event: StreamEvent): string => ('call_id' in event ? event.call_id : '');

/** An API whose answers, one by one, are these. */
const apiOf = (answers: readonly (() => Response)[], asked: string[] = []): Api => {
  let at = 0;
  return {
    get: () => Promise.reject(new Error('not asked for')),
    send: () => Promise.reject(new Error('not asked for')),
    open: async (path) => {
      asked.push(path);
      const answer = answers[at];
      at += 1;
      if (!answer) throw new ApiError(404, 'Instance not found');
      return answer();
    },
  };
};

test('a stream that ends is opened again, until the server says that there is none', async () => {
  const states: StreamState[] = [];
  const seen: string[] = [];
  await followEvents({
    api: apiOf([
      () => new Response(frame('a')),
      () => {
        throw new ApiError(0, 'The server cannot be reached.');
      },
      () => new Response(frame('b')),
    ]),
    path: '/events',
    levels: false,
    signal: new AbortController().signal,
    sleep: async () => undefined,
    onState: (state) => states.push(state),
    onEvent: (event) => seen.push(callOf(event)),
  });
  expect(seen).toEqual(['a', 'b']);
  expect(states.join(' ')).toBe(
    'connecting open waiting connecting waiting connecting open waiting connecting refused',
  );
});

test('nothing is told any more once it was left', async () => {
  const leaving = new AbortController();
  const states: StreamState[] = [];
  await followEvents({
    api: apiOf([
      () => {
        leaving.abort();
        return new Response(frame('a'));
      },
    ]),
    path: '/events',
    levels: false,
    signal: leaving.signal,
    sleep: async () => undefined,
    onState: (state) => states.push(state),
    onEvent: () => undefined,
  });
  expect(states).not.toContain('waiting');
});

test('what is asked for first is all that is stored, and from then on what came after the last id', async () => {
  const asked: string[] = [];
  await followEvents({
    api: apiOf(
      [
        () => new Response(`id: node.1.5\n: from now on\n\n`),
        () => new Response(`${frame('7')}event: levels\ndata: {"type":"levels","calls":[]}\n\n`),
        () => new Response(`id: node.9`),
      ],
      asked,
    ),
    path: '/events',
    levels: true,
    signal: new AbortController().signal,
    sleep: async () => undefined,
    onState: () => undefined,
    onEvent: () => undefined,
  });
  const from = (id: string): string => `/events?last_event_id=${id}&levels=true`;
  expect(asked).toEqual([from('0'), from('node.1.5'), from('node.7'), from('node.7')]);
});
