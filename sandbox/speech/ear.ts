import { indexOf } from './ear/bank-index.ts';
import { createFinder } from './ear/finder.ts';
import { createHistory, createReceiver } from './ear/receiver.ts';
import { createSoundMeter } from './ear/sound.ts';
import { advance } from './ear/track.ts';
import { createWordJudge } from './ear/word-judge.ts';
import type { Track } from './ear/track.ts';
import type { Ear, HeardWord, OpenEar, VoiceBank } from './speech.ts';

/**
 * Opens ears for what `bank` has said, and will say.
 *
 * An ear finds places in clips by landmarks of the sound (`ear/landmarks.ts`), follows the places
 * that agree sample by sample (`ear/track.ts`), backwards too, and reports each word that was
 * received whole by the place that explains the sound best (`ear/word-judge.ts`).
 */
export const openEar =
  (bank: VoiceBank): OpenEar =>
  (format): Ear => {
    const index = indexOf(bank);
    const history = createHistory();
    const receiver = createReceiver(format, history);
    const meter = createSoundMeter(history);
    const finder = createFinder(history, index, meter);
    const judge = createWordJudge(history, meter);
    const words: HeardWord[] = [];
    let tracks: Track[] = [];

    const listen = (isEnd: boolean): readonly HeardWord[] => {
      meter.measure();
      for (const track of tracks) advance(track, history, meter.noise);
      tracks = finder.find(tracks);
      const heard = judge.judge(tracks, isEnd);
      tracks = judge.prune(tracks);
      words.push(...heard);
      return heard;
    };

    return {
      write(audio) {
        index.refresh();
        const heard: HeardWord[] = [];
        for (let at = 0; at < audio.length; at += SLICE_BYTES) {
          receiver.receive(audio.subarray(at, at + SLICE_BYTES));
          heard.push(...listen(false));
        }
        return heard;
      },
      end() {
        receiver.flush();
        return listen(true);
      },
      words,
      get writtenMs() {
        return (receiver.received * 1_000) / format.sampleRateHz;
      },
      get soundSinceMs() {
        return meter.since === undefined ? undefined : meter.since / 8;
      },
      get soundUntilMs() {
        return meter.until === undefined ? undefined : meter.until / 8;
      },
    };
  };

/** Long writes are taken in pieces, of 20 to 120 ms, so that nothing leaves the history unseen. */
const SLICE_BYTES = 960;
