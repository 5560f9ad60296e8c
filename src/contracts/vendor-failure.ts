import type { FailureCode, Role, VendorFailure } from './vendor.ts';

/** Makes the failures of one vendor in one role; nothing it makes holds `apiKey`. */
export type FailureMaker = {
  /** `detail` may be the vendor's own words. */
  of(code: FailureCode, detail: string): VendorFailure;
  /** A failure from an HTTP status, of an answer or of a refused WebSocket. */
  ofStatus(status: number, detail: string): VendorFailure;
};

/** Longest message; a vendor that answers with a page of HTML must not fill a log. */
const MAX_MESSAGE_CHARS = 300;

export function failureMaker(vendor: string, role: Role, apiKey: string): FailureMaker {
  const of = (code: FailureCode, detail: string): VendorFailure => ({
    vendor,
    role,
    code,
    message: withoutSecrets(detail, apiKey),
  });
  return {
    of,
    ofStatus(status, detail) {
      const code = codeOfStatus(status);
      // Services quote parts of the key they refuse, so nothing of their text is repeated.
      if (code === 'refused') return of(code, `${vendor} refuses the key (HTTP ${status})`);
      const said = detail.trim();
      return of(code, `${vendor} answered HTTP ${status}${said === '' ? '' : `: ${said}`}`);
    },
  };
}

/** What an HTTP status that is no success means for the call. */
export function codeOfStatus(status: number): FailureCode {
  if (status === 401 || status === 403) return 'refused';
  if (status === 402) return 'quota';
  if (status === 429) return 'limited';
  if (status === 408 || status === 504) return 'timeout';
  if (status >= 500) return 'unreachable';
  if (status >= 400) return 'invalid';
  return 'garbled';
}

/** Text on one line without the key, without keys a vendor has half hidden by stars, and not too long. */
export function withoutSecrets(text: string, apiKey: string): string {
  // An empty or very short "key" would cut ordinary words to pieces.
  const keyless = apiKey.length < 4 ? text : text.replaceAll(apiKey, '[hidden]');
  const plain = keyless
    .replaceAll(/\S*\*{3,}\S*/g, '[hidden]')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return plain.length <= MAX_MESSAGE_CHARS ? plain : `${plain.slice(0, MAX_MESSAGE_CHARS - 1)}…`;
}
