import { z } from 'zod';
import type { NumberSettings, PhoneNumber } from './twilio-rest.ts';

const settingsSchema = z.object({
  voiceUrl: z.string(),
  voiceMethod: z.string(),
  statusCallback: z.string(),
  statusCallbackMethod: z.string(),
  voiceApplicationSid: z.string(),
});

const wiringSchema = z.object({
  carrier: z.literal('twilio'),
  accountSid: z.string(),
  numberSid: z.string(),
  phoneNumber: z.string(),
  /** As the number was found the first time. */
  before: settingsSchema,
  /** As we left it. */
  set: z.object({ voiceUrl: z.string(), statusCallback: z.string() }),
});

/** What we have changed at Twilio for a channel, as it is stored with the channel. */
export type TwilioWiring = z.infer<typeof wiringSchema>;

const undoSchema = wiringSchema.extend({ authToken: z.string().min(1) });
export type TwilioUndo = z.infer<typeof undoSchema>;

/** Undefined: nothing has been changed at Twilio. */
export const readWiring = (stored: unknown): TwilioWiring | undefined =>
  wiringSchema.safeParse(stored).data;

export const readUndo = (payload: unknown): TwilioUndo | undefined =>
  undoSchema.safeParse(payload).data;

export const settingsOf = (number: PhoneNumber): NumberSettings => ({
  voiceUrl: number.voiceUrl,
  voiceMethod: number.voiceMethod,
  statusCallback: number.statusCallback,
  statusCallbackMethod: number.statusCallbackMethod,
  voiceApplicationSid: number.voiceApplicationSid,
});

/** What puts a number back as it was found; what somebody has changed since is left alone. Undefined: nothing is left of ours. */
export function restoring(
  wiring: Pick<TwilioWiring, 'before' | 'set'>,
  number: NumberSettings,
): Partial<NumberSettings> | undefined {
  const { before, set } = wiring;
  const isVoiceOurs = number.voiceUrl === set.voiceUrl && number.voiceApplicationSid === '';
  const isStatusOurs = number.statusCallback === set.statusCallback;
  if (!isVoiceOurs && !isStatusOurs) return undefined;
  return {
    ...(isVoiceOurs && {
      voiceUrl: before.voiceUrl,
      voiceMethod: before.voiceMethod,
      voiceApplicationSid: before.voiceApplicationSid,
    }),
    ...(isStatusOurs && {
      statusCallback: before.statusCallback,
      statusCallbackMethod: before.statusCallbackMethod,
    }),
  };
}
