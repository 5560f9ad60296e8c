import { expect, test, vi } from 'vitest';
import { bytesOf, silenceOf } from '#audio/format.ts';
import type { AudioFormat } from '#audio/format.ts';
import type { Heard, HearingStream, SpeechToText } from '#contracts/speech-to-text.ts';
import type { FailureCode, VendorFailure } from '#contracts/vendor.ts';
import type { Log } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Fault, Outage } from '#sandbox/faults.ts';
import { logLines } from '#test/support/log-lines.ts';
import { recorder } from '#test/support/recorder.ts';
import type { Recorder } from '#test/support/recorder.ts';
import { tellSubject } from './subject.ts';

/** A vendor's simulator, seen from the contract. */
export type HearingWorld = {
  /** A key the simulator takes. */
  readonly apiKey: string;
  /** What the vendor is to hear. */
  readonly audio: AudioFormat;
  open(options: {
    readonly apiKey: string;
    readonly clock: VirtualClock;
    readonly log: Log;
  }): SpeechToText;
  /** Somebody saying `text`, with 300 ms of silence before it and 2 s behind it. */
  say(text: string): Promise<Uint8Array>;
  setFault(fault: Fault | Outage | undefined): Promise<void>;
  openConnections(): number;
};

const ENGLISH = { language: 'en-US', keyterms: [] };

/** What every recogniser must do. Passing it is the definition of done. */
export function speechToTextContract(world: () => HearingWorld): void {
  tellSubject('speech-to-text', () => {
    const { apiKey, open } = world();
    return open({ apiKey, clock: virtualClock(), log: logLines().log });
  });

  test('hears words: an interim first, then the whole sentence for good', async () => {
    using call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    const words = call.vendor.can.endOfTurn
      ? await call.heard.until((heard) => heard.type === 'end')
      : await call.heard.until((heard) => heard.type === 'final');
    expect(textOf(words)).toMatch(/^i would like to book a table/i);
    const [first] = call.heard.all;
    expect(first?.type).toBe('interim');
    expect(textOf(words).toLowerCase()).toContain(textOf(first).toLowerCase().replace(/[.,]$/, ''));
  });

  test('says the second sentence without the first', async () => {
    using call = listen(world());
    const isLast = (heard: Heard): boolean =>
      (heard.type === 'end' || heard.type === 'final') && /goodbye/i.test(heard.text);
    call.write(await world().say('I would like to book a table.'));
    call.write(await world().say('Thank you, goodbye.'));
    expect(textOf(await call.heard.until(isLast))).not.toMatch(/table/i);
  });

  test('silence and noise are no words', async () => {
    using call = listen(world());
    call.write(
      Uint8Array.from({ length: bytesOf(3_000, world().audio) }, (_, i) => (i * 7_919) % 251),
    );
    call.write(await world().say('Yes.'));
    const isYes = (heard: Heard): boolean => 'text' in heard && /yes/i.test(heard.text);
    await call.heard.until(isYes);
    expect(call.heard.all.filter((heard) => 'text' in heard && !isYes(heard))).toEqual([]);
  });

  test('a recogniser that ends turns says so early, takes it back, and says it again', async () => {
    using call = listen(world());
    if (!call.vendor.can.endOfTurn) {
      call.write(await world().say('Hello.'));
      await call.heard.until((heard) => heard.type === 'final');
      expect(kinds(call.heard)).not.toContain('end');
      return;
    }
    // A pause of about 220 ms: long enough for a guess, too short for a certainty.
    const first = await world().say('Hello.');
    call.write(first.subarray(0, first.length - bytesOf(1_900, world().audio)));
    call.write(
      (await world().say('I would like to book a table.')).subarray(bytesOf(300, world().audio)),
    );
    await call.heard.until((heard) => heard.type === 'end');
    expect(kinds(call.heard)).toEqual(['eager-end', 'resumed', 'eager-end', 'end']);
    expect(textOf(call.heard.all.at(-1))).toMatch(/^hello.* i would like to book a table/i);
  });

  test('finalize brings what was heard so far, at once', async () => {
    using call = listen(world());
    if (!call.vendor.can.finalize) {
      call.stream.finalize();
      call.write(await world().say('Hello.'));
      await call.heard.until((heard) => heard.type === 'end');
      return;
    }
    const audio = await world().say('Hello.');
    // Up to 100 ms after the word: no silence yet that would end a segment by itself.
    call.write(audio.subarray(0, audio.length - bytesOf(1_900, world().audio)));
    call.stream.finalize();
    const final = await call.heard.until((heard) => heard.type === 'final');
    expect(final).toMatchObject({ type: 'final', fromFinalize: true });
    expect(textOf(final)).toMatch(/hello/i);
  });

  test('finalize is answered even if nothing was said', async () => {
    using call = listen(world());
    if (!call.vendor.can.finalize) return expect(call.vendor.can.endOfTurn).toBe(true);
    call.write(silenceOf(1_000, world().audio));
    call.stream.finalize();
    const final = await call.heard.until((heard) => heard.type === 'final');
    expect(final).toMatchObject({ type: 'final', text: '', fromFinalize: true });
  });

  test('after close nothing is said, and nothing is left open', async () => {
    const call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    await call.heard.until((heard) => heard.type === 'interim');
    const before = call.heard.all.length;
    call.stream.close();
    call.stream.write(silenceOf(20, world().audio));
    call.stream.finalize();
    call.stream.close();
    await vi.waitFor(() => expect(world().openConnections()).toBe(0));
    expect(call.heard.all.length).toBe(before);
    expect(call.clock.pending).toBe(0);
    call.vendor.close();
  });

  test('closing before the connection is open leaves nothing behind', async () => {
    const call = listen(world());
    call.stream.write(silenceOf(20, world().audio));
    call.vendor.close();
    await vi.waitFor(() => expect(world().openConnections()).toBe(0));
    expect(call.clock.pending).toBe(0);
    expect(call.heard.all).toEqual([]);
  });

  test('a wrong key is said to be refused, without being repeated', async () => {
    const apiKey = 'wrong-key-0123456789abcdef';
    using call = listen(world(), apiKey);
    const failure = await failureOf(call);
    expect(failure.code).toBe('refused');
    expect(failure.message).not.toContain(apiKey);
    expect(call.logged()).not.toContain(apiKey);
    expect(call.clock.pending).toBe(0);
  });

  test.each<[Fault | Outage, FailureCode]>([
    [{ kind: 'refuse' }, 'refused'],
    [{ kind: 'limit' }, 'limited'],
    [{ kind: 'quota' }, 'quota'],
    [{ kind: 'server-error' }, 'unreachable'],
    [{ kind: 'reset' }, 'unreachable'],
    [{ kind: 'down' }, 'unreachable'],
  ])('a vendor that answers with %o has failed as %s', async (fault, code) => {
    await world().setFault(fault);
    using call = listen(world());
    const failure = await failureOf(call);
    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain(world().apiKey);
  });

  test('a vendor that dies in the middle of a sentence is said to have closed, once', async () => {
    await world().setFault({ kind: 'die', afterMessages: 2 });
    using call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    expect((await failureOf(call)).code).toBe('closed');
    call.write(await world().say('Hello.'));
    expect(call.heard.all.filter((heard) => heard.type === 'failed')).toHaveLength(1);
    expect(call.heard.all.at(-1)?.type).toBe('failed');
    expect(call.clock.pending).toBe(0);
  });

  test('a vendor that reports a fault of its own has failed', async () => {
    await world().setFault({ kind: 'fail', afterMessages: 2 });
    using call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    expect((await failureOf(call)).message).not.toBe('');
  });

  test('a message that is cut off is garbled', async () => {
    await world().setFault({ kind: 'garble', message: 2 });
    using call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    expect((await failureOf(call)).code).toBe('garbled');
  });

  test('a connection that is open at one end only is found out', async () => {
    await world().setFault({ kind: 'half-open' });
    using call = listen(world());
    const limit = AbortSignal.timeout(20_000);
    const frame = (await world().say('I would like to book a table.')).subarray(
      bytesOf(1_000, world().audio),
      bytesOf(1_020, world().audio),
    );
    while (!call.heard.all.some((heard) => heard.type === 'failed')) {
      limit.throwIfAborted();
      call.stream.write(frame);
      await call.clock.advance(20);
    }
    expect((await failureOf(call)).code).toBe('timeout');
    // Within the time in which a caller would hang up.
    expect(call.clock.now()).toBeLessThanOrEqual(12_000);
  });

  test('a slow vendor loses no word', async () => {
    await world().setFault({ kind: 'slow', delayMs: 300 });
    using call = listen(world());
    call.write(await world().say('I would like to book a table.'));
    const words = await call.heard.until((heard) => heard.type === 'end' || heard.type === 'final');
    expect(textOf(words)).toMatch(/^i would like to book a table/i);
  });

  test('check tells a good key from a wrong one, and from a vendor that is down', async () => {
    const signal = new AbortController().signal;
    using good = listen(world());
    expect(await good.vendor.check(signal)).toEqual({ ok: true });
    using wrong = listen(world(), 'wrong-key-0123456789abcdef');
    const refused = await wrong.vendor.check(signal);
    expect(refused).toMatchObject({ ok: false, failure: { code: 'refused' } });
    expect(JSON.stringify(refused)).not.toContain('wrong-key');
    await world().setFault({ kind: 'down' });
    expect(await good.vendor.check(signal)).toMatchObject({ failure: { code: 'unreachable' } });
  });
}

