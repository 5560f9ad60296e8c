import type { Role } from '#contracts/vendor.ts';
import { createLog } from '#lib/log.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { EndReason, Turn } from '#protocol/calls.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { CallerEvent } from '#sandbox/caller/scripted-caller.ts';
import type { Fault, Faults, Outage } from '#sandbox/faults.ts';
import { startSandbox } from '#sandbox/sandbox.ts';
import type { VendorName } from '#sandbox/vendors/index.ts';
import { startSession } from '#session/session.ts';
import { createVendorPool } from '#session/vendor-pool.ts';
import type { JournalEntry, Secrets } from '#store/store.ts';
import { vendorByName, vendors } from '#vendors/index.ts';
import type { CallEvidence } from './judge.ts';
import { openPhoneLine } from './phone-line.ts';
import { GREETING_WORD_COUNT, scenario } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import type { FaultWorld } from './world.ts';

/** One way of a vendor to fill a role. */
export type Link = {
  readonly vendor: VendorName;
  /** The vendor's own name of a model; undefined: its default. */
  readonly model?: string;
};

export type Chains = Readonly<Record<Role, readonly Link[]>>;

/** When and how a vendor goes wrong. */
export type Trouble = {
  readonly vendor: VendorName;
  readonly fault: Fault | Outage;
  /** `caller-speaks`, `agent-speaks`: in the middle of the first sentence after the greeting. */
  readonly from: 'start' | 'caller-speaks' | 'agent-speaks';
  /** It is over as soon as it has befallen what was open. */
  readonly passing?: boolean;
};

/** A call that is set up; nothing happens before time moves. */
export type StartedCall = { readonly evidence: Promise<CallEvidence> };

/** From the ring to the answer; vendors are warmed up in it. */
const RING_MS = 1_000;
/** A call that is not over by then will never be. */
const LIMIT_MS = 180_000;
/** In the middle of a sentence. */
const INTO_SENTENCE_MS = 900;
/** Vendors make speech several times as fast as it is heard: they are in the middle of it only at its beginning. */
const INTO_REPLY_WORDS = 2;

