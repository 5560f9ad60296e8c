import { MULAW_TO_LINEAR, phoneMs } from '#audio/g711.ts';
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
const PIECE_BYTES = 400;

export function createVoiceMeter(clock: Pick<Clock, 'now'>): VoiceMeter {
  let isOn = false;
  let readMs = 0;
  let callerEnergy = 0;
  let sent: Sent[] = [];
  let sentUntilMs = 0;

  const send = (mulaw: Uint8Array): void => {
    sentUntilMs = Math.max(sentUntilMs, clock.now());
    for (let at = 0; at < mulaw.length; at += PIECE_BYTES) {
      const piece = mulaw.subarray(at, at + PIECE_BYTES);
      sentUntilMs += phoneMs(piece.length);
      sent.push({ untilMs: sentUntilMs, energy: energyOf(piece) });
    }
  };
  const clear = (): void => {
    sent = [];
    sentUntilMs = 0;
  };

  return {
    over: (transport) => ({
      ...transport,
      listen: (listener) =>
        transport.listen({
          ...listener,
          audio(mulaw) {
            if (isOn) callerEnergy += energyOf(mulaw);
            listener.audio(mulaw);
          },
        }),
      sendAudio(mulaw) {
        if (isOn) send(mulaw);
        transport.sendAudio(mulaw);
      },
      clear() {
        if (isOn) clear();
        transport.clear();
      },
    }),
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

/** Mu-law byte → the square of its sample, of a full scale of one. */
const ENERGY: Float64Array = Float64Array.from(MULAW_TO_LINEAR, (sample) => (sample / 32_768) ** 2);

function energyOf(mulaw: Uint8Array): number {
  let energy = 0;
  for (const byte of mulaw) energy += ENERGY[byte] ?? 0;
  return energy;
}

function dbfsOf(energy: number, lastedMs: number): number {
  const samples = lastedMs / phoneMs(1);
  if (energy <= 0 || samples <= 0) return SILENCE_DBFS;
  return Math.round(Math.min(0, Math.max(SILENCE_DBFS, 10 * Math.log10(energy / samples))));
}
