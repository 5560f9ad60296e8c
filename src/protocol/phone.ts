import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** E.164 (`+`, country, subscriber, nothing else) and of a length that its country has. */
export function isPossibleE164(text: string): boolean {
  if (!/^\+[1-9][0-9]{6,14}$/.test(text)) return false;
  const phone = parsePhoneNumberFromString(text);
  return phone?.number === text && phone.isPossible();
}
