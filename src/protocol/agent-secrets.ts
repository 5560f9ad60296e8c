import type { AgentConfig, GivenAgentConfig } from './agent-config.ts';
import type { StoredSecret } from './agent-tools.ts';

/**
 * Where a secret of an agent is used, as one text: kind, name, origin and, for tools, header. The
 * origin is part of it, so that a secret never goes anywhere but where it was given for.
 */
export type AgentSecretField = string;

/** The secrets of one agent in the clear, for the moment of use. */
export type AgentSecrets = Readonly<Record<AgentSecretField, string>>;

export const toolHeaderField = (
  tool: { readonly name: string; readonly url: string },
  header: string,
): AgentSecretField => `tool ${tool.name} ${originOf(tool.url)} ${header.toLowerCase()}`;

export const mcpTokenField = (server: {
  readonly name: string;
  readonly url: string;
}): AgentSecretField => `mcp ${server.name} ${originOf(server.url)} bearer_token`;

const originOf = (url: string): string => new URL(url).origin;

/** A secret's field, and where it stands in the agent_config. */
export type SecretPlace = {
  readonly field: AgentSecretField;
  readonly path: readonly (string | number)[];
};

/** Every secret that an agent_config speaks of. */
export function secretPlaces(config: AgentConfig | GivenAgentConfig): readonly SecretPlace[] {
  return [
    ...config.tools.flatMap((tool, index) =>
      Object.keys(tool.headers).map((header) => ({
        field: toolHeaderField(tool, header),
        path: ['tools', index, 'headers', header],
      })),
    ),
    ...config.mcp_servers.flatMap((server, index) =>
      server.bearer_token === undefined
        ? []
        : [{ field: mcpTokenField(server), path: ['mcp_servers', index, 'bearer_token'] }],
    ),
  ];
}

const STORED: StoredSecret = { set: true };

/** Parts the secrets from what is stored and answered as it is. */
export function withoutSecrets(given: GivenAgentConfig): {
  readonly config: AgentConfig;
  /** Those given anew. */
  readonly secrets: AgentSecrets;
} {
  const secrets: Record<AgentSecretField, string> = {};
  const take = (field: AgentSecretField, secret: string | StoredSecret): StoredSecret => {
    if (typeof secret === 'string') secrets[field] = secret;
    return STORED;
  };
  const config: AgentConfig = {
    ...given,
    tools: given.tools.map((tool) => ({
      ...tool,
      headers: Object.fromEntries(
        Object.entries(tool.headers).map(([header, secret]) => [
          header,
          take(toolHeaderField(tool, header), secret),
        ]),
      ),
    })),
    mcp_servers: given.mcp_servers.map(({ bearer_token: token, ...server }) =>
      token === undefined
        ? server
        : { ...server, bearer_token: take(mcpTokenField(server), token) },
    ),
  };
  return { config, secrets };
}
