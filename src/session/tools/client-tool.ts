import type { Transport } from '#contracts/transport.ts';
import { messageOf } from '#lib/errors.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { parametersOf, result, ToolFault } from './tool.ts';
import type { Tool } from './tool.ts';

/** A tool that the caller's own program runs. What it says is the caller's word, as what they say is. */
export const clientTool = (
  { name, description, parameters, timeout_ms, cancel_on_interruption }: ClientToolConfig,
  call: NonNullable<Transport['callTool']>,
): Tool => ({
  definition: { name, description, parameters: parametersOf(parameters) },
  lasting: !cancel_on_interruption,
  timeoutMs: timeout_ms,
  secrets: [],
  async run(given, signal, callId) {
    try {
      return result(await call({ callId, name, arguments: given }, signal));
    } catch (error) {
      throw signal.aborted ? error : new ToolFault(messageOf(error));
    }
  },
});

type ClientToolConfig = AgentConfig['client_tools'][number];
