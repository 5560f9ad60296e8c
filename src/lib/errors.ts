/** Code → HTTP status. The code is API and stays; the message is for people and may change. */
const STATUS = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  gone: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  invalid: 422,
  rate_limited: 429,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** One fault of a request's input, in FastAPI's shape. `loc` starts with `body`, `path`, `query` or `header`. */
export type FieldFault = {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
};

/** What we throw on purpose. `message` may be shown to a client, so it never holds a secret. */
export class VoiceError extends Error {
  override readonly name = 'VoiceError';
  readonly code: ErrorCode;
  /** Present when `code` is `invalid`. */
  readonly faults: readonly FieldFault[];

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { readonly faults?: readonly FieldFault[] } = {},
  ) {
    super(message, options);
    this.code = code;
    this.faults = options.faults ?? [];
  }

  get status(): number {
    return STATUS[this.code];
  }
}

/** A 422 on one field of the request body. */
export const invalidField = (field: string, msg: string, type = 'value_error'): VoiceError =>
  new VoiceError('invalid', msg, { faults: [{ loc: ['body', field], msg, type }] });

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
