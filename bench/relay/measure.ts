import { WebSocketServer } from 'ws';
import { systemClock } from '#lib/clock.ts';
import { newSid } from '#sandbox/carrier/accounts.ts';
import { loopbackNetwork } from '#sandbox/carrier/network.ts';
import { cpuMsOf, residentBytesOf, startProcess } from '../lib/processes.ts';
import type { Pinning } from '../lib/processes.ts';
import { createFleet } from '../load/fleet.ts';

/** What the bare relay costs. */
export type RelayCost = { readonly cpuMsPerCallSecond: number; readonly mbPerCall: number };

const PUBLIC_URL = 'https://voice.bench.test';
const FEW_CALLS = 10;
const WARM_UP_MS = 8_000;

/** Measures the relay as the server is measured: on the same processor, with the same callers. */
export async function measureRelay(options: {
  readonly pinning: Pinning | undefined;
  readonly calls: number;
  readonly measureMs: number;
}): Promise<RelayCost> {
  const { pinning, calls, measureMs } = options;
  const recogniser = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await new Promise((resolve) => recogniser.once('listening', resolve));
  const address = recogniser.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const relay = await startProcess({
    args: ['bench/relay/main.ts', `ws://127.0.0.1:${address.port}`],
    processors: pinning?.underTest,
    ready: (line) => /^Listening on (http:\S+)/.exec(line)?.[1],
  });
  const accountSid = newSid('AC');
  const fleet = createFleet({
    network: loopbackNetwork({ [PUBLIC_URL]: relay.answer }),
    account: { accountSid, authToken: 'none' },
    number: {
      sid: newSid('PN'),
      accountSid,
      phoneNumber: '+12025550109',
      createdAtMs: 0,
      updatedAtMs: 0,
      friendlyName: 'relay',
      voiceUrl: `${PUBLIC_URL}/twiml`,
      voiceMethod: 'POST',
      voiceFallbackUrl: '',
      voiceFallbackMethod: 'POST',
      voiceApplicationSid: '',
      trunkSid: '',
      statusCallback: '',
      statusCallbackMethod: 'POST',
    },
  });
  // Callers who wait for a greeting that never comes: their silence has as many bytes as their speech.
  const dial = async (count: number): Promise<void> => {
    for (let nth = 0; nth < count; nth++)
      await fleet.dial({ greeting: new Uint8Array(1), next: () => undefined, firstPauseMs: 0 });
  };
  try {
    await dial(FEW_CALLS);
    await systemClock.sleep(WARM_UP_MS);
    const fewBytes = residentBytesOf(relay.pid);
    await dial(calls - FEW_CALLS);
    await systemClock.sleep(WARM_UP_MS);
    const startedAtMs = performance.now();
    const cpuMs = cpuMsOf(relay.pid);
    await systemClock.sleep(measureMs);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return {
      cpuMsPerCallSecond: (cpuMsOf(relay.pid) - cpuMs) / seconds / calls,
      mbPerCall: (residentBytesOf(relay.pid) - fewBytes) / 1e6 / (calls - FEW_CALLS),
    };
  } finally {
    await fleet.close();
    await relay.stop();
    recogniser.close();
  }
}
