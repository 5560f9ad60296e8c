import type { Clock } from '#lib/clock.ts';
import type { Faults } from '../../faults.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Peer } from '../peer.ts';
import { isSpeakable } from '../segments.ts';
import { invalidParameter } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import type { RealtimeSession, ResponseRequest } from './realtime-events.ts';
import { earFormat, newId } from './realtime-session.ts';
import type { Session, SessionOutput } from './realtime-session.ts';
import { findVoice } from './speech-models.ts';
import type { SpeechTiming, Speeches } from './speeches.ts';
import { respond } from './voice-response.ts';

type Output = NonNullable<NonNullable<RealtimeSession['audio']>['output']>;

export type VoiceSessionOptions = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly timing: SpeechTiming;
  readonly speeches: Speeches;
  readonly output: SessionOutput;
  readonly peer: Peer;
  readonly model: string;
  readonly expiresAtSeconds: number;
  readonly sayInstead?: ((text: string) => string) | undefined;
};

/** A session of a voice model. It plays out-of-band responses: a text in, the same text spoken. */
export function createVoiceSession(options: VoiceSessionOptions): Session {
  const { output, model } = options;
  const sessionId = newId('sess');
  let settings: Omit<RealtimeSession, 'type' | 'model' | 'audio'> = {
    output_modalities: ['audio'],
    instructions: 'Your knowledge cutoff is 2025-08. You are a helpful assistant.',
    max_output_tokens: 'inf',
    tools: [],
    tool_choice: 'auto',
    truncation: 'auto',
  };
  let input: object = {
    format: { type: 'audio/pcm', rate: 24_000 },
    transcription: null,
    noise_reduction: null,
    turn_detection: {
      type: 'server_vad',
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 200,
      idle_timeout_ms: null,
      create_response: true,
      interrupt_response: true,
    },
  };
  let audio: Output = { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'alloy', speed: 1 };
  /** The voice that has been heard: it cannot be changed any more. */
  let spokenVoice: string | undefined;
  const running = new Map<string, AbortController>();

  const describe = (): object => ({
    session: {
      type: 'realtime',
      object: 'realtime.session',
      id: sessionId,
      model,
      expires_at: options.expiresAtSeconds,
      ...settings,
      audio: { input, output: audio },
    },
  });
  const voiceRefusal = (voice: Output['voice'], param: string): OpenAIRefusal | undefined => {
    if (voice === undefined) return undefined;
    const found = findVoice(voice, param);
    if (!found.ok) return found.refusal;
    return spokenVoice === undefined || spokenVoice === voice
      ? undefined
      : invalidParameter(
          param,
          'cannot_update_voice',
          'Cannot update a conversation’s voice if assistant audio is present.',
        );
  };

  const update = (session: RealtimeSession): OpenAIRefusal | undefined => {
    const { type: _, model: asked, audio: askedAudio, ...rest } = session;
    if (asked !== undefined && asked !== model)
      return invalidParameter('session.model', 'invalid_model', 'The model cannot be changed.');
    const wrong = voiceRefusal(askedAudio?.output?.voice, 'session.audio.output.voice');
    if (wrong) return wrong;
    settings = { ...settings, ...rest };
    input = { ...input, ...askedAudio?.input };
    audio = { ...audio, ...askedAudio?.output };
    output.send('session.updated', describe());
    return undefined;
  };

  const create = (request: ResponseRequest = {}): OpenAIRefusal | undefined => {
    if (request.conversation !== 'none')
      return invalidParameter(
        'response.conversation',
        null,
        'The sandbox plays only responses outside of the conversation.',
      );
    const modality = (request.output_modalities ?? settings.output_modalities)?.[0];
    if (modality !== 'audio')
      return invalidParameter(null, null, 'The sandbox plays only audio as output.');
    const wanted = { ...audio, ...request.audio?.output };
    const format = earFormat(wanted.format);
    if (!format) return invalidParameter(null, null, 'The sandbox does not speak A-law.');
    const wrong = voiceRefusal(request.audio?.output?.voice, 'response.audio.output.voice');
    if (wrong) return wrong;
    const voice = findVoice(wanted.voice ?? 'alloy', 'response.audio.output.voice');
    if (!voice.ok) return voice.refusal;
    const asked = (request.input ?? []).flatMap((item) =>
      item.role === 'user' ? item.content : [],
    );
    const text = asked.map((part) => part.text).join(' ');
    const id = newId('resp');
    const stop = new AbortController();
    running.set(id, stop);
    if (isSpeakable(text) && typeof wanted.voice === 'string') spokenVoice = wanted.voice;
    respond({
      ...options,
      id,
      text,
      said: options.sayInstead?.(text) ?? text,
      request,
      bankVoice: voice.bankVoice,
      voice: wanted.voice,
      wireFormat: wanted.format,
      format,
      signal: stop.signal,
      fault: options.faults.take(),
    })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) output.crashed(error);
      })
      .finally(() => running.delete(id));
    return undefined;
  };

  output.send('session.created', describe());
  return {
    handle(event) {
      switch (event.type) {
        case 'session.update':
          return event.session.type === 'realtime'
            ? update(event.session)
            : invalidParameter(
                'session.type',
                'invalid_session_type',
                'Passing a transcription session update event to a realtime session is not allowed.',
              );
        case 'response.create':
          return create(event.response);
        case 'response.cancel': {
          // Without an id the one of the conversation is meant, and the sandbox plays none of those.
          const stop = running.get(event.response_id ?? '');
          if (!stop)
            return invalidParameter(
              null,
              'response_cancel_not_active',
              'Cancellation failed: no active response found',
            );
          stop.abort('cancelled');
          return undefined;
        }
        case 'input_audio_buffer.append':
        case 'input_audio_buffer.commit':
        case 'input_audio_buffer.clear':
          return invalidParameter(null, null, 'The sandbox’s voice model only speaks.');
      }
    },
    drop() {
      for (const stop of running.values()) stop.abort('gone');
    },
  };
}