type Call = Disposable & {
  readonly vendor: SpeechToText;
  readonly stream: HearingStream;
  readonly heard: Recorder<Heard>;
  readonly clock: VirtualClock;
  /** In frames of 20 ms, as fast as it goes. */
  write(audio: Uint8Array): void;
  logged(): string;
};

function listen(world: HearingWorld, apiKey = world.apiKey): Call {
  const clock = virtualClock();
  const { log, text } = logLines();
  const vendor = world.open({ apiKey, clock, log });
  const heard = recorder<Heard>();
  const stream = vendor.listen({ ...ENGLISH, audio: world.audio }, heard.on);
  const frameBytes = bytesOf(20, world.audio);
  return {
    vendor,
    stream,
    heard,
    clock,
    write(audio) {
      for (let from = 0; from < audio.length; from += frameBytes)
        stream.write(audio.subarray(from, from + frameBytes));
    },
    logged: text,
    [Symbol.dispose]: () => vendor.close(),
  };
}

const textOf = (heard: Heard | undefined): string => (heard && 'text' in heard ? heard.text : '');

const kinds = (heard: Recorder<Heard>): readonly string[] =>
  heard.all.map(({ type }) => type).filter((type) => type !== 'interim');

async function failureOf(call: Call): Promise<VendorFailure> {
  const failed = await call.heard.until((heard) => heard.type === 'failed');
  if (failed.type !== 'failed') throw new Error('no failure');
  return failed.failure;
}
