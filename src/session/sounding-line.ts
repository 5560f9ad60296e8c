import { dtmf } from '#audio/dtmf.ts';
import { msOf, PHONE_LINE } from '#audio/format.ts';
import type { SpeechToText } from '#contracts/speech-to-text.ts';
import type { TextToSpeech } from '#contracts/text-to-speech.ts';
import type { Transport } from '#contracts/transport.ts';
import type { VoiceActivity } from '#contracts/voice-activity.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { journalMs } from '#replay/journal.ts';
import { createClientView } from './client-view.ts';
import type { Line, LineSurroundings } from './line.ts';
import { createMouth } from './mouth.ts';
import { createTones } from './tones.ts';

export type SoundingLineParts = {
  readonly agent: AgentConfig;
  readonly transport: Transport;
  readonly hearing: SpeechToText;
  readonly speech: TextToSpeech;
  readonly voice: string;
  readonly voiceActivity: VoiceActivity;
};

/**
 * A line whose sound is ours. It goes past the conversation, straight from the transport to the
 * recogniser and from the vendor of speech to the transport.
 */
export function soundingLine(parts: SoundingLineParts, around: LineSurroundings): Line {
  const { agent, transport } = parts;
  const { take } = around;
  const { heard: audio, spoken } = transport.audio ?? PHONE_LINE;
  let isSilenced = false;
  const mouth = createMouth({
    speech: parts.speech,
    options: { voice: parts.voice, language: agent.language },
    transport,
    on: take,
  });
  const tones = createTones(transport);
  const view = createClientView();

  let writtenMs = 0;
  /** A moment in the caller's audio, on the call's clock: what was written last has just been said. */
  const audioTime = (audioMs: number): number =>
    journalMs(around.nowMs() - Math.max(0, writtenMs - audioMs));

  const voiceActivity = parts.voiceActivity.open(
    (event) =>
      take(
        event.type === 'started'
          ? { type: 'voice-started', sinceMs: audioTime(event.audioMs) }
          : { type: 'voice-stopped', sinceMs: audioTime(event.audioMs) },
      ),
    audio,
  );
  const hearing = parts.hearing.listen(
    { language: agent.language, keyterms: agent.voice.keyterms, audio },
    (heard) => {
      if (heard.type === 'failed')
        return take({
          type: 'vendor-failed',
          role: heard.failure.role,
          vendor: heard.failure.vendor,
          message: heard.failure.message,
        });
      if (heard.type === 'switched') {
        const { failure, to, endOfTurn } = heard;
        const { role, vendor, message } = failure;
        take({ type: 'vendor-switched', role, vendor, message, to });
        return take({ type: 'hearing-changed', vendorDecides: endOfTurn });
      }
      if (heard.type === 'resumed') return take({ type: 'heard-resumed' });
      take({ type: `heard-${heard.type}`, text: heard.text });
    },
  );

  return {
    open() {
      transport.listen({
        audio(sound) {
          if (isSilenced) return;
          writtenMs += msOf(sound.length, audio);
          hearing.write(sound);
          voiceActivity.write(sound);
        },
        mark: (name) => void (tones.mark(name) || mouth.mark(name, writtenMs)),
        key: (digit) => take({ type: 'key', digit }),
        typed: (text, isAnswered) => take({ type: 'typed', text, isAnswered }),
        closed: around.closed,
      });
      take({ type: 'answered' });
    },
    carryOut(effect) {
      switch (effect.type) {
        case 'speak':
          return mouth.speak(effect.replyId, effect.text);
        case 'finish-speaking':
          return mouth.finish(effect.replyId);
        case 'speak-prepared':
          return mouth.speakPrepared(effect.replyId, effect.speech);
        case 'stop-speaking':
          return mouth.stop(effect.replyId);
        case 'hold-audio':
          return mouth.hold(effect.replyId);
        case 'release-audio':
          return mouth.release(effect.replyId, effect.fromMs);
        case 'finalize-hearing':
          return hearing.finalize();
      }
    },
    ...(transport.show && {
      settled: (step) => {
        for (const event of view.of(step)) transport.show?.(event);
      },
    }),
    play: (keys, signal) => tones.play(dtmf(keys, spoken), signal),
    silence() {
      isSilenced = true;
      mouth.close();
      hearing.close();
      voiceActivity.close();
    },
    close: () => transport.close(),
  };
}
