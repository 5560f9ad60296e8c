import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';

/**
 * A stored agent_config as this version understands it: settings it does not know (a newer
 * version's) are passed over, those that were not there yet when it was stored get their defaults.
 */
export function readAgentConfig(stored: unknown, instanceId: string): AgentConfig {
  const parsed = agentConfigSchema.safeParse(stored);
  if (parsed.success) return parsed.data;
  const known: unknown = structuredClone(stored);
  for (const issue of parsed.error.issues)
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) forget(known, [...issue.path, key]);
  const again = agentConfigSchema.safeParse(known);
  if (again.success) return again.data;
  const where = again.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new Error(`the stored agent_config of instance ${instanceId} is not valid: ${where}`);
}

function forget(value: unknown, path: readonly PropertyKey[]): void {
  const [key, ...rest] = path;
  if (typeof value !== 'object' || value === null || key === undefined) return;
  if (rest.length === 0) Reflect.deleteProperty(value, key);
  else forget(Reflect.get(value, key), rest);
}
