import type { Transport } from '#contracts/transport.ts';
import type { Clock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { openLine } from '#sandbox/carrier/line.ts';
import { mediaStream } from '#sandbox/carrier/media-stream.ts';
import { socketPair, STREAM_SID } from '#test/support/media-socket.ts';
import { acceptTwilioStream } from '#transports/twilio/accept.ts';

/** A caller at one end of a phone call, the product's transport at the other, a real socket between. */
export type PhoneLine = {
  readonly transport: Transport;
  /** What the carrier found wrong with what it was sent. */
  readonly warnings: readonly string[];
  /** The caller hears and speaks from now on. */
  pickUp(): void;
  close(): Promise<void>;
};

/** Connects the sandbox's half of a Twilio media stream with the product's. */
export async function openPhoneLine(clock: Clock, caller: Caller): Promise<PhoneLine> {
  const pair = await socketPair();
  const warnings: string[] = [];
  const stream = mediaStream(
    {
      accountSid: `AC${'b'.repeat(32)}`,
      callSid: `CA${'c'.repeat(32)}`,
      streamSid: STREAM_SID,
      customParameters: {},
    },
    (text) => pair.far.send(text),
    (code, message) => void warnings.push(`${code} ${message}`),
  );
  pair.far.on('message', (data, isBinary) => {
    if (Buffer.isBuffer(data)) stream.receive(data, isBinary);
  });
  const accepting = acceptTwilioStream(pair.near, { clock, log: silentLog });
  stream.start();
  const accepted = await accepting;
  if (accepted.kind === 'refused') throw new Error(`the stream was refused: ${accepted.why}`);

  let line: ReturnType<typeof openLine> | undefined;
  let over = false;
  const end = (by: 'caller' | 'other-side'): void => {
    if (over) return;
    over = true;
    line?.close();
    caller.ended(by);
  };
  pair.far.on('close', () => end('other-side'));

  return {
    transport: accepted.transport,
    warnings,
    pickUp() {
      caller.answered({
        press: (digit) => stream.press(digit),
        hangUp() {
          stream.stop();
          pair.far.close(1_000);
          end('caller');
        },
      });
      line = openLine(clock, caller, { random: () => 1 });
      line.connect(stream);
    },
    async close() {
      end('other-side');
      await pair.close();
    },
  };
}
