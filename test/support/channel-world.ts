import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { ChannelSetup } from '#providers/decisions.ts';
import { createKeyedLock } from '#providers/keyed-lock.ts';
import { setUpChannel } from '#providers/set-up.ts';
import { tearDownChannel } from '#providers/tear-down.ts';
import type { ChannelParts } from '#providers/wiring.ts';
import { createWiringWorker } from '#providers/wiring-worker.ts';
import type { Channel, Secrets, Store } from '#store/store.ts';
import { carrierWorld, incompleteProvider, ownerOf } from './carrier-world.ts';
import type { CarrierWorld } from './carrier-world.ts';
import { openTestStore } from './store.ts';

/** No calls to end. */
export const noCalls = { endAll: async (): Promise<void> => undefined };

/** An instance of a new tenant, with two numbers of its own. */
export type ChannelSetting = {
  readonly A: string;
  readonly B: string;
  /** A setup with all that a channel on number A needs. */
  readonly complete: ChannelSetup;
  readonly parts: ChannelParts;
  readonly tenantId: string;
  readonly instanceId: string;
  /** What a number points at when it points at this instance. */
  readonly ours: string;
  changes(): readonly string[];
  setUp(setup: ChannelSetup): Promise<Channel>;
  tearDown(): Promise<boolean>;
  channel(): Promise<Channel | undefined>;
  secrets(): Promise<Secrets>;
};

/**
 * One real store, one carrier and one virtual clock for many settings: a job that one test leaves
 * behind finds the same world when the worker of a later test does it.
 */
export type ChannelWorld = {
  readonly clock: VirtualClock;
  readonly carrier: CarrierWorld;
  setting(): Promise<ChannelSetting>;
  /** The process of the setting dies after so many steps, at the store or at the carrier. */
  dieAfter(steps: number): void;
  /** A process that does not die runs the worker until a quarter of an hour has passed. */
  settle(): Promise<ChannelParts>;
  close(): Promise<void>;
};

export async function openChannelWorld(): Promise<ChannelWorld> {
  const clock = virtualClock(Date.UTC(2026, 10, 20));
  const store = await openTestStore({ clock });
  let stepsLeft = Number.POSITIVE_INFINITY;
  let settings = 0;
  const step = (): void => {
    if (stepsLeft-- <= 0) throw new Error('the process has died');
  };
  const carrier = carrierWorld([], step);
  const processOn = (used: Store): ChannelParts => ({
    store: used,
    providers: { pipecat: carrier.provider, retell: incompleteProvider },
    clock,
    log: silentLog,
    lock: createKeyedLock(),
  });

  return {
    clock,
    carrier,
    async setting() {
      stepsLeft = Number.POSITIVE_INFINITY;
      carrier.faults.length = 0;
      settings += 1;
      const A = `+1415${String(5_550_000 + settings * 2)}`;
      const B = `+1415${String(5_550_001 + settings * 2)}`;
      for (const number of [A, B]) carrier.pointsAt.set(number, ownerOf(number));
      const tenantId = crypto.randomUUID();
      await store.ensureTenant(tenantId);
      const { id } = await store.instances.create(tenantId, {
        name: 'agent',
        agentConfig: agentConfigSchema.parse({}),
      });
      const parts = processOn(mortal(store, step));
      return {
        A,
        B,
        complete: {
          provider: 'pipecat',
          twilioPhoneNumber: A,
          secrets: { openai_api_key: 'sk', twilio_auth_token: 'tok', cartesia_api_key: 'ca' },
        },
        parts,
        tenantId,
        instanceId: id,
        ours: `https://voice.example/${id}`,
        changes: () => carrier.changes.filter((one) => one.startsWith(A) || one.startsWith(B)),
        setUp: (setup) => setUpChannel(parts, tenantId, id, setup),
        tearDown: () => tearDownChannel({ ...parts, live: noCalls }, tenantId, id),
        channel: () => store.channels.get(tenantId, id),
        secrets: () => store.channels.secrets(tenantId, id),
      };
    },
    dieAfter(steps) {
      stepsLeft = steps;
    },
    async settle() {
      stepsLeft = Number.POSITIVE_INFINITY;
      const parts = processOn(store);
      const worker = createWiringWorker({ ...parts, random: () => 0.5 });
      for (let round = 0; round < 5; round += 1) {
        await clock.advance(180_000);
        await worker.runDue();
      }
      return parts;
    },
    close: () => store.close(),
  };
}

/** The store as a process sees it that may die before any step. */
function mortal(whole: Store, step: () => void): Store {
  const guarded = <T extends object>(group: T): T =>
    new Proxy(group, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== 'function') return member;
        return async (...values: unknown[]): Promise<unknown> => {
          step();
          const result: unknown = await Reflect.apply(member, target, values);
          return result;
        };
      },
    });
  return {
    ...whole,
    channels: guarded(whole.channels),
    wiringJobs: guarded(whole.wiringJobs),
  };
}
