import { policyOf } from '#conversation/policy.ts';
import type { Policy } from '#conversation/policy.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';

/**
 * What an agent's settings come to today, for a journal from before version 1, which does not name
 * those of then: it shows only whether the recogniser decided the end of turns.
 */
export function policyOfToday(agent: AgentConfig, entries: readonly unknown[]): Policy {
  const types = entries.map((entry): unknown => Object(entry).type);
  return policyOf(agent, types.includes('heard-end'));
}
