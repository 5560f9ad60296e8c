import { MULAW_SILENCE, PHONE_FRAME_BYTES, phoneBytes, phoneMs } from '#audio/g711.ts';
import type { LanguageModel, ThinkRequest, Thought } from '#contracts/language-model.ts';
import type { Heard, SpeechToText } from '#contracts/speech-to-text.ts';
import type { Spoken, TextToSpeech } from '#contracts/text-to-speech.ts';
import type { Transport, TransportListener } from '#contracts/transport.ts';
import type { Role, VendorFailure } from '#contracts/vendor.ts';
import type { VoiceActivity, VoiceActivityEvent } from '#contracts/voice-activity.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';

export const failureOf = (role: Role, vendor = 'fake'): VendorFailure => ({
  vendor,
  role,
  code: 'closed',
  message: `${vendor} closed the connection`,
});

/** A line that plays what it gets in 20 ms packets, and whose caller's sound comes in as steadily. */
export function fakeLine(clock: VirtualClock) {
  let listener: TransportListener | undefined;
  let queue: ({ bytes: number } | { mark: string })[] = [];
  let heardBytes = 0;
  let closed = false;
  const silence = new Uint8Array(PHONE_FRAME_BYTES).fill(MULAW_SILENCE);

  const packet = (): void => {
    if (closed) return;
    listener?.audio(silence);
    let room = PHONE_FRAME_BYTES;
    for (let item = queue[0]; item; item = queue[0]) {
      if ('mark' in item) {
        const { mark } = item;
        queue.shift();
        clock.after(20, () => closed || listener?.mark(mark));
        continue;
      }
      if (room === 0) break;
      const part = Math.min(room, item.bytes);
      item.bytes -= part;
      room -= part;
      heardBytes += part;
      if (item.bytes === 0) queue.shift();
    }
    clock.after(20, packet);
  };
  packet();

  const transport: Transport = {
    name: 'fake',
    leadMs: Infinity,
    listen: (given) => void (listener = given),
    sendAudio: (mulaw) => void (closed || queue.push({ bytes: mulaw.length })),
    sendMark: (mark) => void (closed || queue.push({ mark })),
    clear() {
      const marks = queue.flatMap((item) => ('mark' in item ? [item.mark] : []));
      queue = [];
      for (const mark of marks) listener?.mark(mark);
    },
    close: () => void (closed = true),
  };
  return {
    transport,
    press: (digit: string) => listener?.key(digit),
    hangUp(by: 'caller' | 'broken' = 'caller') {
      closed = true;
      listener?.closed(by);
    },
    get heardMs() {
      return phoneMs(heardBytes);
    },
    get isClosed() {
      return closed;
    },
  };
}

/** Vendors that do what the test says, when it says so, and count what is still open. */
export function fakeVendors(clock: VirtualClock, options: { endOfTurn?: boolean } = {}) {
  const asked: ThinkRequest[] = [];
  const spoken: string[] = [];
  let hear: ((heard: Heard) => void) | undefined;
  let voice: ((event: VoiceActivityEvent) => void) | undefined;
  let writtenMs = 0;
  let finalized = 0;
  let open = 0;
  /** Undefined: the model stays silent until the test speaks for it. */
  let reply: ((request: ThinkRequest) => readonly Thought[]) | undefined;
  let think: ((thought: Thought) => void) | undefined;
  const wordMs = 200;

  const hearing: SpeechToText = {
    vendor: 'fake-ear',
    model: 'fake',
    can: { endOfTurn: options.endOfTurn ?? true, finalize: true },
    listen(_options, on) {
      open++;
      hear = on;
      return {
        write: () => undefined,
        finalize: () => void finalized++,
        close() {
          if (hear === on) open--;
          hear = undefined;
        },
      };
    },
    check: () => Promise.resolve({ ok: true }),
    close: () => undefined,
  };
  const model: LanguageModel = {
    vendor: 'fake-brain',
    model: 'fake',
    think(request, on) {
      asked.push(request);
      open++;
      let live = true;
      const end = (): void => {
        if (live) open--;
        live = false;
      };
      const say = (thought: Thought): void => {
        if (!live) return;
        if (thought.type === 'done' || thought.type === 'failed') end();
        on(thought);
      };
      think = say;
      if (reply) {
        const thoughts = reply(request);
        clock.after(400, () => thoughts.forEach(say));
      }
      return { abort: end };
    },
    warm: () => undefined,
    check: () => Promise.resolve({ ok: true }),
    close: () => undefined,
  };
  const speech: TextToSpeech = {
    vendor: 'fake-voice',
    model: 'fake',
    can: { wordTimes: true },
    speak(_options, on) {
      open++;
      let live = true;
      let atMs = 0;
      const end = (): void => {
        if (live) open--;
        live = false;
      };
      const say = (out: Spoken): void => {
        if (!live) return;
        if (out.type === 'done' || out.type === 'failed') end();
        on(out);
      };
      return {
        push(text) {
          spoken.push(text);
          clock.after(150, () => {
            for (const word of text.split(/\s+/).filter((part) => part !== '')) {
              say({ type: 'audio', audio: new Uint8Array(phoneBytes(wordMs)).fill(0x2a) });
              say({ type: 'words', words: [{ text: word, startMs: atMs, endMs: atMs + wordMs }] });
              atMs += wordMs;
            }
          });
        },
        finish: () => void clock.after(151, () => say({ type: 'done' })),
        cancel: end,
      };
    },
    warm: () => undefined,
    check: () => Promise.resolve({ ok: true }),
    close: () => undefined,
  };
  const voiceActivity: VoiceActivity = {
    open(on) {
      open++;
      voice = on;
      writtenMs = 0;
      return {
        write: (mulaw) => void (writtenMs += phoneMs(mulaw.length)),
        close() {
          if (voice === on) open--;
          voice = undefined;
        },
      };
    },
    close: () => Promise.resolve(),
  };
  return {
    hearing,
    model,
    speech,
    voiceActivity,
    /** What the model was asked. */
    asked,
    /** What was sent to be spoken, piece by piece. */
    spoken,
    hear: (heard: Heard) => hear?.(heard),
    voice: (type: VoiceActivityEvent['type']) => voice?.({ type, audioMs: writtenMs }),
    think: (thought: Thought) => think?.(thought),
    answer(with_: (request: ThinkRequest) => readonly Thought[]) {
      reply = with_;
    },
    get finalized() {
      return finalized;
    },
    /** Streams, thoughts and utterances that nobody has closed. */
    get open() {
      return open;
    },
  };
}

export const newClock = (): VirtualClock => virtualClock(1_000_000);
