/** What Retell's REST API refuses; the answer's body is `{"status":"error","message"}`. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The sentences that Retell documents for whole classes of refusals. */
export const REFUSALS = {
  401: 'API key is missing or invalid.',
  402: 'Trial has ended, please add payment method.',
  422: 'Cannot find requested asset under given api key.',
  429: 'Account rate limited, please throttle your requests.',
  500: 'An unexpected server error occurred.',
} as const;

/**
 * Something that is not in this workspace. The API reference says 422 with its general sentence; the
 * live API was seen to answer 404 with this one, so this is what the sandbox says.
 */
export const notFound = (kind: string, id: string): Refusal =>
  new Refusal(404, `Item ${id} not found from ${kind}`);
