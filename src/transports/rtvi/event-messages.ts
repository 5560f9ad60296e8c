import type { ClientEvent } from '#contracts/client-event.ts';
import type { ServerMessage } from '#protocol/rtvi.ts';

/** How the client is spoken to. */
export type Dialect = {
  /** Before 2.0 a client knows of words that were spoken, and of no progress. */
  readonly isOld: boolean;
  /** Names the caller in transcriptions. */
  readonly userId: string;
  /** ISO 8601. */
  readonly timestamp: string;
};

/** An event of the call in the words of RTVI. */
export function messagesOf(event: ClientEvent, dialect: Dialect): readonly ServerMessage[] {
  switch (event.type) {
    case 'caller-speaking':
      return [{ type: event.speaking ? 'user-started-speaking' : 'user-stopped-speaking' }];
    case 'caller-words': {
      const { text, final } = event;
      const { userId, timestamp } = dialect;
      return [{ type: 'user-transcription', data: { text, user_id: userId, timestamp, final } }];
    }
    case 'model-asked':
      return [{ type: 'user-llm-text', data: { text: event.text } }];
    case 'thinking':
      return [{ type: event.thinking ? 'bot-llm-started' : 'bot-llm-stopped' }];
    case 'thought':
      return [{ type: 'bot-llm-text', data: { text: event.text } }];
    case 'making-speech':
      return [{ type: event.making ? 'bot-tts-started' : 'bot-tts-stopped' }];
    case 'agent-speaking':
      return [{ type: event.speaking ? 'bot-started-speaking' : 'bot-stopped-speaking' }];
    case 'segment':
      return dialect.isOld ? oldSegment(event) : segment(event);
    case 'interrupted':
      return [{ type: 'bot-interrupted' }];
    case 'tool':
      return tool(event);
    case 'latency':
      return [{ type: 'metrics', data: { ttfb: timesOf(event) } }];
    case 'failure':
      // One name is the protocol's, the other what its JavaScript client reads.
      return [{ type: 'error', data: { error: event.text, message: event.text, fatal: false } }];
  }
}

type Segment = Extract<ClientEvent, { type: 'segment' }>;

function segment(event: Segment): ServerMessage[] {
  const { segmentId, text, heard, rest, status, newlyHeard } = event;
  const output = {
    type: 'bot-output',
    data: {
      text,
      aggregated_by: 'sentence',
      segment_id: segmentId,
      will_be_spoken: true,
      spoken_status: status,
      spoken_progress: { accumulated_text: heard, remaining_text: rest },
      spoken: status === 'completed',
    },
  };
  return status === 'new'
    ? [output, { type: 'bot-transcription', data: { text } }]
    : [{ type: 'bot-tts-text', data: { text: newlyHeard } }, output];
}

function oldSegment({ text, status, newlyHeard }: Segment): ServerMessage[] {
  const output = (said: string, by: string, spoken: boolean): ServerMessage => ({
    type: 'bot-output',
    data: { text: said, aggregated_by: by, spoken },
  });
  if (status === 'new')
    return [output(text, 'sentence', false), { type: 'bot-transcription', data: { text } }];
  return newlyHeard
    .split(/\s+/)
    .flatMap((word) => [
      { type: 'bot-tts-text', data: { text: word } },
      output(word, 'word', true),
    ]);
}

/** Ids only: what the owner's tools are called, and what with, is none of the caller's business. */
function tool({ callId, state }: Extract<ClientEvent, { type: 'tool' }>): ServerMessage[] {
  const data = { tool_call_id: callId };
  if (state === 'running')
    return [
      { type: 'llm-function-call-started', data: {} },
      { type: 'llm-function-call-in-progress', data },
    ];
  return [
    { type: 'llm-function-call-stopped', data: { ...data, cancelled: state === 'cancelled' } },
  ];
}

/** Seconds, as Pipecat measures. */
const timesOf = (event: Extract<ClientEvent, { type: 'latency' }>) =>
  [
    ['speech-to-text', event.hearingMs] as const,
    ['language-model', event.firstTokenMs] as const,
    ['text-to-speech', event.firstAudioMs] as const,
    ['voice-to-voice', event.playedMs] as const,
  ].flatMap(([processor, ms]) => (ms === undefined ? [] : [{ processor, value: ms / 1_000 }]));
