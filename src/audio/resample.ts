// oxlint-disable eslint/no-underscore-dangle -- the names of C functions

/** Changes the sample rate of one mono stream as it comes. */
export type Resampler = {
  /** Any length. Time stays as it is: the first sample out is at the time of the first one in. */
  push(pcm: Int16Array): Int16Array;
  /** What the filter still holds, once nothing follows. */
  end(): Int16Array;
  /** Gives its memory back; it must not be used any more. */
  close(): void;
};

export type OpenResampler = (fromHz: number, toHz: number) => Resampler;

/**
 * Down from 24 kHz to 8: flat to 3.4 kHz, nothing left of what would alias, 0.5 ms of CPU for a second of
 * sound (libsamplerate at the same quality takes twenty times as long).
 */
const QUALITY = 5;
const BLOCK_SAMPLES = 4_800;

/**
 * Loads SpeexDSP's resampler (WebAssembly, 100 KB) once for the process; about 10 ms. The returned
 * function throws a RangeError for rates it cannot convert.
 */
export function loadResampler(): Promise<OpenResampler> {
  loading ??= load();
  return loading;
}

let loading: Promise<OpenResampler> | undefined;

async function load(): Promise<OpenResampler> {
  const { default: loadModule } = await import('@echogarden/speex-resampler-wasm/simd');
  const speex = await loadModule();
  // Calls are synchronous, so one set of buffers serves every stream.
  const input = speex._malloc(2 * BLOCK_SAMPLES);
  const output = speex._malloc(2 * BLOCK_SAMPLES);
  const inputLength = speex._malloc(4);
  const outputLength = speex._malloc(4);

  return (fromHz, toHz) => {
    const isValid = [fromHz, toHz].every((hz) => Number.isInteger(hz) && hz > 0);
    const state = isValid ? speex._speex_resampler_init(1, fromHz, toHz, QUALITY, inputLength) : 0;
    if (state === 0) throw new RangeError(`no resampling from ${fromHz} to ${toHz} Hz`);
    speex._speex_resampler_skip_zeros(state);
    let isOpen = true;

    const push = (pcm: Int16Array): Int16Array => {
      if (!isOpen) return new Int16Array(0);
      const parts: Int16Array[] = [];
      for (let from = 0; from < pcm.length;) {
        const block = pcm.subarray(from, from + BLOCK_SAMPLES);
        // The memory may have grown and moved since the last call, so it is looked up anew.
        speex.HEAP16.set(block, input / 2);
        speex.HEAPU32[inputLength / 4] = block.length;
        speex.HEAPU32[outputLength / 4] = BLOCK_SAMPLES;
        speex._speex_resampler_process_int(state, 0, input, inputLength, output, outputLength);
        const made = speex.HEAPU32[outputLength / 4] ?? 0;
        parts.push(speex.HEAP16.slice(output / 2, output / 2 + made));
        // Less than the block when more comes out than there is room for.
        from += speex.HEAPU32[inputLength / 4] ?? block.length;
      }
      return parts.length === 1 && parts[0] ? parts[0] : joined(parts);
    };
    return {
      push,
      end: () => push(new Int16Array(isOpen ? speex._speex_resampler_get_input_latency(state) : 0)),
      close() {
        if (!isOpen) return;
        isOpen = false;
        speex._speex_resampler_destroy(state);
      },
    };
  };
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
