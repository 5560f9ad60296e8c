import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { messageOf } from '#lib/errors.ts';
import { PrivateAddressError } from '#lib/guarded-agent.ts';
import { textOf } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { MAX_RESULT_CHARS, parametersOf, result, ToolFault } from './tool.ts';
import type { Tool } from './tool.ts';

type HttpToolConfig = AgentConfig['tools'][number];

/** Enough for `MAX_RESULT_CHARS` in any script; what is beyond is not even read. */
const MAX_READ_BYTES = MAX_RESULT_CHARS * 4;
const MAX_ERROR_CHARS = 500;

/**
 * A tool that is an HTTPS endpoint. It gets the arguments as a JSON body (as a query with GET and
 * DELETE) and the owner's headers; the text of a 2xx answer is the result. Redirects are not followed.
 * @param headers in the clear
 */
export function httpTool(
  config: HttpToolConfig,
  headers: Readonly<Record<string, string>>,
  dispatcher: Dispatcher,
): Tool {
  const { name, description, parameters, url, method } = config;
  return {
    definition: { name, description, parameters: parametersOf(parameters) },
    lasting: !config.cancel_on_interruption,
    timeoutMs: config.timeout_ms,
    secrets: secretsIn(Object.values(headers)),
    async run(given, signal) {
      const hasBody = method !== 'GET' && method !== 'DELETE';
      const answer = await request(hasBody ? url : withQuery(url, given), {
        dispatcher,
        method,
        signal,
        headers: {
          accept: 'application/json, text/*;q=0.9',
          'user-agent': 'HydraCore-Voice',
          ...headers,
          ...(hasBody && { 'content-type': 'application/json' }),
        },
        body: hasBody ? JSON.stringify(given) : null,
      }).catch(unreachable);
      const text = await textOfAnswer(answer).catch(unreachable);
      const { statusCode } = answer;
      if (statusCode >= 300 && statusCode < 400)
        throw new ToolFault(`The tool answered with a redirect (HTTP ${statusCode}).`);
      if (statusCode >= 400)
        throw new ToolFault(
          `The tool answered HTTP ${statusCode}: ${text.slice(0, MAX_ERROR_CHARS)}`,
        );
      return result(text.trim() === '' ? `Done (HTTP ${statusCode}).` : text);
    },
  };
}

/** `Bearer abc` is as secret as `abc`. */
export const secretsIn = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => [value, ...value.split(' ').filter((part) => part.length >= 12)]);

/** Objects and lists as JSON, the rest as it is. */
function withQuery(url: string, given: JsonRecord): string {
  const target = new URL(url);
  for (const [name, value] of Object.entries(given))
    target.searchParams.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  return target.href;
}

async function textOfAnswer({ headers, body }: Dispatcher.ResponseData): Promise<string> {
  const type = textOf(headers['content-type']).toLowerCase();
  const encoding = textOf(headers['content-encoding']).toLowerCase();
  // A body that is given up says so as an error event, which ends a process where nobody listens.
  body.on('error', () => undefined);
  if ((type !== '' && !TEXT_TYPES.test(type)) || (encoding !== '' && encoding !== 'identity')) {
    body.destroy();
    throw new ToolFault(
      `The tool answered with ${encoding || type.slice(0, 80)}, which is no text.`,
    );
  }
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    byteCount += chunk.byteLength;
    // Leaving the loop closes the connection: the rest is never sent.
    if (byteCount > MAX_READ_BYTES) break;
  }
  return decode(Buffer.concat(chunks), /charset="?([\w-]+)/.exec(type)?.[1]);
}

const TEXT_TYPES =
  /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:json|xml|yaml|x-yaml|x-ndjson|javascript|x-www-form-urlencoded)\b)/;

function decode(bytes: Uint8Array, charset = 'utf-8'): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    // A character set that nobody knows.
    return new TextDecoder().decode(bytes);
  }
}

/** What the model is told of a connection that failed. */
export function unreachable(error: unknown): never {
  if (error instanceof ToolFault) throw error;
  if (error instanceof PrivateAddressError)
    throw new ToolFault(`The tool may not be called: ${error.message}.`);
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  throw new ToolFault(`The tool cannot be reached${code}.`, { cause: messageOf(error) });
}
