import type { ClientToolCall } from '#contracts/transport.ts';
import type { ServerMessage } from '#protocol/rtvi.ts';

/** Functions that the client runs for the agent: what was asked for, and what has come back. */
export type ClientTools = {
  call(call: ClientToolCall, signal: AbortSignal): Promise<string>;
  /** False: nobody waits for it. */
  answer(callId: string, result: string): boolean;
  /** Nothing will come back any more. */
  close(): void;
};

export function createClientTools(send: (message: ServerMessage) => void): ClientTools {
  const waiting = new Map<string, PromiseWithResolvers<string>>();
  let isClosed = false;
  const gone = (): Error => new Error('The caller has gone.');

  return {
    async call({ callId, name, arguments: given }, signal) {
      signal.throwIfAborted();
      if (isClosed) throw gone();
      const answer = Promise.withResolvers<string>();
      const onAbort = (): void => answer.reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.set(callId, answer);
      // Named and with its arguments, unlike the owner's: the client runs what it knows the name of.
      send({
        type: 'llm-function-call-in-progress',
        data: { tool_call_id: callId, function_name: name, arguments: given },
      });
      try {
        return await answer.promise;
      } finally {
        signal.removeEventListener('abort', onAbort);
        if (waiting.get(callId) === answer) waiting.delete(callId);
      }
    },
    answer(callId, result) {
      const answer = waiting.get(callId);
      waiting.delete(callId);
      answer?.resolve(result);
      return answer !== undefined;
    },
    close() {
      isClosed = true;
      for (const { reject } of waiting.values()) reject(gone());
      waiting.clear();
    },
  };
}
