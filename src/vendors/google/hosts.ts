/** Google's services that we use, by the first label of their host. */
export type GoogleService = 'speech' | 'texttospeech' | 'generativelanguage';

/** Stands for a host of each service, such as `speech.googleapis.com`. */
export const GOOGLE_URL = 'https://googleapis.com';

/**
 * Origin of one service. Under `googleapis.com` each has a host of its own; any other base URL is one
 * origin that serves them all, such as a proxy or a simulator.
 */
export function serviceUrl(baseUrl: string, service: GoogleService): string {
  return baseUrl === GOOGLE_URL ? `https://${service}.googleapis.com` : baseUrl;
}
