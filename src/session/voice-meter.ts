import { bytesOf, bytesPerSample, msOf, PHONE_LINE, sampleAt } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { Transport } from '#contracts/transport.ts';
import type { Clock } from '#lib/clock.ts';

/** What is quieter counts as silence. */
export const SILENCE_DBFS = -60;

/** Both sides' loudness since the last reading: root mean square in dBFS, whole numbers. */
export type VoiceLevel = { readonly callerDbfs: number; readonly agentDbfs: number };

/**
 * Measures how loud a call is on its way past, while somebody reads. Until the first reading, and
 * after `stop`, it costs a comparison for each packet.
 */
export type VoiceMeter = {
  /** The same line, measured. */
  over(transport: Transport): Transport;
  read(): VoiceLevel;
  stop(): void;
};

/** Sound that will have been heard by then, a carrier's buffer being between. */
type Sent = { readonly untilMs: number; readonly energy: number };

/** Sound to be played is measured in pieces of this length, so that each is told when it is heard. */
const PIECE_MS = 50;

export function createVoiceMeter(clock: Pick<Clock, 'now'>): VoiceMeter {
  let isOn = false;
  let readMs = 0;
  let callerEnergy = 0;
  let sent: Sent[] = [];
  let sentUntilMs = 0;

  const send = (sound: Uint8Array, format: AudioFormat): void => {
    sentUntilMs = Math.max(sentUntilMs, clock.now());
    const pieceBytes = bytesOf(PIECE_MS, format);
    for (let at = 0; at < sound.length; at += pieceBytes) {
      const piece = sound.subarray(at, at + pieceBytes);
      sentUntilMs += msOf(piece.length, format);
      sent.push({ untilMs: sentUntilMs, energy: energyOf(piece, format) });
    }
  };
  const clear = (): void => {
    sent = [];
    sentUntilMs = 0;
  };

  return {
    over(transport) {
      const { heard, spoken } = transport.audio ?? PHONE_LINE;
      return {
        ...transport,
        listen: (listener) =>
          transport.listen({
            ...listener,
            audio(sound) {
              if (isOn) callerEnergy += energyOf(sound, heard);
              listener.audio(sound);
            },
          }),
        sendAudio(sound) {
          if (isOn) send(sound, spoken);
          transport.sendAudio(sound);
        },
        clear() {
          if (isOn) clear();
          transport.clear();
        },
      };
    },
    read() {
      const nowMs = clock.now();
      const heard = sent.filter(({ untilMs }) => untilMs <= nowMs);
      sent = sent.slice(heard.length);
      const agentEnergy = heard.reduce((sum, { energy }) => sum + energy, 0);
      const lastedMs = isOn ? nowMs - readMs : 0;
      const level = {
        callerDbfs: dbfsOf(callerEnergy, lastedMs),
        agentDbfs: dbfsOf(agentEnergy, lastedMs),
      };
      isOn = true;
      readMs = nowMs;
      callerEnergy = 0;
      return level;
    },
    stop() {
      isOn = false;
      callerEnergy = 0;
      clear();
    },
  };
}

/** Mean square, of a full scale of one, times milliseconds. */
function energyOf(sound: Uint8Array, format: AudioFormat): number {
  let squares = 0;
  for (let at = 0; at < sound.length; at += bytesPerSample(format))
    squares += sampleAt(sound, at, format) ** 2;
  return squares / 32_768 ** 2 / (format.sampleRateHz / 1_000);
}

function dbfsOf(energy: number, lastedMs: number): number {
  if (energy <= 0 || lastedMs <= 0) return SILENCE_DBFS;
  return Math.round(Math.min(0, Math.max(SILENCE_DBFS, 10 * Math.log10(energy / lastedMs))));
}
