import type { ToolDefinition } from '#contracts/language-model.ts';
import { END_CALL_TOOL } from '#conversation/tools.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';

const endCall: ToolDefinition = {
  name: END_CALL_TOOL,
  description:
    'Hang up. Call it when the conversation is over and both sides have said goodbye, or when the caller asks to end the call.',
  parameters: {
    type: 'object',
    properties: {
      farewell: {
        type: 'string',
        description: 'What to say before hanging up, unless you have said goodbye already.',
      },
    },
    required: ['farewell'],
    additionalProperties: false,
  },
};

/** What the agent may do besides speaking. */
export const toolsOf = (_agent: AgentConfig): readonly ToolDefinition[] => [endCall];

/** The owner's prompt, then what every agent on a phone has to know. */
export const systemPromptOf = (agent: AgentConfig): string =>
  [
    agent.system_prompt.trim(),
    'You are speaking on the telephone. What you write is spoken aloud: write plain sentences, no markup, no lists, no emoji.',
    `Speak the language of this locale unless the caller uses another: ${agent.language}.`,
    'An earlier answer of yours may end in the middle of a sentence: the caller interrupted you there and did not hear the rest.',
  ].join('\n\n');
