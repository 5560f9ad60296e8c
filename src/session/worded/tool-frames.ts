import type { WordsTransport } from '#contracts/words-transport.ts';
import { TOOL_RESULTS } from '#conversation/tools.ts';
import type { Step } from '../line.ts';

/** Tells the other side, for its record, which tools are called and what comes of them. */
export type ToolFrames = { settled(step: Step): void };

export function createToolFrames(
  transport: Pick<WordsTransport, 'toolCalled' | 'toolAnswered'>,
): ToolFrames {
  /** By the id of the call, under which name the other side knows it: some models use an id twice. */
  const open = new Map<string, string>();
  const used = new Set<string>();

  const begin = (callId: string): string => {
    let name = callId;
    for (let count = 2; used.has(name); count++) name = `${callId}-${count}`;
    used.add(name);
    open.set(callId, name);
    return name;
  };
  const end = (callId: string, result: string, isSuccess: boolean): void => {
    const name = open.get(callId);
    if (name === undefined) return;
    open.delete(callId);
    transport.toolAnswered(name, result, isSuccess);
  };

  return {
    settled({ input, effects }) {
      if (input.type === 'tool-result')
        end(input.callId, input.result, !input.result.startsWith('{"error":'));
      if (input.type === 'handed-over') end(input.callId, 'Asked for.', true);
      for (const effect of effects) {
        if (effect.type === 'stop-tools')
          for (const callId of effect.callIds) end(callId, TOOL_RESULTS.cancelled, false);
        if (effect.type === 'run-tool') {
          const { callId, name, arguments: json } = effect;
          transport.toolCalled({ callId: begin(callId), name, arguments: json });
        }
      }
    },
  };
}
