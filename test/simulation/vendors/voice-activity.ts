import { phoneMs, PHONE_FRAME_BYTES } from '#audio/g711.ts';
import type { VoiceActivity, VoiceActivityStream } from '#contracts/voice-activity.ts';
import { COUGH_BYTE } from '../world/labelled-sound.ts';

/** How long a voice, and the silence after it, must last before they are certain. */
export const ONSET_MS = 80;
export const OFFSET_MS = 240;

export type MemoryVoiceActivity = VoiceActivity & { readonly openStreams: number };

/** Tells labelled words, and coughs, from silence and noise, as late as the real one does. */
export function memoryVoiceActivity(): MemoryVoiceActivity {
  const streams = new Set<VoiceActivityStream>();
  return {
    get openStreams() {
      return streams.size;
    },
    open(on) {
      let writtenMs = 0;
      let isSpeaking = false;
      let voicedSinceMs: number | undefined;
      let voicedUntilMs = 0;
      const frame = (isVoice: boolean, lengthMs: number): void => {
        const startMs = writtenMs;
        writtenMs += lengthMs;
        if (isVoice) {
          voicedSinceMs ??= startMs;
          voicedUntilMs = writtenMs;
        } else if (!isSpeaking && writtenMs - voicedUntilMs > 60) voicedSinceMs = undefined;
        if (
          !isSpeaking &&
          voicedSinceMs !== undefined &&
          voicedUntilMs - voicedSinceMs >= ONSET_MS
        ) {
          isSpeaking = true;
          return on({ type: 'started', audioMs: voicedSinceMs });
        }
        if (!isSpeaking || writtenMs - voicedUntilMs < OFFSET_MS) return;
        isSpeaking = false;
        voicedSinceMs = undefined;
        on({ type: 'stopped', audioMs: voicedUntilMs });
      };
      const stream: VoiceActivityStream = {
        write(mulaw) {
          for (let at = 0; at < mulaw.length; at += PHONE_FRAME_BYTES) {
            if (!streams.has(stream)) return;
            const end = Math.min(at + PHONE_FRAME_BYTES, mulaw.length);
            frame(isVoiced(mulaw[(at + end) >> 1] ?? 0xff), phoneMs(end - at));
          }
        },
        close: () => void streams.delete(stream),
      };
      streams.add(stream);
      return stream;
    },
    close: () => Promise.resolve(),
  };
}

const isVoiced = (byte: number): boolean => (byte & 0x70) === 0 || byte === COUGH_BYTE;
