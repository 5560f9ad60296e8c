import type { Clock } from '#lib/clock.ts';
import { faultySender } from '../../faults.ts';
import type { Fault } from '../../faults.ts';
import { bytesOf, clipAudio } from '../../speech/clip-audio.ts';
import type { EarFormat, SpeechClip, VoiceBank } from '../../speech/speech.ts';
import { tokensOf } from '../brain.ts';
import type { Peer } from '../peer.ts';
import { isSpeakable } from '../segments.ts';
import { refusalOf } from './errors.ts';
import type { ResponseRequest } from './realtime-events.ts';
import { SERVER_FAULT, newId, serverEvent } from './realtime-session.ts';
import type { SpeechTiming, Speeches } from './speeches.ts';

export type VoiceResponse = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly timing: SpeechTiming;
  readonly speeches: Speeches;
  readonly peer: Peer;
  readonly model: string;
  readonly id: string;
  readonly text: string;
  readonly said: string;
  readonly request: ResponseRequest;
  readonly bankVoice: string;
  /** As the client named them. */
  readonly voice: unknown;
  readonly wireFormat: unknown;
  readonly format: EarFormat;
  /** Its reason is `cancelled` by the client, or `gone` with the connection. */
  readonly signal: AbortSignal;
  readonly fault: Fault | undefined;
};

type Ending = {
  readonly status: 'completed' | 'cancelled' | 'failed' | 'incomplete';
  readonly details: object | null;
};

/** One response: `text` is asked for, `said` is spoken, with its transcript. */
export async function respond(of: VoiceResponse): Promise<void> {
  const { clock, timing, signal, peer, fault, id } = of;
  const record = of.speeches.begin({ id, model: of.model, text: of.text });
  const itemId = newId('item');
  const at = { response_id: id, item_id: itemId, output_index: 0, content_index: 0 };
  let said = '';
  let isOver = false;

  const snapshot = (ending: Ending | undefined): object => ({
    object: 'realtime.response',
    id,
    status: ending?.status ?? 'in_progress',
    status_details: ending?.details ?? null,
    output: ending ? [item(ending.status === 'completed' ? 'completed' : 'incomplete')] : [],
    conversation_id: null,
    output_modalities: ['audio'],
    max_output_tokens: of.request.max_output_tokens ?? 'inf',
    audio: { output: { format: of.wireFormat, voice: of.voice } },
    usage: ending ? usageOf(of.text, said) : null,
    metadata: of.request.metadata ?? null,
  });
  const item = (status: string): object => ({
    id: itemId,
    object: 'realtime.item',
    type: 'message',
    status,
    role: 'assistant',
    content: said === '' ? [] : [{ type: 'output_audio', transcript: said }],
  });
  const end = (ending: Ending, send: (type: string, fields: object) => void): void => {
    if (isOver) return;
    isOver = true;
    record.end(ending.status === 'incomplete' ? 'completed' : ending.status);
    send('response.done', { response: snapshot(ending) });
    send('rate_limits.updated', { rate_limits: RATE_LIMITS });
  };
  const direct = (type: string, fields: object): void => peer.send(serverEvent(type, fields));
  const failure = refusalOf(fault, '');
  const fail = (error: object): void =>
    end({ status: 'failed', details: { type: 'failed', error } }, direct);
  const line = faultySender(
    fault,
    {
      deliver: (frame) => peer.send(frame),
      kill: () => peer.kill(),
      silence: () => peer.silence(),
      fail: () => fail({ type: 'server_error', code: 'server_error', message: SERVER_FAULT }),
    },
    clock,
  );
  const send = (type: string, fields: object): void => {
    if (!isOver || type === 'response.done' || type === 'rate_limits.updated')
      line(serverEvent(type, fields));
  };
  const cancelled = (): void => {
    if (signal.reason === 'gone') return record.end('aborted');
    end({ status: 'cancelled', details: { type: 'cancelled', reason: 'client_cancelled' } }, send);
  };

  if (fault?.kind === 'reset') return peer.kill();
  if (fault?.kind === 'half-open') return peer.silence();
  send('response.created', { response: snapshot(undefined) });
  if (failure) return fail({ type: failure.type, code: failure.code, message: failure.message });
  const clip = isSpeakable(of.said) ? await of.bank.speak(of.said.trim(), of.bankVoice) : undefined;
  await pause(clock, timing.firstSpeechMs, signal);
  if (signal.aborted) return cancelled();
  if (clip) {
    send('response.output_item.added', {
      response_id: id,
      output_index: 0,
      item: item('in_progress'),
    });
    send('response.content_part.added', { ...at, part: { type: 'audio', transcript: '' } });
    for await (const { audio, words } of paced(clip, of)) {
      // The text is generated before its sound.
      for (const word of words) {
        const delta = said === '' ? word : ` ${word}`;
        said += delta;
        send('response.output_audio_transcript.delta', { ...at, delta });
      }
      send('response.output_audio.delta', { ...at, delta: audio.toString('base64') });
      if (isOver) return;
    }
    if (signal.aborted) return cancelled();
    send('response.output_audio.done', at);
    send('response.output_audio_transcript.done', { ...at, transcript: said });
    send('response.content_part.done', { ...at, part: { type: 'audio', transcript: said } });
    send('response.output_item.done', {
      response_id: id,
      output_index: 0,
      item: item('completed'),
    });
  }
  end({ status: 'completed', details: null }, send);
}

/** A clip in chunks, each with the words that begin in it or in the next, when they are due; ends early when aborted. */
async function* paced(
  clip: SpeechClip,
  { clock, timing, format, signal }: VoiceResponse,
): AsyncGenerator<{ readonly audio: Buffer; readonly words: readonly string[] }> {
  const audio = clipAudio(clip, format);
  const chunkBytes = bytesOf(timing.chunkMs, format);
  const startedAtMs = clock.now();
  let wordsUntilMs = -Infinity;
  for (let from = 0; from < audio.length; from += chunkBytes) {
    const fromMs = from / bytesOf(1, format);
    await pause(clock, startedAtMs + fromMs / timing.realTimeFactor - clock.now(), signal);
    if (signal.aborted) return;
    const untilMs = fromMs + 2 * timing.chunkMs;
    const words = clip.words.filter(({ startMs }) => startMs >= wordsUntilMs && startMs < untilMs);
    wordsUntilMs = untilMs;
    yield { audio: audio.subarray(from, from + chunkBytes), words: words.map(({ text }) => text) };
  }
}

const pause = async (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> => {
  if (delayMs > 0) await clock.sleep(delayMs, signal).catch(() => undefined);
};

const RATE_LIMITS = [
  { name: 'requests', limit: 5_000, remaining: 4_999, reset_seconds: 0.012 },
  { name: 'tokens', limit: 400_000, remaining: 399_000, reset_seconds: 0.15 },
];

function usageOf(text: string, said: string): object {
  const input = tokensOf(text).length;
  const output = tokensOf(said).length;
  return {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: { text_tokens: input, audio_tokens: 0, cached_tokens: 0 },
    output_token_details: { text_tokens: output, audio_tokens: 0 },
  };
}
