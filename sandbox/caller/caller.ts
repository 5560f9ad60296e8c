/** What a person can do with a phone besides speaking and listening. */
export type Handset = {
  /** One of `0-9`, `*`, `#`. */
  press(digit: string): void;
  hangUp(): void;
};

/**
 * A person on the line: two sides of 20 ms each. From the answer on, for every frame of the call's
 * clock, `hear` is given what sounds during it and `nextFrame` says what the person says during it.
 * Frame `n` lasts from `n * 20` to `(n + 1) * 20` ms after the answer; none is left out.
 */
export type Caller = {
  /** Called once, before the first frame. */
  answered(handset: Handset): void;
  /** 20 ms in the format it speaks, as a rule G.711 mu-law at 8 kHz; valid until the next call; undefined is silence. */
  nextFrame(): Uint8Array | undefined;
  /** 20 ms in the format it hears, as a rule G.711 mu-law at 8 kHz; valid only until it returns. */
  hear(frame: Uint8Array): void;
  /** Called once; no frame follows. Also for a call that was never answered. */
  ended(by: 'caller' | 'other-side'): void;
};

/** What both sides of a call are cut into. */
export const FRAME_MS = 20;
