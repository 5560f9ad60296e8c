/** What a caller does, one after the other. Every `…Ms` is on the call's frame clock. */
export type Step =
  /** Speaks now. */
  | { readonly say: string }
  /** One sentence with a silence of so many milliseconds in its middle. */
  | { readonly hesitate: readonly [firstHalf: string, silenceMs: number, secondHalf: string] }
  /**
   * Listens until the agent has spoken, since the caller last did something, and was then silent
   * for `silentForMs` (900).
   */
  | { readonly waitForAgent: 'to-finish'; readonly silentForMs?: number }
  /** Speaks over the agent, once so many of its words were heard since the caller last did something. */
  | { readonly interrupt: string; readonly afterWords: number }
  /** A short sound of assent under the agent's speech (after two of its words); the agent should go on. */
  | { readonly backchannel: string; readonly afterWords?: number }
  /** A noise that is no speech; with `afterWords` under the agent's speech, otherwise now. */
  | { readonly cough: true; readonly afterWords?: number }
  /** Keys, one every 200 ms. */
  | { readonly press: string }
  | { readonly silence: number }
  | { readonly hangUp: true }
  /** Waits for the other side to hang up. */
  | { readonly expectHangUp: true };

/** Every text a script says, in order. */
export const textsOf = (script: readonly Step[]): readonly string[] =>
  script.flatMap((step) => {
    if ('say' in step) return [step.say];
    if ('hesitate' in step) return [step.hesitate[0], step.hesitate[2]];
    if ('interrupt' in step) return [step.interrupt];
    if ('backchannel' in step) return [step.backchannel];
    return [];
  });

/** Throws on the first step that cannot be done, with its place. */
export function checkScript(script: readonly Step[]): void {
  const positive = (value: number): boolean => Number.isFinite(value) && value > 0;
  for (const [index, step] of script.entries()) {
    const fail = (why: string): never => {
      throw new RangeError(`Step ${index + 1} of the caller's script: ${why}.`);
    };
    if (textsOf([step]).some((text) => text.trim() === '')) fail('there is nothing to say');
    if ('press' in step && !/^[0-9*#]+$/.test(step.press)) fail(`"${step.press}" are no keys`);
    if ('silence' in step && !positive(step.silence)) fail('a silence lasts some milliseconds');
    if ('hesitate' in step && !positive(step.hesitate[1]))
      fail('a hesitation lasts some milliseconds');
    if ('afterWords' in step && !(Number.isSafeInteger(step.afterWords) && step.afterWords >= 0))
      fail('afterWords is a count of words');
  }
}
