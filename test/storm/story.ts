import type { EndReason, Turn } from '#protocol/calls.ts';
import type { Random } from '#sandbox/lib/random.ts';

/** A call at Retell, all that it tells of it, and what a server must make of that. */
export type Story = {
  readonly callId: string;
  /** Retell's call object once all is done. */
  readonly truth: object;
  readonly expected: {
    readonly caller_phone: string;
    readonly started_at: string;
    readonly ended_at: string;
    readonly end_reason: EndReason;
    readonly end_detail: string;
    readonly turns: readonly Omit<Turn, 'waterfall_ms'>[];
  };
  /** In the order in which it happens; every one is sent at least once. */
  readonly events: readonly StoryEvent[];
};

export type StoryEvent = {
  readonly body: object;
  /** What Retell has on record from then on; undefined: as before. */
  readonly recordFrom?: object;
};

/** Retell's words and ours, written down apart from the product's own table. */
const ENDS: readonly (readonly [string, EndReason])[] = [
  ['user_hangup', 'caller_hangup'],
  ['agent_hangup', 'agent_hangup'],
  ['call_transfer', 'transferred'],
  ['inactivity', 'silence'],
  ['max_duration_reached', 'max_duration'],
  ['manual_stopped', 'api_hangup'],
  ['error_llm_websocket_lost_connection', 'transport_lost'],
  ['error_asr', 'vendor_failure'],
];

const WORDS = 'a table for two at eight please what is your name sorry I cannot hear you'.split(
  ' ',
);

/** The `index`-th call of a storm: from call_started to call_analyzed, always the same for a seed. */
export function tellStory(random: Random, index: number, startMs: number): Story {
  const callId = `call_${String(index).padStart(6, '0')}${random.int(0, 1e9).toString(16)}`;
  const isOutbound = random.next() < 0.3;
  const caller = `+1202${String(5_000_000 + index)}`;
  const agent = '+12025550123';
  const [disconnectionReason, endReason] = pick(random, ENDS);
  const utterances = talk(random);
  const endS = Math.max(...utterances.map(({ endS }) => endS)) + 0.5;
  const durationMs = Math.round(endS * 1_000);
  const endMs = startMs + durationMs;
  const transcript = utterances.map(render);

  const identity = {
    call_type: 'phone_call',
    call_id: callId,
    agent_id: 'agent_storm',
    direction: isOutbound ? 'outbound' : 'inbound',
    from_number: isOutbound ? agent : caller,
    to_number: isOutbound ? caller : agent,
    start_timestamp: startMs,
  };
  const ended = {
    ...identity,
    call_status: 'ended',
    end_timestamp: endMs,
    duration_ms: durationMs,
    disconnection_reason: disconnectionReason,
    transcript: utterances.map(({ role, text }) => `${role}: ${text}\n`).join(''),
    transcript_object: transcript,
    recording_url: `https://recordings.example.test/${callId}.wav?signature=${random.int(0, 1e9)}`,
    latency: { e2e: { p50: random.int(500, 900), p99: random.int(1_000, 3_000), num: 7 } },
    call_cost: { combined_cost: random.int(1, 300), total_duration_seconds: Math.ceil(endS) },
  };
  const truth = {
    ...ended,
    call_analysis: { call_summary: `A call of ${utterances.length} turns.`, call_successful: true },
  };
  const update = (count: number) => ({
    event: index % 2 === 0 ? 'transcript_updated' : 'transcript_update',
    event_timestamp: startMs + Math.round((utterances[count - 1]?.endS ?? 0) * 1_000),
    call: { ...identity, call_status: 'ongoing' },
    transcript_with_tool_calls: transcript.slice(0, count),
  });
  const transfer = (name: string, atMs: number) => ({
    event: name,
    event_timestamp: atMs,
    call: { ...identity, call_status: 'ongoing' },
    transfer_destination: { number: '+12025550144' },
  });
  // Told again half a second later: the first version was not yet right.
  const hasEndedTwice = random.next() < 0.3;
  const draft = { ...ended, end_timestamp: endMs - 40, duration_ms: durationMs - 40 };
  const isTransferred = endReason === 'transferred';

  return {
    callId,
    truth,
    expected: {
      caller_phone: caller,
      started_at: new Date(startMs).toISOString(),
      ended_at: new Date(endMs).toISOString(),
      end_reason: endReason,
      end_detail: disconnectionReason,
      turns: utterances.map(({ role, text, startS, endS }, at) => ({
        index: at,
        role: role === 'agent' ? 'agent' : 'caller',
        text,
        heard: text,
        interrupted: false,
        start_ms: Math.round(startS * 1_000),
        end_ms: Math.round(endS * 1_000),
      })),
    },
    events: [
      { body: { event: 'call_started', call: { ...identity, call_status: 'ongoing' } } },
      ...utterances.map((_, at) => ({ body: update(at + 1) })),
      ...(isTransferred
        ? [
            { body: transfer('transfer_started', endMs - 900) },
            { body: transfer('transfer_bridged', endMs - 300) },
          ]
        : []),
      ...(index % 5 === 0 ? [{ body: { event: 'call_moved', call: { call_id: callId } } }] : []),
      ...(hasEndedTwice
        ? [{ body: { event: 'call_ended', event_timestamp: endMs, call: draft } }]
        : []),
      // The documents' own sample of the end has this status.
      {
        body: {
          event: 'call_ended',
          event_timestamp: endMs + 500,
          call: { ...ended, call_status: 'registered' },
        },
        recordFrom: ended,
      },
      {
        body: { event: 'call_analyzed', event_timestamp: endMs + 4_000, call: truth },
        recordFrom: truth,
      },
    ],
  };
}

type Utterance = {
  readonly role: 'agent' | 'user';
  readonly text: string;
  readonly startS: number;
  readonly endS: number;
};

function talk(random: Random): readonly Utterance[] {
  let atS = 0.5;
  return Array.from({ length: random.int(3, 7) }, (_, index): Utterance => {
    const words = Array.from({ length: random.int(2, 9) }, () => pick(random, WORDS));
    const startS = atS;
    const endS = startS + words.length * 0.3;
    atS = endS + 0.4;
    return { role: index % 2 === 0 ? 'agent' : 'user', text: words.join(' '), startS, endS };
  });
}

function render({ role, text, startS }: Utterance): object {
  const words = text.split(' ').map((word, index) => ({
    word,
    start: Number((startS + index * 0.3).toFixed(3)),
    end: Number((startS + (index + 1) * 0.3).toFixed(3)),
  }));
  return { role, content: text, words };
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random.int(0, items.length - 1)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
