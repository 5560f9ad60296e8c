import type { IncomingWordedCall } from '#contracts/incoming-call.ts';
import type { Transcript } from '#contracts/words-transport.ts';
import { PREPARED_TEXTS } from '#conversation/ending.ts';
import type { Clock } from '#lib/clock.ts';
import type { Recorder } from './recorder.ts';
import { countSpoken, tokensOf, wordsOfText } from './worded/spoken-words.ts';
import { wordsOf } from './worded/transcript.ts';

/** The apology takes some five seconds to say, in any voice. */
const LIMIT_MS = 15_000;

/**
 * Ends a call whose agent cannot be started, where the sound is somebody else's: the caller hears an
 * apology, and the record says why. Resolves when the line is closed.
 */
export async function refuseInWords(
  call: IncomingWordedCall,
  recorder: Recorder,
  clock: Clock,
  why: string,
): Promise<void> {
  const { transport } = call;
  const text = PREPARED_TEXTS.apology;
  const startedMs = clock.now();
  const closed = Promise.withResolvers<'caller' | 'broken'>();
  let shown: Transcript = [];
  let speechId = 0;
  /** Also to whoever asks again. */
  const apologise = (): void => {
    transport.drop(speechId);
    speechId += 1;
    transport.say(speechId, text, { interruptible: false });
    transport.finish(speechId, { interruptible: false, afterwards: { type: 'end' } });
  };
  transport.listen({
    said: (transcript) => void (shown = transcript),
    due: (_why, transcript) => {
      shown = transcript;
      apologise();
    },
    turn: () => undefined,
    note: () => undefined,
    closed: closed.resolve,
  });
  apologise();
  const limit = new AbortController();
  const late = clock.sleep(LIMIT_MS, limit.signal).catch(() => undefined);
  const by = await Promise.race([closed.promise, late]);
  limit.abort();
  const words = wordsOfText(text, 0);
  const count = countSpoken(words, wordsOf(shown, 'agent').flatMap(tokensOf));
  recorder.turn({
    index: call.before?.turnCount ?? 0,
    role: 'agent',
    text,
    heard: words
      .slice(0, count)
      .map((word) => word.text)
      .join(' '),
    interrupted: count < words.length,
    start_ms: 0,
    end_ms: Math.round(clock.now() - startedMs),
    waterfall_ms: {},
  });
  await recorder.end('vendor_failure', why);
  if (by !== 'caller') await call.hangUpAtCarrier();
  transport.close();
}
