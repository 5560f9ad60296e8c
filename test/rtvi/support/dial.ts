import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { ScriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { World } from '#test/e2e/support/world.ts';
import { targetOf } from '../suite/cases.ts';
import { STOCK_LINE, stockClient } from './stock-client.ts';
import type { StockClient } from './stock-client.ts';

/** Somebody with Pipecat's own client calls an agent of the world. */
export async function dialFromBrowser(
  world: World,
  instanceId: string,
  script: readonly Step[],
): Promise<{ readonly call: StockClient; readonly person: ScriptedCaller }> {
  const { bank, openEar } = world.sandbox;
  const person = await scriptedCaller({ bank, openEar, script, voice: 'rms', line: STOCK_LINE });
  const call = stockClient(person);
  await call.drive.start(targetOf(world, instanceId));
  return { call, person };
}
