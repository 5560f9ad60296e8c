import type { z } from 'zod';
import type {
  interruptSchema,
  responseSchema,
  toolInvocationSchema,
  toolResultSchema,
  updateAgentSchema,
} from './llm-frames.ts';

/** Who decides what the agent says: a customer's server behind its socket, or Retell itself. */
export type AgentSide = {
  /** The call was answered. */
  open(): void;
  /** Asks for words. An answer to an older request counts for nothing any more. */
  ask(kind: 'response_required' | 'reminder_required', responseId: number): void;
  /** The transcript has grown, or the turn has passed on. */
  update(turntaking?: 'agent_turn' | 'user_turn'): void;
  close(): void;
};

/**
 * What an agent's side can do on the line. Each answers why it counted for nothing, undefined where
 * it counted: the side itself is never told.
 */
export type LineSide = {
  respond(response: z.infer<typeof responseSchema>): string | undefined;
  interrupt(interrupt: z.infer<typeof interruptSchema>): string | undefined;
  invokeTool(invocation: z.infer<typeof toolInvocationSchema>): string | undefined;
  toolResult(result: z.infer<typeof toolResultSchema>): string | undefined;
  updateAgent(update: z.infer<typeof updateAgentSchema>): string | undefined;
  /** The socket broke and is back: what was asked for and not answered is asked for again. */
  reconnected(): void;
  /** The agent's side is at an end, and with it the call. */
  end(reason: string): void;
};
