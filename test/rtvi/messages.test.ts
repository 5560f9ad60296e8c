import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClientEvent } from '#contracts/client-event.ts';
import { patiently } from '#test/support/poll.ts';
import { openRtviLine } from './support/rtvi-line.ts';
import type { Form, RtviLine } from './support/rtvi-line.ts';

describe.each(['binary', 'plain'] satisfies Form[])('a client of the %s form', (form) => {
  let line: RtviLine;
  beforeEach(async () => {
    line = await openRtviLine(form);
  });
  afterEach(() => line.close());

  const last = (): unknown => line.received.at(-1);
  const refused = (id: string, part: string): unknown => ({
    label: 'rtvi-ai',
    type: 'error-response',
    id,
    data: { error: expect.stringContaining(part) as unknown },
  });

  test('is told that the agent is ready, in its version', async () => {
    await line.ready('2.3.0');
    expect(line.received).toEqual([
      {
        label: 'rtvi-ai',
        type: 'bot-ready',
        id: 'ready-1',
        data: {
          version: '2.1.0',
          about: { library: 'test', library_version: '1', call_id: 'call-1' },
        },
      },
    ]);
    expect(await line.transport.ready).toBe(true);
  });

  test('of another version is told so, and may try again', async () => {
    line.say('client-ready', { version: '9.0.0' }, 'x');
    await line.settled();
    expect(last()).toEqual(refused('x', 'version'));
    await line.ready('1.0.0');
    expect(last()).toMatchObject({ type: 'bot-ready', data: { version: '1.0.0' } });
  });

  test('that does anything else first is told to say that it is ready', async () => {
    line.say('send-text', { content: 'Hi' }, 'y');
    await line.settled();
    expect(last()).toEqual(refused('y', 'client-ready first'));
  });

  test('that never says so is cut off, and leaves no timer', async () => {
    await line.clock.advance(30_001);
    expect(await line.transport.ready).toBe(false);
    await expect.poll(() => line.closedWith, patiently).toBe(1008);
    expect(line.clock.pending).toBe(0);
  });

  test('types, presses keys and asks, in the order in which it did', async () => {
    await line.ready();
    line.say('send-text', { content: 'One.' });
    line.say('dtmf', { buttons: ['4', '#'] });
    line.say('send-text', { content: 'Two.', options: { run_immediately: false } });
    line.say('append-to-context', { role: 'user', content: 'Three.' });
    line.say('append-to-context', { role: 'user', content: 'Four.', run_immediately: true });
    line.say('client-message', { t: 'call' }, 'q');
    await line.settled();
    expect(line.told).toEqual([
      { type: 'typed', text: 'One.', isAnswered: true },
      { type: 'key', digit: '4' },
      { type: 'key', digit: '#' },
      { type: 'typed', text: 'Two.', isAnswered: false },
      { type: 'typed', text: 'Three.', isAnswered: false },
      { type: 'typed', text: 'Four.', isAnswered: true },
    ]);
    expect(last()).toEqual({
      label: 'rtvi-ai',
      type: 'server-response',
      id: 'q',
      data: { t: 'call', d: { call_id: 'call-1' } },
    });
  });

  test.each([
    ['append-to-context', { role: 'assistant', content: 'I said it.' }, 'user'],
    ['append-to-context', { role: 'user', content: { a: 1 } }, 'text'],
    ['send-text', { content: 'Hi', options: { audio_response: false } }, 'audio_response'],
    ['client-message', { t: 'weather' }, 'Nothing here answers'],
    ['llm-function-call-result', { tool_call_id: 'c', result: 'paid' }, 'No function waits'],
    ['ui-event', { event: 'click' }, 'Unsupported type ui-event'],
    ['dtmf', { buttons: ['X'] }, 'dtmf'],
  ])('is answered by name where it asks for what there is not: %s', async (type, data, part) => {
    await line.ready();
    line.say(type, data, 'z');
    await line.settled();
    expect(last()).toEqual(refused('z', part));
    expect(line.told).toEqual([]);
  });

  test('runs what it is asked to, and its result counts once', async () => {
    await line.ready();
    const never = new AbortController();
    const call = { callId: 'c1', name: 'show_map', arguments: { place: 'here' } };
    const answer = line.transport.callTool?.(call, never.signal);
    await line.settled();
    expect(last()).toMatchObject({
      type: 'llm-function-call-in-progress',
      data: { tool_call_id: 'c1', function_name: 'show_map', arguments: { place: 'here' } },
    });
    line.say('llm-function-call-result', { tool_call_id: 'c1', result: { is: 'shown' } });
    expect(await answer).toBe('{"is":"shown"}');
    line.say('llm-function-call-result', { tool_call_id: 'c1', result: 'again' }, 'z');
    await line.settled();
    expect(last()).toEqual(refused('z', 'No function waits'));
  });

  test('that is too late with a result, or leaves, has not run it', async () => {
    await line.ready();
    const call = { callId: 'c1', name: 'show_map', arguments: {} };
    const late = new AbortController();
    const first = line.transport.callTool?.(call, late.signal);
    late.abort(new Error('too late'));
    await expect(first).rejects.toThrow('too late');
    line.say('llm-function-call-result', { tool_call_id: 'c1', result: 'now' }, 'z');
    await line.settled();
    expect(last()).toEqual(refused('z', 'No function waits'));
    const second = line.transport.callTool?.(call, new AbortController().signal);
    line.hangUp();
    await expect(second).rejects.toThrow('The caller has gone.');
    const third = line.transport.callTool?.(call, new AbortController().signal);
    await expect(third).rejects.toThrow('The caller has gone.');
  });

  test('may send its sound in base64', async () => {
    await line.ready();
    const sound = Buffer.alloc(1_024).toString('base64');
    line.say('raw-audio', { base64Audio: sound, sampleRate: 16_000, numChannels: 1 });
    line.say('raw-audio-batch', { base64AudioBatch: [sound, sound] });
    line.say('raw-audio', { base64Audio: 'AAAA', sampleRate: 16_000, numChannels: 7 });
    await line.settled();
    expect(line.told.every(({ type }) => type === 'audio')).toBe(true);
    expect(line.told).toHaveLength(4);
    expect(last()).toMatchObject({ type: 'error', data: { fatal: false } });
  });

  test('hangs up with disconnect-bot, with a close, or by leaving the page', async () => {
    await line.ready();
    line.say('disconnect-bot', {});
    await expect.poll(() => line.closedWith, patiently).toBe(1000);
    expect(line.told).toEqual([{ type: 'closed', reason: 'caller' }]);
    for (const [code, reason] of [
      [1000, 'caller'],
      [1001, 'caller'],
      [undefined, 'caller'],
      [4000, 'broken'],
    ] as const) {
      const other = await openRtviLine(form);
      await other.ready();
      other.hangUp(code);
      await expect.poll(() => other.told, patiently).toEqual([{ type: 'closed', reason }]);
      expect(other.clock.pending).toBe(0);
      await other.close();
    }
  });

  test('that answers no ping has died', async () => {
    await line.ready();
    await line.clock.advance(9_000);
    await line.settled();
    line.freeze();
    await line.clock.advance(11_000);
    expect(line.told.some(({ type }) => type === 'closed')).toBe(false);
    await line.clock.advance(20_000);
    await expect
      .poll(() => line.told.at(-1), patiently)
      .toEqual({
        type: 'closed',
        reason: 'broken',
      });
    expect(line.clock.pending).toBe(0);
  });

  test('that dies is told as broken', async () => {
    await line.ready();
    line.cut();
    await expect.poll(() => line.told, patiently).toEqual([{ type: 'closed', reason: 'broken' }]);
    expect(line.clock.pending).toBe(0);
  });

  test('that hung up before anybody listened is told to who listens then', async () => {
    line.say('client-ready', { version: '2.1.0' });
    await line.transport.ready;
    line.say('send-text', { content: 'Quick.' });
    await line.settled();
    line.hangUp();
    await expect.poll(() => line.closedWith, patiently).toBeDefined();
    line.listen();
    expect(line.told).toEqual([]);
    await expect.poll(() => line.told.length, patiently).toBe(2);
    expect(line.told).toEqual([
      { type: 'typed', text: 'Quick.', isAnswered: true },
      { type: 'closed', reason: 'caller' },
    ]);
  });

  test('hears the end before the socket closes, and nothing is told after it', async () => {
    await line.ready();
    line.transport.close();
    line.say('send-text', { content: 'Late.' });
    await line.settled();
    expect(line.closedWith).toBeUndefined();
    await line.clock.advance(300);
    await expect.poll(() => line.closedWith, patiently).toBe(1000);
    expect(line.told).toEqual([]);
    expect(line.clock.pending).toBe(0);
  });

  test('that floods is cut off', async () => {
    await line.ready();
    for (let count = 0; count < 250; count += 1) line.say('client-message', { t: 'call' });
    await expect.poll(() => line.closedWith, patiently).toBe(1008);
    expect(line.told).toEqual([{ type: 'closed', reason: 'broken' }]);
    expect(line.clock.pending).toBe(0);
  });

  test(`gets ${form === 'binary' ? 'its sound at 24 kHz' : 'no sound'}, and marks in time either way`, async () => {
    await line.ready();
    line.transport.sendAudio(new Uint8Array(2 * 24_000).fill(0x11));
    line.transport.sendMark('end');
    for (let ms = 0; ms < 2_000; ms += 20) {
      await line.clock.advance(20);
      if (ms === 980) expect(line.told.some(({ type }) => type === 'mark')).toBe(true);
      if (ms === 960) expect(line.told.some(({ type }) => type === 'mark')).toBe(false);
    }
    await line.settled();
    const expected = form === 'binary' ? 2 * 24_000 : 0;
    expect(line.soundBytes).toBe(expected);
  });

  const events: readonly (readonly [ClientEvent, readonly (readonly [string, unknown])[]])[] = [
    [{ type: 'caller-speaking', speaking: true }, [['user-started-speaking', undefined]]],
    [
      { type: 'caller-words', text: 'Hi', final: true },
      [
        [
          'user-transcription',
          { text: 'Hi', final: true, user_id: 'call-1', timestamp: '1970-01-01T00:16:40.000Z' },
        ],
      ],
    ],
    [{ type: 'model-asked', text: 'Hi' }, [['user-llm-text', { text: 'Hi' }]]],
    [{ type: 'thinking', thinking: false }, [['bot-llm-stopped', undefined]]],
    [{ type: 'thought', text: 'Yes ' }, [['bot-llm-text', { text: 'Yes ' }]]],
    [{ type: 'making-speech', making: true }, [['bot-tts-started', undefined]]],
    [{ type: 'agent-speaking', speaking: false }, [['bot-stopped-speaking', undefined]]],
    [{ type: 'interrupted' }, [['bot-interrupted', undefined]]],
    [
      { type: 'tool', callId: 'c', state: 'running' },
      [
        ['llm-function-call-started', {}],
        ['llm-function-call-in-progress', { tool_call_id: 'c' }],
      ],
    ],
    [
      { type: 'tool', callId: 'c', state: 'cancelled' },
      [['llm-function-call-stopped', { tool_call_id: 'c', cancelled: true }]],
    ],
    [
      { type: 'latency', hearingMs: 350, playedMs: 900 },
      [
        [
          'metrics',
          {
            ttfb: [
              { processor: 'speech-to-text', value: 0.35 },
              { processor: 'voice-to-voice', value: 0.9 },
            ],
          },
        ],
      ],
    ],
    [
      { type: 'failure', text: 'It failed.' },
      [['error', { error: 'It failed.', message: 'It failed.', fatal: false }]],
    ],
  ];
  test.each(events)('is shown %j', async (event, messages) => {
    await line.ready();
    line.transport.show?.(event);
    await line.settled();
    expect(line.received.slice(1)).toEqual(
      messages.map(([type, data]) => ({
        label: 'rtvi-ai',
        type,
        ...(data !== undefined && { data }),
      })),
    );
  });

  const half: ClientEvent = {
    type: 'segment',
    segmentId: 3,
    text: 'One two three.',
    heard: 'One two',
    rest: ' three.',
    status: 'in-progress',
    newlyHeard: 'One two',
  };
  test('is shown how far a stretch of speech was heard, as its version has it', async () => {
    await line.ready();
    line.transport.show?.(half);
    await line.settled();
    expect(line.received.slice(1)).toMatchObject([
      { type: 'bot-tts-text', data: { text: 'One two' } },
      {
        type: 'bot-output',
        data: {
          segment_id: 3,
          text: 'One two three.',
          will_be_spoken: true,
          spoken_status: 'in-progress',
          spoken_progress: { accumulated_text: 'One two', remaining_text: ' three.' },
        },
      },
    ]);
    const old = await openRtviLine(form);
    await old.ready('1.2.0');
    old.transport.show?.(half);
    await old.settled();
    expect(old.received.slice(1)).toMatchObject([
      { type: 'bot-tts-text', data: { text: 'One' } },
      { type: 'bot-output', data: { text: 'One', aggregated_by: 'word', spoken: true } },
      { type: 'bot-tts-text', data: { text: 'two' } },
      { type: 'bot-output', data: { text: 'two', aggregated_by: 'word', spoken: true } },
    ]);
    await old.close();
  });
});
