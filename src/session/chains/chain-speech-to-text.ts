import { bytesOf, PHONE_AUDIO } from '#audio/format.ts';
import type {
  Heard,
  HearingOptions,
  HearingStream,
  SpeechToText,
} from '#contracts/speech-to-text.ts';
import type { VendorFailure } from '#contracts/vendor.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import { createAudioRing } from './audio-ring.ts';
import { checkChain } from './check-chain.ts';
import { failureOfChain, linkOrder } from './links.ts';
import type { Attempt, Link, LinkOrder } from './links.ts';
import { NO_REPLAY, replayed } from './replay.ts';
import type { Replay } from './replay.ts';
import { createUnheardSound } from './unheard-sound.ts';

export type HearingLink = Link<SpeechToText>;

/** The longest stretch without a final that another recogniser can hear again: 240 kB of a call by phone. */
const RING_MS = 30_000;
/** Words are heard at the latest so long after they were spoken. */
const HEARING_LAG_MS = 5_000;
/** What is too soft to be noticed may come before a voice. */
const ONSET_MS = 500;
/** A final comes at the latest so long after its words, where a vendor does not say where they ended. */
const FINAL_LAG_MS = 1_500;
/** What is heard again goes out ten times as fast as it was spoken, after a first second at once. */
const BURST_MS = 1_000;
const PACE_MS = 20;
const PACE_AUDIO_MS = 200;
/** From the request for a final to the final. */
const FINAL_WITHIN_MS = 3_000;
/** A link that failed longer ago than this may be tried again. */
const FORGIVEN_AFTER_MS = 10_000;

/**
 * Hears one call with the first link that can. What is not final yet is kept; when a link fails, the
 * next one opens, hears it again faster than it was spoken, and goes on: no word is lost or said
 * twice. After `switched` the links' ways may differ: some decide the end of turns, some do not.
 */
export function chainSpeechToText(
  links: readonly [HearingLink, ...HearingLink[]],
  options: { readonly clock: Clock },
): SpeechToText {
  const order = linkOrder(links);
  const first = (): SpeechToText => (order.next([]) ?? links[0]).vendor;
  return {
    vendor: links[0].vendor.vendor,
    model: links[0].vendor.model,
    get can() {
      return first().can;
    },
    listen: (asked, on) => listenByChain({ ...options, asked, on, order }),
    check: (signal) => checkChain(links, signal),
    close: () => links.forEach(({ vendor }) => vendor.close()),
  };
}

/** One link's stream, and its place in the audio of the call. */
type Ear = {
  readonly link: HearingLink;
  readonly fromBytes: number;
  /** Up to where it was given audio. */
  sentBytes: number;
  stream?: HearingStream;
  /** A final was asked for while it still caught up. */
  owesFinalize: boolean;
  /** Where a final was last asked for; undefined once it came. */
  finalizeBytes: number | undefined;
};

