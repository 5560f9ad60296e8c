import { randomBytes } from 'node:crypto';
import type { Cancel, Clock } from '#lib/clock.ts';
import { phoneMs } from '#audio/g711.ts';
import type { Ear, HeardWord, OpenEar } from '../../speech/speech.ts';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import type { TranscriptionSession } from './realtime-events.ts';
import { earFormat, newId } from './realtime-session.ts';
import type { Session, SessionOutput } from './realtime-session.ts';
import { transcriptionRefusal, writesWhileListening } from './speech-models.ts';
import type { SpeechTiming } from './speeches.ts';

type Input = NonNullable<NonNullable<TranscriptionSession['audio']>['input']>;

/** What a session is before anybody changes it: it listens for turns, and transcribes nothing. */
const DEFAULT_INPUT: Input = {
  format: { type: 'audio/pcm', rate: 24_000 },
  transcription: null,
  noise_reduction: null,
  turn_detection: {
    type: 'server_vad',
    threshold: 0.5,
    prefix_padding_ms: 300,
    silence_duration_ms: 200,
  },
};
const MIN_COMMIT_MS = 100;

/** Audio that becomes one item when it is committed. Its id is known before that. */
type Item = {
  readonly id: string;
  ear: Ear | undefined;
  bytes: number;
  readonly words: HeardWord[];
};

/** A transcription session: audio is appended, words come while it is, and for good once it is committed. */
export function createTranscriptionSession(options: {
  readonly openEar: OpenEar;
  readonly clock: Clock;
  readonly timing: SpeechTiming;
  readonly output: SessionOutput;
  readonly expiresAtSeconds: number;
}): Session {
  const { clock, timing, output } = options;
  const sessionId = newId('sess');
  let input = DEFAULT_INPUT;
  let include: TranscriptionSession['include'] = null;
  let item = newItem();
  let previousItemId: string | null = null;
  let isBegun = false;
  const timers = new Set<Cancel>();

  const describe = (): object => ({
    session: {
      type: 'transcription',
      object: 'realtime.transcription_session',
      id: sessionId,
      expires_at: options.expiresAtSeconds,
      audio: { input },
      include,
    },
  });

  const update = (session: TranscriptionSession): OpenAIRefusal | undefined => {
    const next: Input = {
      ...input,
      ...session.audio?.input,
      ...(session.audio?.input?.transcription && {
        transcription: { ...input.transcription, ...session.audio.input.transcription },
      }),
    };
    const wrong = next.transcription && transcriptionRefusal(next.transcription);
    if (wrong) return wrong;
    const { model } = next.transcription ?? {};
    if (model !== undefined && writesWhileListening(model) && next.turn_detection)
      return invalidParameter(
        'session.audio.input.turn_detection',
        'invalid_value',
        `Turn detection is not supported with the '${model}' model. Set 'session.audio.input.turn_detection' to null.`,
      );
    if (isBegun && next.format?.type !== input.format?.type)
      return invalidParameter(
        'session.audio.input.format',
        'invalid_value',
        'The format cannot be changed once audio was appended.',
      );
    input = next;
    include = session.include ?? include;
    output.send('session.updated', describe());
    return undefined;
  };

  const append = (base64: string): OpenAIRefusal | undefined => {
    const audio = Buffer.from(base64, 'base64');
    if (base64 === '' || audio.toString('base64') !== base64)
      return invalidParameter(
        'audio',
        'invalid_value',
        "Invalid 'audio'. Expected base64-encoded audio bytes.",
      );
    if (input.turn_detection)
      return invalidParameter(null, null, 'The sandbox does not play turn detection.');
    const format = earFormat(input.format);
    if (!format) return invalidParameter(null, null, 'The sandbox does not hear A-law.');
    isBegun = true;
    item.ear ??= options.openEar(format);
    item.bytes += audio.length;
    note(item, item.ear.write(audio));
    return undefined;
  };

  const note = (of: Item, words: readonly HeardWord[]): void => {
    of.words.push(...words);
    if (writesWhileListening(input.transcription?.model ?? '')) sayWords(of, words);
  };
  const sayWords = (of: Item, words: readonly HeardWord[]): void => {
    for (const word of words)
      output.send('conversation.item.input_audio_transcription.delta', {
        item_id: of.id,
        content_index: 0,
        delta: ` ${word.text}`,
        obfuscation: randomBytes(6).toString('base64url'),
      });
  };

  const commit = (): OpenAIRefusal | undefined => {
    const bufferedMs = durationMs(item.bytes, input);
    if (bufferedMs < MIN_COMMIT_MS)
      return invalidParameter(
        null,
        'input_audio_buffer_commit_empty',
        `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`,
      );
    const committed = item;
    item = newItem();
    output.send('input_audio_buffer.committed', {
      previous_item_id: previousItemId,
      item_id: committed.id,
    });
    const content = [{ type: 'input_audio', transcript: null }];
    const shown = {
      id: committed.id,
      type: 'message',
      status: 'completed',
      role: 'user',
      content,
    };
    for (const type of ['conversation.item.added', 'conversation.item.done'])
      output.send(type, { previous_item_id: previousItemId, item: shown });
    previousItemId = committed.id;
    const model = input.transcription?.model;
    if (model === undefined) return undefined;
    note(committed, committed.ear?.end() ?? []);
    const cancel = clock.after(timing.transcriptMs, () => {
      timers.delete(cancel);
      if (!writesWhileListening(model)) sayWords(committed, committed.words);
      output.send('conversation.item.input_audio_transcription.completed', {
        item_id: committed.id,
        content_index: 0,
        transcript: committed.words.map(({ text }) => text).join(' '),
        usage: { type: 'duration', seconds: Math.ceil(bufferedMs / 1_000) },
      });
    });
    timers.add(cancel);
    return undefined;
  };

  output.send('session.created', describe());
  return {
    handle(event) {
      switch (event.type) {
        case 'session.update':
          return event.session.type === 'transcription'
            ? update(event.session)
            : invalidParameter(
                'session.type',
                'invalid_session_type',
                'Passing a realtime session update event to a transcription session is not allowed.',
              );
        case 'input_audio_buffer.append':
          return append(event.audio);
        case 'input_audio_buffer.commit':
          return commit();
        case 'input_audio_buffer.clear':
          item = newItem();
          output.send('input_audio_buffer.cleared', {});
          return undefined;
        case 'response.create':
        case 'response.cancel':
          return invalidParameter(
            'type',
            'invalid_event_type',
            `The event '${event.type}' is not allowed in a transcription session.`,
          );
      }
    },
    drop() {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}

const newItem = (): Item => ({ id: newId('item'), ear: undefined, bytes: 0, words: [] });

const durationMs = (bytes: number, { format }: Input): number =>
  format?.type === 'audio/pcm' ? bytes / 48 : phoneMs(bytes);
