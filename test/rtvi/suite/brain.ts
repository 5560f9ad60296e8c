import type { Brain } from '#sandbox/vendors/brain.ts';
import { testBrain } from '#test/e2e/support/brain.ts';

/** As `testBrain`; asked for the map it has it shown. */
export const suiteBrain: Brain = (request) => {
  const last = request.items.at(-1);
  if (last?.type === 'function_call_output') return { text: `It says: ${last.output}` };
  const isAskedForMap = last?.type === 'message' && /map/i.test(last.text);
  return isAskedForMap && request.tools.includes('show_map')
    ? { toolCalls: [{ name: 'show_map', arguments: { place: 'bakery' } }] }
    : testBrain(request);
};
