import type { Provider } from '#contracts/provider.ts';

/**
 * Retell is not served yet: a channel may be stored with it, but is never complete, and says so.
 * Nothing is ever changed at Retell.
 */
export function createRetellProvider(options: { readonly publicUrl: string }): Provider {
  return {
    name: 'retell',
    missing: (channel, secretsSet) => [
      ...(secretsSet.includes('api_key') ? [] : ["Retell's key: api_key"]),
      ...(channel.agentId ? [] : ["the id of Retell's agent: agent_id"]),
      'a version of this server that serves Retell; this one serves pipecat only',
    ],
    webhookUrl: (instanceId) => `${options.publicUrl}/hooks/voice/${instanceId}`,
    apply: async () => ({
      kind: 'refused',
      field: 'provider',
      message: 'Retell is not served yet; use pipecat.',
    }),
    undoPayload: () => undefined,
    undo: async () => ({ kind: 'done', wiring: {} }),
  };
}
