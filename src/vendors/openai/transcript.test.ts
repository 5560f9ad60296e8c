import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTranscript } from './transcript.ts';

/** What the service says about one segment, in the order in which it says it. */
const storyOf = (n: number) => [
  { does: 'delta', of: n },
  { does: 'commit', of: n },
  { does: 'committed', of: n },
  { does: 'delta', of: n },
  { does: 'completed', of: n },
];

test('whatever the order of the answers, finals come once and in the order of the audio', () => {
  const count = 4;
  fc.assert(
    fc.property(fc.array(fc.nat(count - 1), { minLength: 60, maxLength: 60 }), (picks) => {
      const stories = Array.from({ length: count }, (_, n) => storyOf(n));
      const told: (typeof stories)[number] = [];
      // Commits are ours and named in their order; everything else comes as it likes.
      const mayTell = (n: number): boolean => {
        const next = stories[n]?.[0];
        if (!next) return false;
        if (next.does === 'delta' && !told.some((one) => one.of === n))
          return n === 0 || told.some((one) => one.does === 'commit' && one.of === n - 1);
        const inOrder = next.does === 'commit' || next.does === 'committed';
        return (
          !inOrder || n === 0 || told.some((one) => one.does === next.does && one.of === n - 1)
        );
      };
      for (const n of [...picks, ...Array.from({ length: 40 }, (_, i) => i % count)]) {
        const next = mayTell(n) ? stories[n]?.shift() : undefined;
        if (next) told.push(next);
      }
      const transcript = createTranscript();
      const heard = told.flatMap(({ does, of }) => {
        switch (does) {
          case 'commit':
            transcript.commit({
              sessionId: 1,
              commitId: `${of}`,
              untilMs: of,
              fromFinalize: false,
            });
            return [];
          case 'committed':
            return transcript.committed(1, `item ${of}`);
          case 'delta':
            return transcript.delta(1, `item ${of}`, ` words of ${of}`);
          default:
            return transcript.completed(`item ${of}`, `All of ${of}.`);
        }
      });
      const finals = heard.filter(({ type }) => type === 'final');
      expect(finals).toEqual(
        Array.from({ length: count }, (_, n) => ({
          type: 'final',
          text: `All of ${n}.`,
          fromFinalize: false,
          untilMs: n,
        })),
      );
      expect(transcript.awaitedCount).toBe(0);
      // An interim between two finals is of the segment that the second one closes.
      let closed = 0;
      for (const one of heard) {
        if (one.type === 'final') closed += 1;
        else if (one.type === 'interim') expect(one.text).toContain(`of ${closed}`);
      }
    }),
  );
});

test('a segment without words is said only to whoever waits for it', () => {
  const transcript = createTranscript();
  transcript.commit({ sessionId: 1, commitId: '1', untilMs: 100, fromFinalize: false });
  transcript.committed(1, 'a');
  expect(transcript.completed('a', '')).toEqual([]);
  transcript.commit({ sessionId: 1, commitId: '2', untilMs: 200, fromFinalize: true });
  transcript.committed(1, 'b');
  expect(transcript.completed('b', ' ')).toEqual([
    { type: 'final', text: '', fromFinalize: true, untilMs: 200 },
  ]);
});

test('there is no last segment to wait for when all are written', () => {
  const transcript = createTranscript();
  expect(transcript.awaitLast()).toBe(false);
  transcript.commit({ sessionId: 1, commitId: '1', untilMs: 100, fromFinalize: false });
  expect(transcript.awaitLast()).toBe(true);
  expect(transcript.dropped('1')).toEqual([
    { type: 'final', text: '', fromFinalize: true, untilMs: 100 },
  ]);
});

test('two sessions name their segments each by themselves', () => {
  const transcript = createTranscript();
  const segment = { untilMs: 100, fromFinalize: false };
  transcript.commit({ ...segment, sessionId: 1, commitId: '1' });
  expect(transcript.delta(2, 'new', 'Second')).toEqual([]);
  transcript.commit({ ...segment, sessionId: 2, commitId: '2' });
  transcript.committed(2, 'new');
  transcript.committed(1, 'old');
  expect(transcript.completed('new', 'Second.')).toEqual([]);
  expect(transcript.completed('old', 'First.').map((one) => 'text' in one && one.text)).toEqual([
    'First.',
    'Second.',
  ]);
});

test('a transcript of an item that nobody asked for is dropped', () => {
  const transcript = createTranscript();
  transcript.delta(1, 'x', 'What');
  expect(transcript.completed('x', 'What?')).toEqual([]);
  expect(transcript.delta(1, 'y', 'Yes')).toEqual([{ type: 'interim', text: 'Yes' }]);
});