function listenByChain(parts: {
  readonly clock: Clock;
  readonly asked: HearingOptions;
  readonly on: (heard: Heard) => void;
  readonly order: LinkOrder<HearingLink>;
}): HearingStream {
  const { clock, asked, on, order } = parts;
  const format = asked.audio ?? PHONE_AUDIO;
  const bytesIn = (ms: number): number => bytesOf(ms, format);
  const ring = createAudioRing(RING_MS, format);
  let unheard = createUnheardSound(format);
  let attempts: readonly (Attempt<HearingLink> & { readonly atMs: number })[] = [];
  let ear: Ear | undefined;
  let replay: Replay = NO_REPLAY;
  /** What may still change, as it was last said. */
  let interim = '';
  /** The last final, as long as nobody knows where in the audio it ended. */
  let loose = '';
  /** Audio fell off the ring that stands for words of `interim`. */
  let hasLost = false;
  let over = false;
  let cancelPump: Cancel = () => undefined;
  let cancelFinal: Cancel = () => undefined;

  const end = (): void => {
    over = true;
    ear = undefined;
    cancelPump();
    cancelFinal();
  };

  const open = (link: HearingLink): void => {
    const opened: Ear = {
      link,
      fromBytes: ring.startBytes,
      sentBytes: ring.startBytes,
      owesFinalize: false,
      finalizeBytes: undefined,
    };
    ear = opened;
    unheard = createUnheardSound(format);
    const stream = link.vendor.listen(asked, (heard) => onHeard(opened, heard));
    opened.stream = stream;
    // It may have failed before there was a stream to close.
    if (ear !== opened) return stream.close();
    send(opened, BURST_MS);
    pump(opened);
  };

  const send = (to: Ear, audioMs: number): void => {
    const untilBytes = Math.min(ring.endBytes, to.sentBytes + bytesIn(audioMs));
    if (untilBytes <= to.sentBytes) return;
    const audio = ring.slice(to.sentBytes, untilBytes);
    unheard.given(audio, to.sentBytes, clock.now());
    to.sentBytes = untilBytes;
    to.stream?.write(audio);
  };
  const pump = (to: Ear): void => {
    if (ear !== to) return;
    cancelPump();
    if (to.sentBytes >= ring.endBytes) {
      if (to.owesFinalize) finalize(to);
      return;
    }
    cancelPump = clock.after(PACE_MS, () => {
      send(to, PACE_AUDIO_MS);
      pump(to);
    });
  };

  const finalize = (of: Ear): void => {
    of.owesFinalize = false;
    of.stream?.finalize();
    if (ear !== of || !of.link.vendor.can.finalize) return;
    of.finalizeBytes = of.sentBytes;
    cancelFinal();
    cancelFinal = clock.after(FINAL_WITHIN_MS, () => {
      const { vendor } = of.link.vendor;
      if (ear !== of || !order.nextBeside(recent(), [of.link])) return;
      failed(of, {
        vendor,
        role: 'speech-to-text',
        code: 'timeout',
        message: `${vendor} has given no final for ${FINAL_WITHIN_MS} ms`,
      });
    });
  };

  /** Keeps what may have to be heard again: sound to which nothing was said may hold words. */
  const trim = (of: Ear): void => {
    if (interim !== '') return;
    const soundBytes = (unheard.startBytes(clock.now()) ?? Infinity) - bytesIn(ONSET_MS);
    const lagBytes = ring.endBytes - bytesIn(HEARING_LAG_MS);
    ring.dropUntil(Math.min(of.sentBytes, soundBytes, lagBytes));
  };

  const onFinal = (of: Ear, final: Extract<Heard, { type: 'final' | 'end' }>): void => {
    cancelFinal();
    const asked = final.type === 'final' && final.fromFinalize ? of.finalizeBytes : undefined;
    of.finalizeBytes = undefined;
    const knownBytes = final.untilMs === undefined ? asked : of.fromBytes + bytesIn(final.untilMs);
    ring.dropUntil(Math.min(of.sentBytes, knownBytes ?? of.sentBytes - bytesIn(FINAL_LAG_MS)));
    loose = knownBytes === undefined ? `${loose} ${final.text}`.trim() : '';
    interim = '';
    hasLost = false;
  };

  const onHeard = (of: Ear, heard: Heard): void => {
    if (ear !== of) return;
    if (heard.type === 'failed') return failed(of, heard.failure);
    const next = replayed(replay, heard);
    replay = next.replay;
    if (heard.type === 'final' || heard.type === 'end') onFinal(of, heard);
    unheard.answered(clock.now(), ring.startBytes);
    const { say } = next;
    if (!say) return;
    if (say.type === 'interim' || say.type === 'eager-end') interim = say.text;
    on(say);
  };

  const recent = (): typeof attempts =>
    attempts.filter(({ atMs }) => clock.now() - atMs < FORGIVEN_AFTER_MS);

  const failed = (of: Ear, failure: VendorFailure): void => {
    if (ear !== of) return;
    cancelFinal();
    cancelPump();
    ear = undefined;
    of.stream?.close();
    const attempt = { link: of.link, failure, atMs: clock.now() };
    attempts = [...recent(), attempt];
    order.failed(attempt);
    const next = order.next(attempts);
    if (!next) {
      end();
      return on({ type: 'failed', failure: failureOfChain(attempts) });
    }
    const { vendor, can } = next.vendor;
    on({ type: 'switched', failure, to: vendor, endOfTurn: can.endOfTurn });
    if (over) return;
    // Too long to be heard again: its words stand as they were last said.
    if (hasLost && interim !== '') {
      ring.dropUntil(ring.endBytes - bytesIn(FINAL_LAG_MS));
      loose = interim;
      on({ type: 'final', text: interim, fromFinalize: false });
      interim = '';
    }
    if (over) return;
    hasLost = false;
    // One that said nothing new leaves what is known as it was.
    replay = {
      ahead: interim === '' ? replay.ahead : interim,
      repeatable: loose === '' ? replay.repeatable : loose,
    };
    loose = '';
    const owesFinalize = of.owesFinalize || of.finalizeBytes !== undefined;
    open(next);
    if (ear && owesFinalize) askFinal(ear);
  };

  const askFinal = (of: Ear): void => {
    if (of.sentBytes < ring.endBytes) of.owesFinalize = true;
    else finalize(of);
  };

  const start = order.next([]);
  if (start) open(start);

  return {
    write(audio) {
      if (over) return;
      const isLive = ear !== undefined && ear.sentBytes >= ring.endBytes;
      const startBytes = ring.startBytes;
      ring.append(audio);
      if (ring.startBytes > startBytes && interim !== '') hasLost = true;
      if (!ear) return;
      if (isLive) {
        unheard.given(audio, ear.sentBytes, clock.now());
        ear.sentBytes = ring.endBytes;
        ear.stream?.write(audio);
      }
      if (ear) trim(ear);
    },
    finalize() {
      if (ear) askFinal(ear);
    },
    close() {
      if (over) return;
      const stream = ear?.stream;
      end();
      stream?.close();
    },
  };
}
