import type { Clock } from '#lib/clock.ts';
import { compileSchema } from '#lib/json-schema.ts';
import type { Log } from '#lib/log.ts';
import type { Random } from '#sandbox/lib/random.ts';
import { sendDigits, transferCall } from '#session/tools/built-in-tools.ts';
import { createToolRunner } from '#session/tools/runner.ts';
import { result, ToolFault } from '#session/tools/tool.ts';
import type { Tool } from '#session/tools/tool.ts';
import type { Toolbox } from '#session/tools/toolbox.ts';

const TIMEOUT_MS = 8_000;

/** What the arguments of every tool are checked by: compiled ahead, as that takes real time. */
export const compileToolSchemas = async (): Promise<void> => {
  const builtIn = [sendDigits(() => Promise.resolve()), transferCall(DESK, neverTransfers) ?? []];
  for (const { definition } of builtIn.flat()) await compileSchema(definition.parameters);
  await compileSchema(WHAT);
};
const DESK = [{ name: 'desk', description: 'A person.', number: '+12025550111' }];
const neverTransfers = () => Promise.resolve({ ok: false, message: '' } as const);
const WHAT = { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] };

/** The product's own runner and built-in tools, and two tools that take time, fail, or never answer. */
export function simulatedToolbox(clock: Clock, log: Log, random: Random): Pick<Toolbox, 'of'> {
  const tool = (name: string, lasting: boolean): Tool => ({
    definition: {
      name,
      description: 'Looks something up, or books it.',
      parameters: WHAT,
    },
    lasting,
    timeoutMs: TIMEOUT_MS,
    secrets: [],
    async run(_given, signal) {
      const draw = random.next();
      await clock.sleep(draw < 0.05 ? TIMEOUT_MS * 2 : random.int(50, 5_000), signal);
      if (draw > 0.92) throw new ToolFault('It is not there.');
      return result('{"found":true}');
    },
  });
  return {
    of:
      ({ agent, transfer }) =>
      (around) => {
        const tools = [
          sendDigits(around.play),
          transferCall(agent.transfer_numbers, transfer) ?? [],
          tool('look_up', false),
          tool('book', true),
        ].flat();
        return createToolRunner({
          tools: () => tools,
          clock,
          log,
          note: around.note,
          on: around.on,
        });
      },
  };
}
