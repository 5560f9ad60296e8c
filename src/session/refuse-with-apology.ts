import { bytesOf, msOf, PHONE_LINE } from '#audio/format.ts';
import type { IncomingCall } from '#contracts/incoming-call.ts';
import type { Clock } from '#lib/clock.ts';
import { preparedSpeech } from './prepared-speech.ts';
import type { Recorder } from './recorder.ts';

/** How long after the end of the apology its last mark may still come. */
const MARK_GRACE_MS = 2_000;

/**
 * Ends a call whose agent cannot be started: the caller hears an apology that needs no vendor, and
 * the record says why. Resolves when the line is closed.
 */
export async function refuseWithApology(
  call: IncomingCall,
  recorder: Recorder,
  clock: Clock,
  why: string,
): Promise<void> {
  const { transport } = call;
  const { spoken } = transport.audio ?? PHONE_LINE;
  const { audio, text } = preparedSpeech('apology', spoken);
  const pieceBytes = bytesOf(1_000, spoken);
  const done = Promise.withResolvers<'played' | 'closed'>();
  transport.listen({
    audio: () => undefined,
    key: () => undefined,
    mark: () => done.resolve('played'),
    closed: () => done.resolve('closed'),
  });
  for (let at = 0; at < audio.length; at += pieceBytes)
    transport.sendAudio(audio.subarray(at, at + pieceBytes));
  transport.sendMark('apology');
  const lengthMs = msOf(audio.length, spoken);
  const how = await Promise.race([
    done.promise,
    clock.sleep(lengthMs + MARK_GRACE_MS).then(() => 'played' as const),
  ]);
  recorder.turn({
    index: 0,
    role: 'agent',
    text,
    heard: how === 'played' ? text : '',
    interrupted: how === 'closed',
    start_ms: 0,
    end_ms: Math.round(lengthMs),
    waterfall_ms: {},
  });
  await recorder.end('vendor_failure', why);
  await call.hangUpAtCarrier();
  transport.close();
}
