import { systemClock } from '#lib/clock.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { silentLog } from '#lib/log.ts';
import { givenAgentConfigSchema } from '#protocol/agent-config.ts';
import { withoutSecrets } from '#protocol/agent-secrets.ts';
import type { ToolAnswer, ToolRunner } from '#session/tools/runner.ts';
import { createToolbox } from '#session/tools/toolbox.ts';
import type { TransferAtCarrier } from '#contracts/incoming-call.ts';
import { recorder } from './recorder.ts';

/** The tools of one call of an agent, and what is heard of them. */
export type OpenedTools = {
  readonly runner: ToolRunner;
  readonly answers: readonly ToolAnswer[];
  readonly notes: readonly string[];
  /** Keys that were pressed on the line. */
  readonly played: readonly string[];
  /** Has a tool run; resolves with its result as the model is told it. */
  call(name: string, given?: unknown, callId?: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** @param config of the agent, as its owner gives it */
export function openTools(
  config: object,
  options: {
    readonly allowPrivate?: boolean;
    readonly clock?: Clock;
    readonly log?: Log;
    readonly transfer?: TransferAtCarrier;
  } = {},
): OpenedTools {
  const { allowPrivate = true, clock = systemClock, log = silentLog, transfer } = options;
  const given = withoutSecrets(givenAgentConfigSchema.parse(config));
  const toolbox = createToolbox({ allowPrivate, clock, log });
  const answers = recorder<ToolAnswer>();
  const notes: string[] = [];
  const played: string[] = [];
  const open = toolbox.of({ agent: given.config, secrets: given.secrets, transfer });
  const runner = open({
    play: (keys) => (played.push(keys), Promise.resolve()),
    note: (text) => void notes.push(text),
    on: answers.on,
  });
  let calls = 0;
  return {
    runner,
    answers: answers.all,
    notes,
    played,
    async call(name, args = {}, callId = `call-${++calls}`) {
      const json = typeof args === 'string' ? args : JSON.stringify(args);
      runner.run({ replyId: 1, callId, name, arguments: json });
      const answer = await answers.until((one) => one.callId === callId);
      return answer.type === 'tool-result' ? answer.result : `transferred to ${answer.to}`;
    },
    async [Symbol.asyncDispose]() {
      runner.close();
      await toolbox.close();
    },
  };
}
