import type { AgentConfig } from '#protocol/agent-config.ts';

/** The owner's prompt, then what every agent on a phone has to know. */
export const systemPromptOf = (agent: AgentConfig): string =>
  [
    agent.system_prompt.trim(),
    'You are speaking on the telephone. What you write is spoken aloud: write plain sentences, no markup, no lists, no emoji.',
    `Speak the language of this locale unless the caller uses another: ${agent.language}.`,
    'An earlier answer of yours may end in the middle of a sentence: the caller interrupted you there and did not hear the rest.',
  ].join('\n\n');
