import { bytesOf, msOf, PHONE_LINE } from '#audio/format.ts';
import type { WordTime } from '#contracts/text-to-speech.ts';
import type { Transport } from '#contracts/transport.ts';
import { WORD_EDGE_MS } from '#conversation/policies/heard.ts';

/** How much audio is kept with the other side: it hides our stalls, and is thrown away on an interruption. */
const LEAD_MS = 1_000;
/** Where the times of the words are still to come, so that marks can be put exactly at their ends. */
const LEAD_WITHOUT_WORDS_MS = 400;
/** What has to be there before the first of it is sent: a stall right after would tear the first word. */
const START_MS = 80;
/** Marks lie at the ends of words and never further apart than this. */
const MARK_EVERY_MS = 200;
const MARK_EVERY_WITHOUT_WORDS_MS = 40;
/** The first mark, which tells when the caller began to hear. */
const FIRST_MARK_MS = 20;
/** The phone network's packet. The one that is being played when `clear` arrives is heard to its end. */
const PACKET_MS = 20;

/** One reply's audio: all of it, because a false alarm sends a part of it again. */
type Track = {
  readonly replyId: number;
  audio: Uint8Array;
  lengthBytes: number;
  sentBytes: number;
  playedBytes: number;
  /** Where words count as heard, in bytes, in order. */
  readonly wordEnds: number[];
  done: boolean;
  flowing: boolean;
  /** Counts the stretches on the line; a mark of an earlier one was cleared. */
  stretch: number;
  /** Where the stretch began. */
  fromBytes: number;
  /** The last mark of the stretch that came back. */
  anchor: Returned | undefined;
};

/** A mark that came back, by how much of the caller's sound had come back before it. */
type Returned = { readonly bytes: number; readonly lineMs: number };

/** What `clear` threw away, until its last mark has come back. */
type Flush = {
  readonly replyId: number;
  readonly stretch: number;
  /** Where this stretch on the line began. */
  readonly fromBytes: number;
  /** The last mark that was known to be played before. */
  readonly anchor: Returned | undefined;
  readonly pending: number[];
  readonly returned: Returned[];
};

/**
 * The agent's side of the line. Sends audio ahead of time with marks at the ends of words, and says
 * what was really played. Driven by what arrives (audio, words, marks): it has no timer of its own.
 */
export type Playback = {
  /** Audio made for a reply. Held until `release`. The first call for a new reply drops the one before. */
  push(replyId: number, audio: Uint8Array): number;
  words(replyId: number, words: readonly WordTime[]): void;
  /** All audio of the reply has been pushed. */
  done(replyId: number): void;
  release(replyId: number, fromMs: number): void;
  hold(replyId: number): void;
  drop(replyId: number): void;
  /**
   * A mark came back. `lineMs`: how much of the caller's sound had come in before it. That counts the
   * carrier's own time, whatever keeps this process from looking at what it gets.
   */
  mark(name: string, lineMs: number): void;
};

