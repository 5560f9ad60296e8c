import { systemClock } from '#lib/clock.ts';

/** Generous: a machine under load may take this long over what otherwise takes milliseconds. */
const LIMIT_MS = 30_000;
const EVERY_MS = 25;

/** Asks until there is an answer; throws a sentence if there is none after half a minute. */
export async function eventually<Value>(
  what: string,
  probe: () => Value | undefined | Promise<Value | undefined>,
  /** What is known of it otherwise, for whoever reads the failure. */
  circumstances: () => string = () => '',
): Promise<Value> {
  const untilMs = systemClock.now() + LIMIT_MS;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (systemClock.now() > untilMs)
      throw new Error(`waited in vain for ${what}\n${circumstances()}`);
    await systemClock.sleep(EVERY_MS);
  }
}
