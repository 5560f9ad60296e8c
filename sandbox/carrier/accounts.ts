import { randomBytes } from 'node:crypto';
import type { HttpMethod } from './twiml.ts';

export type Account = { readonly accountSid: string; readonly authToken: string };

/** A number of an account, as the REST API knows it. URLs are empty where nothing is set. */
export type PhoneNumber = {
  readonly sid: string;
  readonly accountSid: string;
  /** E.164. */
  readonly phoneNumber: string;
  readonly createdAtMs: number;
  updatedAtMs: number;
  friendlyName: string;
  voiceUrl: string;
  voiceMethod: HttpMethod;
  voiceFallbackUrl: string;
  voiceFallbackMethod: HttpMethod;
  voiceApplicationSid: string;
  trunkSid: string;
  statusCallback: string;
  statusCallbackMethod: HttpMethod;
};

/** Two letters that say what it is of, and 32 hexadecimal digits. */
export const newSid = (prefix: 'AC' | 'PN' | 'CA' | 'MZ' | 'TK' | 'OU'): string =>
  prefix + randomBytes(16).toString('hex');

export const isE164 = (phoneNumber: string): boolean => /^\+[1-9]\d{6,14}$/.test(phoneNumber);
