import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { STOCK_LINE, stockClient } from '../support/stock-client.ts';
import { actionsOf } from './actions.ts';
import type { RtviDriver } from './driver.ts';

/** Longer than any call: whoever is at the client does not hang up. */
const STAYS_MS = 600_000;

/** The client in this process, with a microphone and a loudspeaker of the test's. */
export const nodeDriver = ({ bank, openEar }: Sandbox): RtviDriver => ({
  async open(says) {
    const steps = says.flatMap(({ afterMs, say }) => [{ silence: afterMs }, { say }]);
    const script = [...steps, { silence: STAYS_MS }];
    const person = await scriptedCaller({ bank, openEar, script, voice: 'rms', line: STOCK_LINE });
    return actionsOf(stockClient(person).drive);
  },
});
