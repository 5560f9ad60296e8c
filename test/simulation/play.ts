import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { startCall } from '#sandbox/carrier/call.ts';
import { restApi } from '#sandbox/carrier/rest.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import type { SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { hookUrls } from '#providers/pipecat/hook-urls.ts';
import type { Store } from '#store/store.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { createSimulatedCaller } from './caller.ts';
import type { Evidence, Timed } from './evidence.ts';
import type { CallPlan } from './plan.ts';
import { createCast } from './vendors/cast.ts';
import { createVocabulary } from './vocabulary.ts';
import { createSounds } from './world/labelled-sound.ts';
import { memoryNetwork } from './world/memory-network.ts';
import { PUBLIC_URL, startNode } from './world/node.ts';
import type { SimulatedNode } from './world/node.ts';
import type { RestDoor } from './world/rest-door.ts';
import { simulationClock } from './world/simulation-clock.ts';
import type { StoreFault } from './world/troubled-store.ts';

/** What calls share because it is dear to open; nothing of one call is left in it for the next. */
export type Stage = {
  readonly rest: RestDoor;
  openStore(kind: CallPlan['store'], clock: Clock): Promise<Store>;
};

const TENANT = '22222222-2222-4222-8222-222222222222';
const ACCOUNT = { accountSid: `AC${'a'.repeat(32)}`, authToken: 'the-auth-token-0123456789abcdef' };
const START_MS = Date.UTC(2026, 0, 5, 9);
/** A call that is not over by then will never be. */
const LIMIT_MS = 240_000;
/** A node that was silent for so long is dead. */
const SWEPT_AFTER_MS = 20_000;
/** For what follows a call: late status callbacks, writes that are tried again, sweeps of dead nodes. */
const AFTERMATH_MS = 90_000;

/** Plays one call from ring to rest, in virtual time. Rejects only for faults of the simulation itself. */
export async function playCall(plan: CallPlan, stage: Stage): Promise<Evidence> {
  const clock = simulationClock(START_MS);
  const sinceRing = (): number => clock.now() - START_MS;
  const random = createRandom(plan.seed ^ 0x5bd1e995);
  const sounds = createSounds();
  const vocabulary = createVocabulary(plan.seed);
  const cast = createCast({ plan, clock, sounds, vocabulary });
  const events: Timed<LiveEvent>[] = [];
  const faults: Timed<string>[] = [];
  const complaints: Timed<string>[] = [];
  const log = complainingLog((what) => void complaints.push({ atMs: sinceRing(), what }));
  const befalls = (what: string): void => void faults.push({ atMs: sinceRing(), what });

  const store = await clock.hold(stage.openStore(plan.store, clock));
  await store.ensureTenant(TENANT);
  const { id: instanceId } = await store.instances.create(TENANT, {
    name: 'simulated',
    agentConfig: agentConfigSchema.parse(plan.agent),
  });
  await store.channels.upsert(TENANT, instanceId, {
    provider: 'pipecat',
    enabled: true,
    status: 'active',
    secrets: { ...cast.secrets, twilio_auth_token: ACCOUNT.authToken },
  });

  const network = memoryNetwork((request) => {
    const isLost = plan.lostWebhooks.includes(request);
    if (isLost) befalls('webhook lost');
    return isLost;
  }, clock.withCare);
  const storeRandom = createRandom(plan.seed ^ 0x27d4eb2f);
  const open = (): Promise<SimulatedNode> =>
    startNode({
      clock,
      store,
      storeFault: (request) => storeFaultOf(plan, sinceRing(), request, befalls),
      storeLatencyMs: () => storeRandom.int(1, 4),
      specs: cast.specs,
      restUrl: stage.rest.url,
      random,
      log,
      instanceId,
      on: (event) => void events.push({ atMs: sinceRing(), what: event }),
    });
  let node = await open();
  network.lead(node.app);
  const killed: SimulatedNode[] = [];

  const caller = createSimulatedCaller({ plan: plan.caller, random, sounds, vocabulary });
  const urls = hookUrls(PUBLIC_URL, instanceId);
  noteCarrierFaults(plan, befalls);
  const phone = startCall({
    clock,
    network,
    bank: toneBank,
    account: ACCOUNT,
    from: '+12025550188',
    to: '+12025550100',
    phoneNumberSid: `PN${'d'.repeat(32)}`,
    caller,
    faults: plan.carrier,
    closing: new AbortController().signal,
    source: { url: urls.twiml, method: 'POST', purpose: 'voice' },
    fallback: undefined,
    statusCallback: { url: urls.status, method: 'POST' },
    record: () => undefined,
    warn: () => undefined,
  });
  if (plan.restIsDown) befalls('carrier: REST API down');
  stage.rest.lead(
    plan.restIsDown
      ? undefined
      : restApi({
          clock,
          accounts: new Map([[ACCOUNT.accountSid, ACCOUNT]]),
          numbers: [],
          trunks: [],
          calls: [phone],
          record: () => undefined,
        }),
  );

  for (const { vendor, fault, atMs, untilMs } of plan.vendors) {
    const of = cast.faults.get(vendor);
    if (!of) throw new Error(`nobody is called ${vendor}`);
    clock.after(atMs, () => {
      befalls(`vendor: ${fault.kind}`);
      void of.set(fault);
    });
    if (untilMs !== undefined) clock.after(untilMs, () => void of.set(undefined));
  }
  if (plan.caller.hangUpAtMs !== undefined)
    clock.after(plan.caller.hangUpAtMs, () => phone.hangUp());
  const { owner, node: nodeTrouble } = plan;
  if (owner)
    clock.after(owner.atMs, () => {
      befalls(`owner: ${owner.kind}`);
      if (owner.kind === 'end-all') return void node.floor.endAll(instanceId, 'channel_removed');
      const [call] = node.floor.list(instanceId);
      if (call) void node.floor.hangUp(call.callId);
    });
  if (nodeTrouble)
    clock.after(nodeTrouble.atMs, () => {
      befalls(`node: ${nodeTrouble.kind}`);
      if (nodeTrouble.kind === 'drain') return void node.drain(nodeTrouble.limitMs);
      node.kill();
      killed.push(node);
      network.lead(undefined);
      network.cut();
      for (const service of cast.services) service.drop();
      clock.after(nodeTrouble.backAfterMs, () => {
        const reopen = async (): Promise<void> => {
          node = await clock.hold(open());
          network.lead(node.app);
        };
        void reopen();
      });
    });

  const progress = { isOver: false, isClosed: false };
  void phone.done.then(() => (progress.isOver = true));
  await clock.run(() => progress.isOver, START_MS + LIMIT_MS);
  const isStuck = !progress.isOver;
  if (isStuck) phone.hangUp();
  await clock.run(() => false, clock.now() + AFTERMATH_MS);
  // A node that has gone leaves calls that never came to it to whichever starts next.
  if (nodeTrouble)
    await store.nodes.sweep(new Date(clock.now() - SWEPT_AFTER_MS), new Date(clock.now()));
  const simulatedMs = (phone.endedAtMs ?? clock.now()) - START_MS;

  const known = await store.calls.findByCarrierId(TENANT, instanceId, phone.sid);
  const call = known && (await store.calls.get(TENANT, known.id));
  const journal = known ? await store.calls.journal(TENANT, known.id) : [];

  void node.drain(0).then(() => (progress.isClosed = true));
  await clock.run(() => progress.isClosed, clock.now() + LIMIT_MS);
  // What is closed is gone a turn of the loop later.
  await clock.run(() => false, clock.now() + 100);
  for (const dead of killed) await dead.app.close();
  const leftovers = leftoversOf(node, cast.services, network.open);
  if (plan.store === 'memory') await store.close();

  const answeredMs = phone.answeredAtMs === undefined ? undefined : phone.answeredAtMs - START_MS;
  const afterAnswer = (ms: number): number => (answeredMs ?? 0) + ms;
  const { spoken, acts, heard } = caller.record;
  return {
    plan,
    answeredMs,
    sessionMs: events.find(({ what }) => what.type === 'call-started')?.atMs,
    overMs: phone.endedAtMs === undefined ? undefined : phone.endedAtMs - START_MS,
    simulatedMs,
    spoken: spoken.map(({ word, startMs, endMs }) => ({
      word,
      startMs: afterAnswer(startMs),
      endMs: afterAnswer(endMs),
    })),
    acts: acts.map(({ atMs, act }) => ({ atMs: afterAnswer(atMs), what: act })),
    heard: heard.map((piece) => ({
      ...piece,
      startMs: afterAnswer(piece.startMs),
      endMs: afterAnswer(piece.endMs),
    })),
    events,
    call,
    journal,
    requests: cast.requests.map(({ atMs, request }) => ({ atMs: atMs - START_MS, what: request })),
    faults,
    complaints,
    mostUtterances: cast.mostUtterances(),
    leftovers,
    isStuck,
  };
}

