import { expect, test, vi } from 'vitest';
import { msOf } from '#audio/format.ts';
import type { FailureCode } from '#contracts/vendor.ts';
import type { Fault, Outage } from '#sandbox/faults.ts';
import { audioOf, failureOf, isEnd, openLine, wordsHeard } from '#test/support/speaking.ts';
import type { SpeakingWorld } from '#test/support/speaking.ts';
import { tellSubject } from './subject.ts';

/** What every speech vendor must do. Passing it is the definition of done. */
export function textToSpeechContract(world: () => SpeakingWorld): void {
  tellSubject('text-to-speech', () => openLine(world()).vendor);

  test('speaks what it is given, piece by piece, and says when all is spoken', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table. ');
    utterance.push('Thank you, goodbye.');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), spoken)).toBe('i would like to book a table thank you goodbye');
    expect(spoken.all.filter(isEnd)).toHaveLength(1);
    expect(isEnd(spoken.all.at(-1))).toBe(true);
  });

  test('word times are those of the audio, each word once and in order', async () => {
    using line = openLine(world());
    if (!line.vendor.can.wordTimes) return expect(line.vendor.can.wordTimes).toBe(false);
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table. ');
    utterance.push('Thank you, goodbye.');
    utterance.finish();
    await spoken.until(isEnd);
    const times = spoken.all.flatMap((said) => (said.type === 'words' ? said.words : []));
    const heard = world().hear(audioOf(spoken));
    expect(times.map(({ text }) => text)).toEqual(heard.map(({ text }) => text));
    for (const [index, time] of times.entries()) {
      expect(Math.abs(time.startMs - (heard[index]?.startMs ?? NaN))).toBeLessThanOrEqual(2);
      expect(Math.abs(time.endMs - (heard[index]?.endMs ?? NaN))).toBeLessThanOrEqual(2);
    }
    expect(times.at(-1)?.endMs).toBeLessThanOrEqual(msOf(audioOf(spoken).length, world().audio));
  });

  test('speaking starts before the text is finished', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('Hello there.');
    await spoken.until(({ type }) => type === 'audio');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
  });

  test('a long pause in the text loses no word and moves no word time', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table. ');
    await spoken.until((said) =>
      line.vendor.can.wordTimes
        ? said.type === 'words' && said.words.at(-1)?.text === 'table.'
        : said.type === 'audio' && wordsHeard(world(), spoken).endsWith('table'),
    );
    await line.clock.advance(2_000);
    utterance.push('Thank you, goodbye.');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), spoken)).toBe('i would like to book a table thank you goodbye');
    if (!line.vendor.can.wordTimes) return;
    const last = spoken.all.flatMap((said) => (said.type === 'words' ? said.words : [])).at(-1);
    const heard = world().hear(audioOf(spoken)).at(-1);
    expect(Math.abs((last?.endMs ?? NaN) - (heard?.endMs ?? NaN))).toBeLessThanOrEqual(2);
  });

  test('text without a sound in it is done at once', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('  ');
    utterance.push('…\n');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(audioOf(spoken)).toHaveLength(0);
  });

  test('two utterances at once keep apart', async () => {
    using line = openLine(world());
    const one = line.speak();
    const two = line.speak();
    one.utterance.push('I would like to book a table.');
    two.utterance.push('Thank you, goodbye.');
    one.utterance.finish();
    two.utterance.finish();
    await Promise.all([one.spoken.until(isEnd), two.spoken.until(isEnd)]);
    expect(wordsHeard(world(), one.spoken)).toBe('i would like to book a table');
    expect(wordsHeard(world(), two.spoken)).toBe('thank you goodbye');
  });

  test('cancel stops the vendor too, and nothing is said after it', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table. '.repeat(20));
    await spoken.until(({ type }) => type === 'audio');
    utterance.cancel();
    const said = spoken.all.length;
    await vi.waitFor(() => expect(world().activeUtterances()).toBe(0));
    utterance.push('More.');
    utterance.finish();
    utterance.cancel();
    const next = line.speak();
    next.utterance.push('Thank you, goodbye.');
    next.utterance.finish();
    expect((await next.spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), next.spoken)).toBe('thank you goodbye');
    expect(spoken.all.length).toBe(said);
  });

  test('cancel before the connection is open asks the vendor for nothing', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table.');
    utterance.cancel();
    const next = line.speak();
    next.utterance.push('Thank you, goodbye.');
    next.utterance.finish();
    await next.spoken.until(isEnd);
    expect(spoken.all).toEqual([]);
    expect(world().activeUtterances()).toBe(0);
  });

  test('after close nothing is said, and nothing is left open', async () => {
    const line = openLine(world());
    line.vendor.warm();
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table. '.repeat(20));
    await spoken.until(({ type }) => type === 'audio');
    line.vendor.close();
    const said = spoken.all.length;
    await vi.waitFor(() => expect(world().openConnections()).toBe(0));
    expect(spoken.all.length).toBe(said);
    expect(line.clock.pending).toBe(0);
  });

  test('a connection lost between two utterances is not noticed by the caller', async () => {
    using line = openLine(world());
    line.vendor.warm();
    const first = line.speak();
    first.utterance.push('Hello there.');
    first.utterance.finish();
    await first.spoken.until(isEnd);
    world().planFault(1, { kind: 'reset' });
    const second = line.speak();
    second.utterance.push('Thank you, goodbye.');
    second.utterance.finish();
    expect((await second.spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), second.spoken)).toBe('thank you goodbye');
  });

  test('a kept connection that is open at one end only is found out and replaced', async () => {
    using line = openLine(world());
    const first = line.speak();
    first.utterance.push('Hello there.');
    first.utterance.finish();
    await first.spoken.until(isEnd);
    await line.clock.advance(60_000);
    await world().setFault({ kind: 'half-open' });
    await world().setFault(undefined);
    const second = line.speak();
    second.utterance.push('Thank you, goodbye.');
    second.utterance.finish();
    await line.clock.advance(2_000);
    expect((await second.spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), second.spoken)).toBe('thank you goodbye');
  });

  test('a wrong key is said to be refused, without being repeated', async () => {
    const apiKey = 'wrong-key-0123456789abcdef';
    using line = openLine(world(), apiKey);
    const { spoken, utterance } = line.speak();
    utterance.push('Hello there.');
    const failure = await failureOf(spoken);
    expect(failure.code).toBe('refused');
    expect(failure.message).not.toContain(apiKey);
    expect(line.logged()).not.toContain(apiKey);
    expect(line.clock.pending).toBe(0);
  });

  test('an unknown voice is invalid', async () => {
    using line = openLine(world());
    const { spoken, utterance } = line.speak('00000000-0000-4000-8000-000000000000');
    utterance.push('Hello there.');
    expect((await failureOf(spoken)).code).toBe('invalid');
  });

  test.each<[Fault | Outage, FailureCode]>([
    [{ kind: 'refuse' }, 'refused'],
    [{ kind: 'limit' }, 'limited'],
    [{ kind: 'quota' }, 'quota'],
    [{ kind: 'server-error' }, 'unreachable'],
    [{ kind: 'reset' }, 'unreachable'],
    [{ kind: 'down' }, 'unreachable'],
    [{ kind: 'die', afterMessages: 3 }, 'closed'],
    [{ kind: 'fail', afterMessages: 3 }, 'unreachable'],
    [{ kind: 'garble', message: 3 }, 'garbled'],
  ])('a vendor that does %o has failed as %s, once and last', async (fault, code) => {
    await world().setFault(fault);
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('I would like to book a table.');
    const failure = await failureOf(spoken);
    expect(failure.code).toBe(code);
    expect(failure.message).not.toContain(world().apiKey);
    utterance.push('Hello there.');
    utterance.finish();
    expect(spoken.all.filter(isEnd)).toHaveLength(1);
    expect(isEnd(spoken.all.at(-1))).toBe(true);
  });

  test.each<[Fault, FailureCode]>([
    [{ kind: 'limit' }, 'limited'],
    [{ kind: 'quota' }, 'quota'],
    [{ kind: 'server-error' }, 'unreachable'],
  ])('an utterance that is answered with %o has failed as %s', async (fault, code) => {
    using line = openLine(world());
    world().planFault(1, fault);
    const { spoken, utterance } = line.speak();
    utterance.push('Hello there.');
    expect((await failureOf(spoken)).code).toBe(code);
  });

  test('a vendor that takes text and says nothing has failed by the deadline', async () => {
    using line = openLine(world());
    world().planFault(1, { kind: 'half-open' });
    const { spoken, utterance } = line.speak();
    utterance.push('Hello there.');
    await vi.waitFor(() => expect(world().openConnections()).toBe(1));
    await line.clock.advance(10_000);
    expect((await failureOf(spoken)).code).toBe('timeout');
  });

  test('a slow vendor is waited for', async () => {
    await world().setFault({ kind: 'slow', delayMs: 200 });
    using line = openLine(world());
    const { spoken, utterance } = line.speak();
    utterance.push('Thank you, goodbye.');
    utterance.finish();
    expect((await spoken.until(isEnd)).type).toBe('done');
    expect(wordsHeard(world(), spoken)).toBe('thank you goodbye');
  });

  test('check tells a good key from a wrong one, and from a vendor that is down', async () => {
    const { signal } = new AbortController();
    using good = openLine(world());
    expect(await good.vendor.check(signal)).toEqual({ ok: true });
    using wrong = openLine(world(), 'wrong-key-0123456789abcdef');
    const refused = await wrong.vendor.check(signal);
    expect(refused).toMatchObject({ ok: false, failure: { code: 'refused' } });
    expect(JSON.stringify(refused)).not.toContain('wrong-key');
    await world().setFault({ kind: 'down' });
    expect(await good.vendor.check(signal)).toMatchObject({ failure: { code: 'unreachable' } });
  });
}
