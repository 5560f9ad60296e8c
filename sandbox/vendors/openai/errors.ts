import type { Fault } from '../../faults.ts';

/** A refusal in OpenAI's shape. */
export type OpenAIRefusal = {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The body that OpenAI answers a refusal with. */
export const refusalBody = ({ message, type, param, code }: OpenAIRefusal): object => ({
  error: { message, type, param, code },
});

/** A 400 on one parameter. */
export const invalidParameter = (
  param: string | null,
  code: string | null,
  message: string,
): OpenAIRefusal => ({ status: 400, message, type: 'invalid_request_error', param, code });

export const MISSING_KEY: OpenAIRefusal = {
  status: 401,
  message:
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
  type: 'invalid_request_error',
  param: null,
  code: null,
};

/** OpenAI repeats the refused key, masked but for its ends. */
export const wrongKey = (key: string): OpenAIRefusal => {
  const masked = key.length > 12 ? `${key.slice(0, 4)}${'*'.repeat(8)}${key.slice(-4)}` : '****';
  return {
    status: 401,
    message: `Incorrect API key provided: ${masked}. You can find your API key at https://platform.openai.com/account/api-keys.`,
    type: 'invalid_request_error',
    param: null,
    code: 'invalid_api_key',
  };
};

export const unknownModel = (model: string): OpenAIRefusal => ({
  status: 404,
  message: `The model \`${model}\` does not exist or you do not have access to it.`,
  type: 'invalid_request_error',
  param: null,
  code: 'model_not_found',
});

export const unknownUrl = (method: string, path: string): OpenAIRefusal => ({
  status: 404,
  message: `Invalid URL (${method} ${path})`,
  type: 'invalid_request_error',
  param: null,
  code: null,
});

/** What a fault makes of a request before it starts; undefined: it starts. */
export function refusalOf(fault: Fault | undefined, key: string): OpenAIRefusal | undefined {
  switch (fault?.kind) {
    case 'refuse':
      return wrongKey(key);
    case 'quota':
      return {
        status: 429,
        message:
          'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      };
    case 'limit':
      return {
        status: 429,
        message:
          'Rate limit reached for requests per min (RPM): Limit 500, Used 500, Requested 1. Please try again in 120ms.',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
        headers: { 'retry-after': '1', 'retry-after-ms': '120' },
      };
    case 'server-error':
      return {
        status: 500,
        message: 'The server had an error while processing your request. Sorry about that!',
        type: 'server_error',
        param: null,
        code: null,
      };
    default:
      return undefined;
  }
}
