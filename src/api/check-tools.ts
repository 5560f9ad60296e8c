import { isIP } from 'node:net';
import { VoiceError } from '#lib/errors.ts';
import type { FieldFault } from '#lib/errors.ts';
import { compileSchema } from '#lib/json-schema.ts';
import { isPublicAddress } from '#lib/public-address.ts';
import type { GivenAgentConfig } from '#protocol/agent-config.ts';

/**
 * What can be known of an agent's tools before they are called. Names are looked up only when a
 * connection is made, and judged then. Throws `invalid` with every fault.
 */
export async function checkTools(
  { tools, mcp_servers: servers }: GivenAgentConfig,
  { allowPrivate }: { readonly allowPrivate: boolean },
): Promise<void> {
  const faults: FieldFault[] = [];
  const fault = (path: readonly (string | number)[], text: string): void =>
    void faults.push({
      loc: ['body', 'agent_config', ...path],
      msg: `Value error, ${text}`,
      type: 'value_error',
    });
  for (const [index, tool] of tools.entries()) {
    const problem = allowPrivate ? undefined : problemOf(tool.url);
    if (problem !== undefined) fault(['tools', index, 'url'], problem);
    const schema = await compileSchema(tool.parameters);
    if (!schema.ok) fault(['tools', index, 'parameters'], 'value is not a valid JSON Schema');
  }
  for (const [index, server] of servers.entries()) {
    const problem = allowPrivate ? undefined : problemOf(server.url);
    if (problem !== undefined) fault(['mcp_servers', index, 'url'], problem);
  }
  if (faults.length > 0)
    throw new VoiceError('invalid', 'The tools of the agent_config are not valid.', { faults });
}

function problemOf(url: string): string | undefined {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:') return 'only https is allowed here';
  const host = hostname.replace(/^\[|\]$/g, '');
  const isPrivate = isIP(host) === 0 ? /(?:^|\.)localhost\.?$/i.test(host) : !isPublicAddress(host);
  return isPrivate ? 'this is a private address' : undefined;
}
