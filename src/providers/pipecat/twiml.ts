/**
 * TwiML, what Twilio is told to do with a call: XML of verbs that run one after the other.
 * A `<Connect><Stream>` blocks until its socket ends; then the next verb runs.
 * Source: https://www.twilio.com/docs/voice/twiml
 */

export const TWIML_CONTENT_TYPE = 'text/xml; charset=utf-8';

export type ConnectOptions = {
  /** `wss:`, without a query: Twilio drops it. */
  readonly streamUrl: string;
  /** Said in the stream's `start` message. Twilio allows 500 characters a name and value. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Where Twilio asks what to do once the stream has ended. */
  readonly afterwardsUrl: string;
};

/** Connects the call's sound to us, both ways. The redirect brings back a call whose socket died. */
export const connectToStream = (options: ConnectOptions): string => {
  const parameters = Object.entries(options.parameters).map(
    ([name, value]) => `<Parameter name="${escapeXml(name)}" value="${escapeXml(value)}"/>`,
  );
  const stream = `<Stream url="${escapeXml(options.streamUrl)}">${parameters.join('')}</Stream>`;
  const redirect = `<Redirect method="POST">${escapeXml(options.afterwardsUrl)}</Redirect>`;
  return respond(`<Connect>${stream}</Connect>${redirect}`);
};

/** How long the number that a call is handed over to may ring. */
const DIAL_RINGS_SECONDS = 30;

/** Hands the call over to a number. The caller's own number is shown to it, as Twilio has it by default. */
export const dialNumber = (phoneNumber: string): string =>
  respond(
    `<Dial timeout="${DIAL_RINGS_SECONDS}"><Number>${escapeXml(phoneNumber)}</Number></Dial>`,
  );

/** Answers, speaks by the carrier's own voice, which needs no vendor, and hangs up. */
export const sayAndHangUp = (words: string): string =>
  respond(`<Say>${escapeXml(words)}</Say><Hangup/>`);

export const hangUpTwiml = (): string => respond('<Hangup/>');

/** Refuses the call without answering it; it costs nobody anything. */
export const rejectTwiml = (): string => respond('<Reject/>');

const respond = (verbs: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Response>${verbs}</Response>`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0 has no way to write the other control characters, escaped or not: they are left out. */
const escapeXml = (value: string): string =>
  value
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
