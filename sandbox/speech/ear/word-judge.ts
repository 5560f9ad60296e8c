import { PHASES } from './likeness.ts';
import { isConfirmed, unlikeness } from './track.ts';
import { EDGE_TOLERANCE, inspectWord } from './whole-word.ts';
import type { History } from './receiver.ts';
import type { SoundMeter } from './sound.ts';
import type { Track, WholeWord } from './track.ts';
import type { HeardWord } from '../speech.ts';

/** Decides which words were heard, when several places in clips could explain the same sound. */
export type WordJudge = {
  /** Answers the words that are certain now. At the end of the line nothing is waited for. */
  judge(tracks: readonly Track[], isEnd: boolean): readonly HeardWord[];
  /** The tracks that can still tell something. */
  prune(tracks: readonly Track[]): Track[];
};

/** How long (60 ms) a word waits for the sound to show whether it is but the start of a longer one. */
const WAIT = 480;
/** Words that overlap by less than this (10 ms) are two words. */
const OVERLAP = 80;
/** A track begins with a word if it begins no later than this (8 ms) after the word does. */
const LATE_START = 64;

export function createWordJudge(history: History, meter: SoundMeter): WordJudge {
  let reportedUntil = -Infinity;

  const collect = (track: Track): void => {
    const { place } = track;
    const { words } = place.clip.clip;
    const onLine = (ms: number): number => Math.round(ms * 8 - place.shift - place.phase / PHASES);
    for (; track.nextWord < words.length; track.nextWord++) {
      const word = words[track.nextWord];
      if (!word) return;
      const from = onLine(word.startMs);
      const to = onLine(word.endMs);
      if (from < track.from - LATE_START) continue;
      if (history.end < to - EDGE_TOLERANCE) return;
      if (track.state === 'broken' && track.to < from) return;
      const evidence = inspectWord(track, history, { from, to }, meter.noise);
      if (evidence === undefined) continue;
      track.evidence = Math.max(track.evidence, evidence);
      track.whole.push({ wordIndex: track.nextWord, from, to });
    }
  };

  return {
    judge(tracks, isEnd) {
      for (const track of tracks) collect(track);
      const heard: HeardWord[] = [];
      for (;;) {
        const next = earliest(tracks.filter(isConfirmed));
        if (!next) return heard;
        const { track, word } = next;
        if (word.from >= reportedUntil - OVERLAP) {
          const rivals = rivalsOf(next, tracks);
          const undecided = rivals.some(({ state }) => state === 'alive');
          if (undecided && !isEnd && history.end < word.to + WAIT) return heard;
          if (rivals.every((rival) => isBetter(track, rival))) {
            heard.push(heardWord(track, word));
            reportedUntil = word.to;
          }
        }
        track.whole.shift();
      }
    },
    prune(tracks) {
      const best = Math.min(
        1,
        ...tracks.filter((t) => t.state === 'alive' && isConfirmed(t)).map(unlikeness),
      );
      return tracks.filter((track) => {
        if (track.state === 'alive')
          return !isConfirmed(track) || unlikeness(track) <= comparable(best);
        return isConfirmed(track) && track.whole.length > 0;
      });
    },
  };
}

type Candidate = { readonly track: Track; readonly word: WholeWord };

function earliest(tracks: readonly Track[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const track of tracks) {
    const word = track.whole[0];
    if (!word) continue;
    const sooner = !best || word.to < best.word.to - OVERLAP;
    const better = best && word.to < best.word.to + OVERLAP && isBetter(track, best.track);
    if (sooner || better) best = { track, word };
  }
  return best;
}

/** Tracks that explain the sound of the word about as well, without that word. */
function rivalsOf({ track, word }: Candidate, tracks: readonly Track[]): readonly Track[] {
  const text = textOf(track, word);
  return tracks.filter(
    (rival) =>
      rival !== track &&
      isConfirmed(rival) &&
      rival.from <= word.from + LATE_START &&
      rival.to >= word.to - OVERLAP &&
      rival.evidence >= COMPARABLE * track.evidence &&
      !rival.whole.some(
        (other) => Math.abs(other.to - word.to) < OVERLAP && textOf(rival, other) === text,
      ),
  );
}

/** What lasted longer is right; of two that lasted as long the one that began sooner, then the closer one. */
function isBetter(one: Track, other: Track): boolean {
  const bothGoOn = one.state === 'alive' && other.state === 'alive';
  if (!bothGoOn && Math.abs(one.to - other.to) > OVERLAP) return one.to > other.to;
  if (Math.abs(one.from - other.from) > OVERLAP) return one.from < other.from;
  return one.evidence >= other.evidence;
}

/** A track for which less speaks than this part of what speaks for another is no rival to it. */
const COMPARABLE = 0.6;
/** Differences in likeness up to here are chance. */
const comparable = (unlike: number): number => 4 * unlike + 0.005;

const textOf = (track: Track, word: WholeWord): string =>
  track.place.clip.clip.words[word.wordIndex]?.text ?? '';

function heardWord(track: Track, word: WholeWord): HeardWord {
  return {
    text: textOf(track, word),
    startMs: word.from / 8,
    endMs: word.to / 8,
    clip: track.place.clip.clip,
    wordIndex: word.wordIndex,
  };
}