function storeFaultOf(
  plan: CallPlan,
  atMs: number,
  request: string,
  befalls: (what: string) => void,
): StoreFault | undefined {
  const trouble = plan.storeTroubles.find(
    ({ fromMs, untilMs }) => atMs >= fromMs && atMs < untilMs,
  );
  if (!trouble) return undefined;
  befalls(`database: ${trouble.kind} (${request})`);
  return trouble.kind === 'stall'
    ? { kind: 'stall', stallMs: trouble.stallMs }
    : { kind: trouble.kind };
}

function noteCarrierFaults({ carrier }: CallPlan, befalls: (what: string) => void): void {
  if (carrier.lossRate !== undefined) befalls('carrier: frames lost');
  if ((carrier.jitterMs ?? 0) >= 50) befalls('carrier: jitter, late marks');
  if (carrier.socketDiesAtMs !== undefined) befalls('carrier: socket dies');
  if (carrier.socketFreezesAtMs !== undefined) befalls('carrier: socket freezes');
  if (carrier.duplicateWebhooks) befalls('carrier: webhooks twice');
  if (carrier.lateStatusMs !== undefined) befalls('carrier: late status');
}

function leftoversOf(
  node: SimulatedNode,
  services: ReturnType<typeof createCast>['services'],
  sockets: number,
): readonly string[] {
  const held = node.held();
  const open = services.reduce((sum, service) => sum + service.openConnections, 0);
  return [
    held.timers > 0 ? `${held.timers} timers` : [],
    held.voiceActivity > 0 ? `${held.voiceActivity} streams of voice activity` : [],
    held.calls > 0 ? `${held.calls} calls` : [],
    open > 0 ? `${open} connections to vendors` : [],
    sockets > 0 ? `${sockets} ends of sockets` : [],
  ].flat();
}

/** What the carrier itself says is a tone: nobody listens to its words. */
const toneBank: VoiceBank = {
  clips: [],
  speak: (text, voice): Promise<SpeechClip> =>
    Promise.resolve({ text, voice, words: [], pcm: new Int16Array(text.length * 400).fill(3_000) }),
};

/** Only what the program itself says went wrong inside it. */
function complainingLog(complain: (what: string) => void): Log {
  const ignore = (): void => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error(fields, message) {
      if (INTERNAL.has(message)) complain(`${message}: ${JSON.stringify(fields)}`);
    },
    child: () => log,
  };
  return log;
}

const INTERNAL = new Set(['a call failed', 'a tool failed', 'a call did not end cleanly']);
