import type { Clock } from '#lib/clock.ts';
import type { RetellCall } from '../account.ts';
import { utterancesOf } from '../transcript.ts';
import type { AgentSide, LineSide } from './agent-side.ts';

/** What Retell's own language model says to what the caller said last. */
export type OwnBrain = (said: string) => { readonly text: string; readonly endCall?: boolean };

export const OWN_GREETING = 'Hello, you are talking to an agent of Retell. How can I help you?';

/** Repeats what it was told, and says goodbye when the caller does. */
export const parrot: OwnBrain = (said) => {
  if (/\bbye\b|goodbye/i.test(said))
    return { text: 'Thank you for calling. Goodbye!', endCall: true };
  if (said === '') return { text: 'Are you still there?' };
  return { text: `You said: ${said.replace(/[.!?]+$/, '')}. What else can I do for you?` };
};

const FIRST_TOKEN_MS = 450;

/** An agent that Retell itself thinks for: no socket, and requests that cost tokens. */
export function ownAgent(options: {
  readonly clock: Clock;
  readonly call: RetellCall;
  readonly line: LineSide;
  readonly brain: OwnBrain;
}): AgentSide {
  const { clock, call, line, brain } = options;
  let isOver = false;
  return {
    open: () =>
      void line.respond({ response_id: 0, content: OWN_GREETING, content_complete: true }),
    ask(kind, responseId) {
      const last = utterancesOf(call.transcript).at(-1);
      const said = kind === 'response_required' && last?.role === 'user' ? last.content : '';
      call.tokens.push(400 + 40 * call.transcript.length);
      clock.after(FIRST_TOKEN_MS, () => {
        const { text, endCall = false } = brain(said);
        if (isOver) return;
        line.respond({
          response_id: responseId,
          content: text,
          content_complete: true,
          end_call: endCall,
        });
      });
    },
    update: () => undefined,
    close: () => void (isOver = true),
  };
}
