import { z } from 'zod';

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, {
  error: 'value is not a time of day such as 09:00; the end of a day is 24:00',
});

/** When calls are taken. A stretch past midnight is two: one until 24:00, one from 00:00. */
export const businessHoursSchema = z.strictObject({
  /** IANA, such as `Europe/Berlin`. */
  timezone: z.string().max(64).refine(isTimeZone, { error: 'value is not an IANA time zone' }),
  open: z
    .array(
      z
        .strictObject({
          days: z.array(z.enum(weekdays)).min(1).max(7),
          from: timeOfDay,
          /** Not included. */
          to: timeOfDay,
        })
        .refine(({ from, to }) => from < to, { error: '`to` is not later than `from`' }),
    )
    .max(28),
  /** Spoken to callers outside these hours, where the provider can speak without answering. */
  closed_message: z
    .string()
    .max(500)
    .default('We are closed now. Please call again during our business hours.'),
});
export type BusinessHours = z.infer<typeof businessHoursSchema>;

/** Whether calls are taken at this time. */
export function isOpenAt(hours: BusinessHours | undefined, nowMs: number): boolean {
  if (!hours) return true;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: hours.timezone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(nowMs);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  const day = of('weekday').toLowerCase();
  const time = `${of('hour')}:${of('minute')}`;
  return hours.open.some(
    ({ days, from, to }) => days.some((open) => open === day) && from <= time && time < to,
  );
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
