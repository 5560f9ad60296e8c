/** SpeexDSP's resampler as its package exports it: C functions, and the memory they work in. */
declare module '@echogarden/speex-resampler-wasm/simd' {
  /** Addresses are in bytes; 0 is no address. Functions that return a number return 0 where all is well. */
  export type SpeexModule = {
    readonly HEAP16: Int16Array;
    readonly HEAPU32: Uint32Array;
    _malloc(bytes: number): number;
    _free(address: number): void;
    /** Answers the address of a new resampler. `quality` is 0 to 10. */
    _speex_resampler_init(
      channelCount: number,
      fromHz: number,
      toHz: number,
      quality: number,
      errorAddress: number,
    ): number;
    /** The next output begins with sound instead of the filter's run-in. */
    _speex_resampler_skip_zeros(resampler: number): number;
    /** Delay of the filter, in input samples. */
    _speex_resampler_get_input_latency(resampler: number): number;
    /** Lengths are read as what there is and room for, and written as what was used. */
    _speex_resampler_process_int(
      resampler: number,
      channel: number,
      inputAddress: number,
      inputLengthAddress: number,
      outputAddress: number,
      outputLengthAddress: number,
    ): number;
    _speex_resampler_destroy(resampler: number): void;
  };
  export default function load(): Promise<SpeexModule>;
}