export function createPlayback(options: {
  readonly transport: Pick<Transport, 'leadMs' | 'audio' | 'sendAudio' | 'sendMark' | 'clear'>;
  /** Whether words come with their times; without, marks are evenly spaced. */
  readonly wordTimes: boolean;
  readonly onPlayed: (replyId: number, playedMs: number) => void;
}): Playback {
  const { transport, wordTimes, onPlayed } = options;
  const { spoken } = transport.audio ?? PHONE_LINE;
  const bytesIn = (ms: number): number => bytesOf(ms, spoken);
  const msIn = (bytes: number): number => msOf(bytes, spoken);
  let track: Track | undefined;
  /** A reply may be released before its first audio is there. */
  let released: { readonly replyId: number; readonly fromBytes: number } | undefined;
  let sentMarks: { readonly stretch: number; readonly bytes: number }[] = [];
  let flush: Flush | undefined;
  let stretches = 0;

  /** Takes what was sent and not played off the line. Its marks come back at once. */
  const clear = (of: Track): void => {
    const { replyId, stretch, fromBytes, anchor } = of;
    of.flowing = false;
    of.stretch = ++stretches;
    of.sentBytes = of.playedBytes;
    of.fromBytes = of.playedBytes;
    of.anchor = undefined;
    if (sentMarks.length === 0) return;
    const pending = sentMarks.map(({ bytes }) => bytes);
    flush = { replyId, stretch, fromBytes, anchor, pending, returned: [] };
    sentMarks = [];
    // Last: a transport may return the marks before it returns from this.
    transport.clear();
  };

  const trackOf = (replyId: number): Track => {
    if (track?.replyId === replyId) return track;
    if (track) clear(track);
    const flowing = released?.replyId === replyId;
    track = {
      replyId,
      audio: new Uint8Array(16_384),
      lengthBytes: 0,
      sentBytes: flowing ? (released?.fromBytes ?? 0) : 0,
      playedBytes: 0,
      wordEnds: [],
      done: false,
      flowing,
      stretch: ++stretches,
      fromBytes: flowing ? (released?.fromBytes ?? 0) : 0,
      anchor: undefined,
    };
    return track;
  };

  /** How far ahead audio may go now, and how far apart marks are then. */
  const limits = (of: Track): { untilBytes: number; knownBytes: number } => {
    const knownBytes = !wordTimes || of.done ? of.lengthBytes : (of.wordEnds.at(-1) ?? 0);
    const aheadOf = (ms: number): number => of.playedBytes + bytesIn(ms);
    const lead = Math.min(LEAD_MS, transport.leadMs);
    const untilBytes = Math.max(
      Math.min(knownBytes, aheadOf(lead)),
      aheadOf(Math.min(LEAD_WITHOUT_WORDS_MS, lead)),
    );
    return { untilBytes: Math.min(untilBytes, of.lengthBytes), knownBytes };
  };

  const pump = (): void => {
    if (!track?.flowing) return;
    const { untilBytes, knownBytes } = limits(track);
    const isStarting = track.sentBytes === track.fromBytes && !track.done;
    if (isStarting && untilBytes - track.sentBytes < bytesIn(START_MS)) return;
    // Played to its end, the line has been silent since who knows when: nothing is due by the last mark.
    if (sentMarks.length === 0) track.anchor = undefined;
    while (track.sentBytes < untilBytes) {
      const end = nextMarkBytes(track, knownBytes, untilBytes, bytesIn);
      transport.sendAudio(track.audio.subarray(track.sentBytes, end));
      track.sentBytes = end;
      sendMark(track, end);
    }
  };

  const sendMark = (of: Track, bytes: number): void => {
    sentMarks.push({ stretch: of.stretch, bytes });
    transport.sendMark(`${of.replyId}.${of.stretch}.${bytes}`);
  };

  return {
    push(replyId, audio) {
      const to = trackOf(replyId);
      const lengthBytes = to.lengthBytes + audio.length;
      if (lengthBytes > to.audio.length) {
        const larger = new Uint8Array(Math.max(lengthBytes, to.audio.length * 2));
        larger.set(to.audio.subarray(0, to.lengthBytes));
        to.audio = larger;
      }
      to.audio.set(audio, to.lengthBytes);
      to.lengthBytes = lengthBytes;
      pump();
      return msIn(lengthBytes);
    },
    words(replyId, words) {
      const to = trackOf(replyId);
      for (const { endMs } of words) to.wordEnds.push(bytesIn(Math.max(0, endMs - WORD_EDGE_MS)));
      pump();
    },
    done(replyId) {
      trackOf(replyId).done = true;
      pump();
    },
    release(replyId, fromMs) {
      const fromBytes = bytesIn(fromMs);
      released = { replyId, fromBytes };
      if (track?.replyId !== replyId) return;
      track.flowing = true;
      track.sentBytes = fromBytes;
      track.fromBytes = fromBytes;
      track.playedBytes = Math.min(track.playedBytes, fromBytes);
      pump();
    },
    hold(replyId) {
      if (released?.replyId === replyId) released = undefined;
      if (track?.replyId === replyId) clear(track);
    },
    drop(replyId) {
      if (released?.replyId === replyId) released = undefined;
      if (track?.replyId !== replyId) return;
      clear(track);
      track = undefined;
    },
    mark(name, lineMs) {
      const [replyId, stretch, bytes] = name.split('.').map(Number);
      if (replyId === undefined || stretch === undefined || bytes === undefined) return;
      if (track?.stretch === stretch) {
        sentMarks = sentMarks.filter((mark) => mark.bytes > bytes);
        track.playedBytes = Math.max(track.playedBytes, bytes);
        track.anchor = { bytes, lineMs };
        pump();
        onPlayed(replyId, msIn(bytes));
        return;
      }
      if (flush?.stretch !== stretch) return;
      flush.returned.push({ bytes, lineMs });
      if (bytes !== flush.pending.at(-1)) return;
      const playedBytes = playedBeforeFlush(flush, bytesIn(PACKET_MS));
      flush = undefined;
      if (playedBytes === undefined) return;
      if (track?.replyId === replyId && !track.flowing)
        track.playedBytes = Math.max(track.playedBytes, playedBytes);
      onPlayed(replyId, msIn(playedBytes));
    },
  };
}

/** Where the next piece of audio ends: at the end of a word, or where the next mark is due at the latest. */
function nextMarkBytes(
  track: Pick<Track, 'sentBytes' | 'wordEnds'>,
  knownBytes: number,
  untilBytes: number,
  bytesIn: (ms: number) => number,
): number {
  const { sentBytes, wordEnds } = track;
  const apartMs =
    sentBytes === 0
      ? FIRST_MARK_MS
      : sentBytes >= knownBytes
        ? MARK_EVERY_WITHOUT_WORDS_MS
        : MARK_EVERY_MS;
  const latest = Math.min(untilBytes, sentBytes + bytesIn(apartMs));
  const wordEnd = wordEnds.find((end) => end > sentBytes);
  return wordEnd === undefined ? latest : Math.min(latest, wordEnd);
}

/**
 * What was played while `clear` was on its way. Marks that were thrown away come back all at once,
 * with the last; those of audio that was played come back before, one packet after the other. A mark
 * inside the packet that was being played then comes back with the rest, though it was heard: when
 * it was due tells it apart.
 */
function playedBeforeFlush(
  { anchor, fromBytes, returned }: Flush,
  packetBytes: number,
): number | undefined {
  const flushedMs = returned.at(-1)?.lineMs ?? 0;
  const packets = (bytes: number): number => Math.ceil((bytes - fromBytes) / packetBytes);
  let last = anchor;
  let playedBytes: number | undefined;
  for (const mark of returned) {
    const dueMs = last && last.lineMs + (packets(mark.bytes) - packets(last.bytes)) * PACKET_MS;
    if (mark.lineMs < flushedMs) last = mark;
    else if (dueMs === undefined || dueMs > flushedMs + PACKET_MS) break;
    playedBytes = mark.bytes;
  }
  return playedBytes;
}
