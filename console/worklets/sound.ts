/**
 * Both ends of the sound of a call, in the browser's own thread for it: `microphone` posts what it
 * hears as pieces of 16-bit samples, `loudspeaker` plays such pieces in the order in which they come.
 */

// TypeScript's library knows a page and a worker, and not the scope of a worklet.
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

/** What the stock client sends at a time: 32 ms at 16 kHz. */
const PIECE_SAMPLES = 512;
const FULL_SCALE = 32_768;

class Microphone extends AudioWorkletProcessor {
  #piece = new Int16Array(PIECE_SAMPLES);
  #filled = 0;

  process([input]: readonly (readonly Float32Array[])[]): boolean {
    for (const sample of input?.[0] ?? []) {
      this.#piece[this.#filled] = Math.max(-1, Math.min(1, sample)) * (FULL_SCALE - 1);
      this.#filled += 1;
      if (this.#filled < PIECE_SAMPLES) continue;
      const { buffer } = this.#piece;
      this.port.postMessage(buffer, [buffer]);
      this.#piece = new Int16Array(PIECE_SAMPLES);
      this.#filled = 0;
    }
    return true;
  }
}

class Loudspeaker extends AudioWorkletProcessor {
  #waiting: Int16Array[] = [];
  #at = 0;

  constructor() {
    super();
    this.port.addEventListener('message', ({ data }: MessageEvent<Int16Array>) => {
      this.#waiting.push(data);
    });
    this.port.start();
  }

  process(_: unknown, [output]: readonly (readonly Float32Array[])[]): boolean {
    const channel = output?.[0] ?? new Float32Array(0);
    // What is not filled stays silent.
    for (let at = 0; at < channel.length; at += 1) {
      const [piece] = this.#waiting;
      if (!piece) return true;
      channel[at] = (piece[this.#at] ?? 0) / FULL_SCALE;
      this.#at += 1;
      if (this.#at < piece.length) continue;
      this.#waiting.shift();
      this.#at = 0;
    }
    return true;
  }
}

registerProcessor('microphone', Microphone);
registerProcessor('loudspeaker', Loudspeaker);
