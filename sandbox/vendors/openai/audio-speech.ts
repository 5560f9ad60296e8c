import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { faultySender } from '../../faults.ts';
import type { Fault } from '../../faults.ts';
import { clipPcm } from '../../speech/clip-audio.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import { tokensOf } from '../brain.ts';
import type { Exchange } from '../exchange.ts';
import { isSpeakable } from '../segments.ts';
import { invalidParameter, unknownModel } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { refusalOfIssue } from './issues.ts';
import { newId } from './realtime-session.ts';
import { findVoice, isFirstGeneration, speechModels } from './speech-models.ts';
import type { SpeechTiming, Speeches } from './speeches.ts';

const bodySchema = z.strictObject({
  model: z.string(),
  input: z.string().min(1).max(4_096),
  voice: z.union([z.string(), z.strictObject({ id: z.string() })]),
  instructions: z.string().max(4_096).optional(),
  response_format: z.enum(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']).optional(),
  speed: z.number().min(0.25).max(4).optional(),
  stream_format: z.enum(['sse', 'audio']).optional(),
});

export type SpeechRequest = {
  readonly model: string;
  readonly text: string;
  readonly bankVoice: string;
  readonly isEventStream: boolean;
};

export type SpeechRequestResult =
  | { readonly ok: true; readonly request: SpeechRequest }
  | { readonly ok: false; readonly refusal: OpenAIRefusal };

/** Checks a body of `POST /v1/audio/speech` as strictly as the service does. */
export function parseSpeechRequest(json: unknown): SpeechRequestResult {
  const refused = (refusal: OpenAIRefusal): SpeechRequestResult => ({ ok: false, refusal });
  const parsed = bodySchema.safeParse(json, { reportInput: true });
  if (!parsed.success) return refused(refusalOfIssue(parsed.error.issues[0], []));
  const body = parsed.data;
  const { model } = body;
  if (!speechModels.includes(model)) return refused(unknownModel(model));
  const unsupported = (name: string): SpeechRequestResult =>
    refused(
      invalidParameter(
        name,
        'unsupported_parameter',
        `Unsupported parameter: '${name}' is not supported with this model.`,
      ),
    );
  if (isFirstGeneration(model) && body.instructions) return unsupported('instructions');
  if (isFirstGeneration(model) && body.stream_format === 'sse') return unsupported('stream_format');
  if (body.response_format !== 'pcm')
    return refused(invalidParameter('response_format', null, "The sandbox plays only 'pcm'."));
  if (body.speed !== undefined && body.speed !== 1)
    return refused(invalidParameter('speed', null, 'The sandbox speaks at its own speed.'));
  const voice = findVoice(body.voice, 'voice', model);
  if (!voice.ok) return refused(voice.refusal);
  return {
    ok: true,
    request: {
      model,
      text: body.input,
      bankVoice: voice.bankVoice,
      isEventStream: body.stream_format === 'sse',
    },
  };
}

/** Answers with 24 kHz, 16-bit, mono samples: as they are, or as server-sent events. */
export async function streamSpeech(
  exchange: Exchange,
  request: SpeechRequest,
  options: {
    readonly bank: VoiceBank;
    readonly clock: Clock;
    readonly timing: SpeechTiming;
    readonly speeches: Speeches;
    readonly headers: Readonly<Record<string, string>>;
    readonly fault: Fault | undefined;
  },
): Promise<void> {
  const { clock, timing } = options;
  const { text, isEventStream } = request;
  const record = options.speeches.begin({ id: newId('speech'), model: request.model, text });
  const abort = new AbortController();
  exchange.onAbort(() => {
    record.end('aborted');
    abort.abort();
  });
  const clip = isSpeakable(text)
    ? await options.bank.speak(text.trim(), request.bankVoice)
    : undefined;
  const audio = clip ? clipPcm(clip, 24_000) : Buffer.alloc(0);
  const wait = async (delayMs: number): Promise<void> => {
    if (delayMs > 0) await clock.sleep(delayMs, abort.signal).catch(() => undefined);
  };
  await wait(timing.firstSpeechMs);
  if (abort.signal.aborted) return;
  const type = isEventStream ? 'text/event-stream; charset=utf-8' : 'audio/pcm';
  exchange.start(200, { ...options.headers, 'content-type': type });

  const event = (fields: object): string => `data: ${JSON.stringify(fields)}\n\n`;
  const fields = (chunk: Buffer): string =>
    event({ type: 'speech.audio.delta', audio: chunk.toString('base64') });
  let isOver = false;
  const send = faultySender(
    // A slow answer has been waited for: it delays the head, too.
    options.fault?.kind === 'slow' ? undefined : options.fault,
    {
      // Samples travel through the line as latin-1 text, a byte for a character.
      deliver: (frame) => exchange.write(isEventStream ? frame : Buffer.from(frame, 'latin1')),
      kill() {
        record.end('failed');
        exchange.reset();
      },
      silence: () => exchange.silence(),
      fail() {
        isOver = true;
        record.end('failed');
        // Without events there is no way to say why.
        if (!isEventStream) return exchange.reset();
        const message = 'The server had an error processing your request. Sorry about that!';
        exchange.write(
          event({ type: 'error', error: { type: 'server_error', code: null, message } }),
        );
        exchange.end();
      },
    },
    clock,
  );
  const chunkBytes = timing.chunkMs * 48;
  const startedAtMs = clock.now();
  for (let from = 0; from < audio.length; from += chunkBytes) {
    await wait(startedAtMs + from / 48 / timing.realTimeFactor - clock.now());
    if (abort.signal.aborted || isOver) return;
    const chunk = audio.subarray(from, from + chunkBytes);
    send(isEventStream ? fields(chunk) : chunk.toString('latin1'));
  }
  if (abort.signal.aborted || isOver) return;
  const count = tokensOf(text).length;
  const usage = { input_tokens: count, output_tokens: count * 4, total_tokens: count * 5 };
  if (isEventStream) send(event({ type: 'speech.audio.done', usage }));
  record.end('completed');
  exchange.end();
}
