import webhooks from 'twilio/lib/webhooks/webhooks.js';

/** What Twilio posts: names and values of a form. A name given twice holds all its values. */
export type FormParameters = Readonly<Record<string, string | readonly string[]>>;

/**
 * Whether Twilio signed a webhook. `url` is the public one, as Twilio was given it: behind a proxy
 * the request itself does not know it. The port may be written out or not, and Twilio may have
 * added a slash.
 */
export const isSignedByTwilio = (
  authToken: string,
  signature: string | undefined,
  url: string,
  parameters: FormParameters,
): boolean =>
  typeof signature === 'string' &&
  signature !== '' &&
  withSlash(url).some((candidate) =>
    webhooks.validateRequest(authToken, signature, candidate, parameters),
  );

/** The same for a media socket's upgrade: signed over the `wss:` URL alone. */
export const isSocketSignedByTwilio = (
  authToken: string,
  signature: string | undefined,
  url: string,
): boolean =>
  typeof signature === 'string' &&
  signature !== '' &&
  withSlash(url)
    .flatMap(withPort)
    .some((candidate) => webhooks.validateRequest(authToken, signature, candidate, {}));

const withSlash = (url: string): string[] =>
  url.includes('?') || url.endsWith('/') ? [url] : [url, `${url}/`];

/** The library takes 80 for the standard port of `wss:`, which is 443. */
const withPort = (url: string): string[] => [
  url,
  url.replace(/^wss:\/\/([^/:]+|\[[^\]]+\])(?=\/)/, 'wss://$1:443'),
];

/** Reads a form body. Names such as `__proto__` are names like any other. */
export function readForm(body: string): FormParameters {
  const parameters: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(body)) {
    const before = parameters[name];
    if (before === undefined) parameters[name] = value;
    else if (typeof before === 'string') parameters[name] = [before, value];
    else before.push(value);
  }
  return parameters;
}

/** One value of a form: the first, if it was given more than once. */
export const formValue = (parameters: FormParameters, name: string): string | undefined => {
  const value = parameters[name];
  return typeof value === 'string' ? value : value?.[0];
};
