import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { stockClient } from '../support/stock-client.ts';
import { actionsOf } from './actions.ts';
import type { RtviDriver } from './driver.ts';

/** The client in this process, with a microphone and a loudspeaker of the test's. */
export const nodeDriver = ({ bank, openEar }: Sandbox): RtviDriver => ({
  async open(says) {
    const steps = says.flatMap(({ afterMs, say }) => [{ silence: afterMs }, { say }]);
    const script = [...steps, { expectHangUp: true } as const];
    const person = await scriptedCaller({ bank, openEar, script, voice: 'rms' });
    return actionsOf((await stockClient(person)).drive);
  },
});
