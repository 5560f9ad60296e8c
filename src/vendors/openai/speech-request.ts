import type { SpeechCreateParams } from 'openai/resources/audio/speech';
import { bytesOfSamples } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import { encodeMulaw } from '#audio/g711.ts';
import { loadResampler } from '#audio/resample.ts';
import type { Resampler } from '#audio/resample.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import { httpFault, textOfBody } from '#lib/http-client.ts';
import type { HttpClient } from '#lib/http-client.ts';
import { isRecord, parseRecord } from '#lib/record.ts';
import { eventStreamParser } from '#lib/server-sent-events.ts';
import { failureOfAnswer, failureOfEvent } from './failure.ts';
import type { PieceEvent } from './utterance.ts';

/** What the endpoint streams: 16-bit, mono, without a header. */
const SERVICE_SAMPLE_RATE_HZ = 24_000;

/** The first models stream nothing but samples; the others say by events when all has come, and what went wrong. */
const streamsEvents = (model: string): boolean => !model.startsWith('tts-1');

/** One text by `POST /v1/audio/speech`. Cancelling ends the connection, so that the service stops. */
export function requestSpeech(
  parts: {
    readonly http: HttpClient;
    readonly apiKey: string;
    readonly model: string;
    readonly voice: string;
    readonly format: AudioFormat;
    readonly failures: FailureMaker;
  },
  text: string,
  on: (event: PieceEvent) => void,
): { cancel(): void } {
  const { http, model, format, failures } = parts;
  const toWire = format.encoding === 'mulaw' ? encodeMulaw : bytesOfSamples;
  const stop = new AbortController();
  let saying = true;
  let answered = false;
  let resampler: Resampler | undefined;

  const last = (event: PieceEvent): void => {
    if (!saying) return;
    saying = false;
    resampler?.close();
    if (event.type === 'failed') stop.abort();
    on(event);
  };
  const fail = (failure: VendorFailure): void => last({ type: 'failed', failure });
  const say = (pcm: Int16Array | undefined): void => {
    if (saying && pcm && pcm.length > 0) on({ type: 'audio', audio: toWire(pcm) });
  };
  const finish = (): void => {
    say(resampler?.end());
    last({ type: 'done' });
  };

  const toSamples = sampleReader();
  const onBytes = (bytes: Uint8Array): void => {
    const pcm = toSamples(bytes);
    say(resampler ? resampler.push(pcm) : pcm);
  };
  const onEvent = (data: string): void => {
    const event = parseRecord(data);
    if (!event) return fail(failures.of('garbled', 'openai sent an event that is no JSON'));
    switch (event['type']) {
      case 'speech.audio.delta': {
        const { audio } = event;
        if (typeof audio === 'string') return onBytes(Buffer.from(audio, 'base64'));
        return fail(failures.of('garbled', 'openai sent a piece of speech without audio'));
      }
      case 'speech.audio.done':
        return finish();
      case 'error':
        return fail(failureOfEvent(failures, isRecord(event['error']) ? event['error'] : event));
      default:
        return;
    }
  };

  const run = async (): Promise<void> => {
    const request: SpeechCreateParams = {
      model,
      voice: parts.voice,
      input: text,
      response_format: 'pcm',
      stream_format: streamsEvents(model) ? 'sse' : 'audio',
    };
    const [open, answer] = await Promise.all([
      loadResampler(),
      http.request({
        method: 'POST',
        path: '/audio/speech',
        headers: {
          authorization: `Bearer ${parts.apiKey}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(request),
        signal: stop.signal,
      }),
    ]);
    if (answer.status !== 200)
      return fail(failureOfAnswer(failures, answer.status, await textOfBody(answer.body)));
    if (!saying) return;
    answered = true;
    if (format.sampleRateHz !== SERVICE_SAMPLE_RATE_HZ)
      resampler = open(SERVICE_SAMPLE_RATE_HZ, format.sampleRateHz);
    const parse = eventStreamParser();
    for await (const bytes of answer.body) {
      if (streamsEvents(model)) for (const { data } of parse(bytes)) onEvent(data);
      else onBytes(bytes);
      // The end of the body is still read, so that the connection can be used again.
    }
    if (!streamsEvents(model)) return finish();
    fail(failures.of('closed', 'openai ended the speech in the middle'));
  };
  run().catch((error: unknown) => {
    if (error instanceof RangeError)
      return fail(failures.of('garbled', `openai: ${error.message}`));
    const { kind, detail } = httpFault(error);
    fail(failures.of(answered && kind === 'unreachable' ? 'closed' : kind, `openai: ${detail}`));
  });

  return {
    cancel() {
      if (!saying) return;
      saying = false;
      resampler?.close();
      stop.abort();
    },
  };
}

/** Joins bytes to little-endian samples, wherever they were cut. */
function sampleReader(): (bytes: Uint8Array) => Int16Array {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    const all = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
    const pcm = new Int16Array(all.length >> 1);
    for (let i = 0; i < pcm.length; i++) pcm[i] = all.readInt16LE(2 * i);
    rest = all.subarray(2 * pcm.length);
    return pcm;
  };
}
