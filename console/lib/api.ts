/** The server's API, asked with one key. Paths begin behind `/v1`. */
export type Api = {
  get<Answer>(path: string, signal?: AbortSignal): Promise<Answer>;
  send<Answer>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Answer>;
  /** An answer that goes on; the caller reads and ends it. */
  open(path: string, signal: AbortSignal): Promise<Response>;
};

/** One thing that is wrong with what was sent, and where: `['body', 'agent_config', 'greeting']`. */
export type Fault = { readonly loc: readonly (string | number)[]; readonly msg: string };

/** What the server answered instead of a success. `status` 0: it could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly faults: readonly Fault[];

  constructor(status: number, message: string, faults: readonly Fault[] = []) {
    super(message);
    this.status = status;
    this.faults = faults;
  }
}

/** @param onRefused told when the key is not, or no longer, valid */
export function createApi(key: string, onRefused: () => void): Api {
  const request = async (
    path: string,
    { contentType, ...init }: RequestInit & { readonly contentType?: string },
  ): Promise<Response> => {
    let response;
    try {
      response = await fetch(`/v1${path}`, {
        ...init,
        headers: { 'X-Api-Key': key, ...(contentType && { 'Content-Type': contentType }) },
        credentials: 'omit',
        cache: 'no-store',
      });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, 'The server cannot be reached.');
    }
    if (response.ok) return response;
    if (response.status === 401) onRefused();
    throw await errorOf(response);
  };
  // Page and server are of one version: what the API says it answers is not checked again.
  const json = async <Answer>(response: Response): Promise<Answer> => {
    const answer: Answer = response.status === 204 ? undefined : await response.json();
    return answer;
  };

  return {
    get: async (path, signal) => json(await request(path, signal ? { signal } : {})),
    send: async (method, path, body) =>
      json(
        await request(path, {
          method,
          ...(body && { contentType: 'application/json', body: JSON.stringify(body) }),
        }),
      ),
    open: async (path, signal) => request(path, { signal }),
  };
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response;
  const answer: unknown = await response.json().catch(() => undefined);
  const detail =
    typeof answer === 'object' && answer !== null && 'detail' in answer ? answer.detail : undefined;
  if (Array.isArray(detail)) {
    const given: readonly Fault[] = detail;
    const faults = given.map(({ loc, msg }) => ({ loc, msg: plain(msg) }));
    return new ApiError(status, faults.map(({ msg }) => msg).join(' '), faults);
  }
  if (typeof detail === 'string') return new ApiError(status, detail);
  return new ApiError(status, `The server answered ${status}.`);
}

/** Without the prefix that the contract's errors carry for programs. */
const plain = (text: string): string => {
  const sentence = text.replace(/^Value error, /, '');
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
};