/** Plays a scenario with the product's own session, chains and vendors against simulators of its own. */
export async function startCall(
  world: FaultWorld,
  chains: Chains,
  trouble: Trouble | undefined,
  { greeting, script, brain }: Scenario = scenario,
): Promise<StartedCall> {
  const { clock } = world;
  const opened = new AsyncDisposableStack();
  const complaints: string[] = [];
  try {
    const sandbox = opened.adopt(
      await startSandbox({ clock, brain, bank: world.bank }),
      (running) => running.close(),
    );
    const log = createLog({
      level: 'error',
      keepPii: false,
      destination: { write: (line: string) => void complaints.push(`log: ${line.trim()}`) },
    });
    const pool = createVendorPool({ vendors, urls: sandbox.urls, clock, log });
    opened.defer(() => pool.close());
    const agent = agentConfigOf(chains, greeting);
    const set = pool.acquire(agent, secretsOf(sandbox.keys), {
      tenantId: 'a-tenant',
      instanceId: 'an-instance',
    });
    opened.defer(() => set.release());
    for (const [role, vendor] of [
      ['speech-to-text', set.set.hearing.vendor],
      ['language-model', set.set.model.vendor],
      ['text-to-speech', set.set.speech.vendor],
    ] as const)
      if (vendor !== chains[role][0]?.vendor)
        complaints.push(`${vendor} begins as ${role}, not ${chains[role][0]?.vendor ?? 'nobody'}`);

    const go = trouble && createTrigger(trouble, sandbox.vendors.faults[trouble.vendor]);
    await go?.at('start');
    const caller = await scriptedCaller({
      bank: world.bank,
      openEar: world.openEar,
      script,
      voice: 'rms',
      patienceMs: 60_000,
      onEvent: (event) => go?.on(event, (delayMs, fire) => void clock.after(delayMs, fire)),
    });
    const line = await openPhoneLine(clock, caller);
    opened.defer(() => line.close());

    const turns: Turn[] = [];
    const journal: JournalEntry[] = [];
    const switchesMs: number[] = [];
    let end: { reason: EndReason; detail: string | null } | undefined;
    const answer = async (): Promise<void> => {
      set.set.model.warm();
      set.set.speech.warm();
      await clock.sleep(RING_MS);
      line.pickUp();
      const session = startSession({
        callId: 'a-call',
        callerPhone: '+12025550188',
        agent,
        transport: line.transport,
        ...set.set,
        voiceActivity: world.voiceActivity,
        recorder: {
          state: () => undefined,
          journal: (entry) => journal.push(entry),
          turn: (turn) => void turns.push(turn),
          end(reason, detail) {
            end = { reason, detail };
            return Promise.resolve();
          },
        },
        clock,
        log,
        hangUpAtCarrier: () => Promise.resolve(true),
        publish(event) {
          if (event.type === 'vendor-failed' && event.switched_to !== undefined)
            switchesMs.push(event.at_ms);
        },
      });
      await session.ended;
    };
    const limit = new AbortController();
    const play = async (): Promise<CallEvidence> => {
      const late = clock.sleep(LIMIT_MS, limit.signal).then(
        () => complaints.push(`not over after ${LIMIT_MS / 1_000} s`),
        () => undefined,
      );
      try {
        await Promise.race([answer(), late]);
        // The carrier learns of the end by the closed socket.
        await Promise.race([caller.done, clock.sleep(1_000).then(() => line.close())]);
        const record = await caller.done;
        return {
          record,
          transcript: turns
            .filter(({ role }) => role === 'caller')
            .map(({ text }) => text)
            .join(' '),
          switchesMs,
          journal,
          endReason: end?.reason,
          endDetail: end?.detail,
          complaints: [...complaints, ...line.warnings.map((warning) => `carrier: ${warning}`)],
        };
      } finally {
        limit.abort();
        await opened.disposeAsync();
      }
    };
    return { evidence: play() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** Puts the trouble in force when its moment has come, once. */
function createTrigger({ fault, from, passing }: Trouble, faults: Faults) {
  let heardWords = 0;
  let done = false;
  const fire = async (): Promise<void> => {
    if (done) return;
    done = true;
    await faults.set(fault);
    if (passing) await faults.set(undefined);
  };
  return {
    at: async (moment: Trouble['from']): Promise<void> => {
      if (moment === from) await fire();
    },
    on(event: CallerEvent, after: (delayMs: number, fire: () => void) => void): void {
      if (event.type === 'heard') heardWords += 1;
      if (from === 'caller-speaks' && event.type === 'step' && 'say' in event.step)
        after(INTO_SENTENCE_MS, () => void fire());
      if (from === 'agent-speaks' && heardWords >= GREETING_WORD_COUNT + INTO_REPLY_WORDS)
        void fire();
    },
  };
}

const agentConfigOf = (chains: Chains, greeting: string) => {
  const names = (role: Role): string[] => chains[role].map(({ vendor }) => vendor);
  const settings: Record<string, Record<string, string>> = {};
  for (const [role, field] of [
    ['speech-to-text', 'stt_model'],
    ['language-model', 'llm_model'],
    ['text-to-speech', 'tts_model'],
  ] as const)
    for (const { vendor, model } of chains[role])
      if (model !== undefined) settings[vendor] = { ...settings[vendor], [field]: model };
  return agentConfigSchema.parse({
    greeting,
    voice: {
      stt: names('speech-to-text'),
      llm: names('language-model'),
      tts: names('text-to-speech'),
      vendors: settings,
      // The caller of this scenario is silent for seconds on purpose.
      idle: { prompt_after_ms: 60_000 },
    },
  });
};

const secretsOf = (keys: Readonly<Partial<Record<string, string>>>): Secrets => {
  const secrets: Partial<Record<keyof Secrets, string>> = {};
  for (const [name, key] of Object.entries(keys)) {
    const spec = vendorByName.get(name);
    if (spec && key !== undefined) secrets[spec.credential] = key;
  }
  return secrets;
};
