import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IncomingCall } from '#contracts/incoming-call.ts';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { createPipecatProvider } from '#providers/pipecat/provider.ts';
import type { Caller, Handset } from '#sandbox/caller/caller.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import type { Carrier } from '#sandbox/carrier/carrier.ts';
import type { CallFaults } from '#sandbox/carrier/faults.ts';
import type { PhoneCall } from '#sandbox/carrier/phone-call.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import type { Store } from '#store/store.ts';
import type { Told } from './contracts/transport.ts';
import { PUBLIC_URL, TENANT, openHooks } from './support/hooks.ts';
import type { HooksRig } from './support/hooks.ts';
import { openTestStore } from './support/store.ts';
import { patiently } from './support/poll.ts';

const PHONE = '+15550100';
/** One frame that only the caller says, and one that only the agent says. */
const CALLER_FRAME = new Uint8Array(160).fill(0x11);
const AGENT_FRAME = new Uint8Array(160).fill(0x22);

/** 100 ms of a tone for every announcement: what is said is in the TwiML. */
const bank: VoiceBank = {
  speak: async (text, voice) => ({
    text,
    voice,
    words: [],
    pcm: Int16Array.from({ length: 800 }, (_, index) => (index % 16 < 8 ? 8_000 : -8_000)),
  }),
  clips: [],
};

/** Says one thing all the time and notes what it hears that is not silence. */
type Person = Caller & {
  readonly heard: Uint8Array[];
  readonly handset: () => Handset;
  readonly endedBy: () => 'caller' | 'other-side' | undefined;
};
function person(): Person {
  const heard: Uint8Array[] = [];
  let handset: Handset | undefined;
  let endedBy: 'caller' | 'other-side' | undefined;
  return {
    heard,
    handset() {
      if (!handset) throw new Error('not answered yet');
      return handset;
    },
    endedBy: () => endedBy,
    answered: (given) => void (handset = given),
    nextFrame: () => CALLER_FRAME,
    hear(frame) {
      if (frame.some((byte) => byte !== 0xff)) heard.push(Uint8Array.from(frame));
    },
    ended: (by) => void (endedBy = by),
  };
}

let store: Store;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

let carrier: Carrier;
let rig: HooksRig;
let caller: Person;
let isReady: boolean;
const told: Told[] = [];

const setUp = async (twilioUrl?: string): Promise<void> => {
  carrier = await startCarrier({ clock: systemClock, bank });
  const account = carrier.addAccount();
  carrier.addNumber({ accountSid: account.accountSid, phoneNumber: PHONE });
  const url = twilioUrl ?? carrier.origin;
  isReady = true;
  rig = await openHooks({
    store,
    clock: systemClock,
    twilioUrl: url,
    ready: () => isReady,
    channel: {
      twilioAccountSid: account.accountSid,
      twilioPhoneNumber: PHONE,
      secrets: { twilio_auth_token: account.authToken },
    },
  });
  carrier.route(PUBLIC_URL, rig.origin);
  const provider = createPipecatProvider({
    publicUrl: PUBLIC_URL,
    twilioUrl: carrier.origin,
    clock: systemClock,
    log: silentLog,
    vendorKeys: { 'speech-to-text': [], 'language-model': [], 'text-to-speech': [] },
  });
  const applied = await provider.apply(
    {
      tenantId: TENANT,
      instanceId: rig.instanceId,
      agentId: null,
      phoneNumber: null,
      twilioAccountSid: account.accountSid,
      twilioPhoneNumber: PHONE,
      wiring: {},
    },
    { twilio_auth_token: account.authToken },
  );
  expect(applied.kind).toBe('done');
};

const dial = (faults: CallFaults = {}): PhoneCall =>
  carrier.dial({ from: '+15550001', to: PHONE, caller, faults });

/** The call as our side was given it, listened to. */
const answered = async (): Promise<IncomingCall> => {
  await expect.poll(() => rig.answered.length, patiently).toBe(1);
  const [call] = rig.answered;
  if (!call) throw new Error('no call');
  call.transport.listen({
    audio: (mulaw) => void told.push({ type: 'audio', bytes: [...mulaw] }),
    mark: (name) => void told.push({ type: 'mark', name }),
    key: (digit) => void told.push({ type: 'key', digit }),
    closed: (reason) => void told.push({ type: 'closed', reason }),
  });
  return call;
};
const toldOf = (type: Told['type']): readonly Told[] => told.filter((one) => one.type === type);
const until = (type: Told['type']): Promise<void> =>
  expect.poll(() => toldOf(type).length, patiently).toBeGreaterThan(0);
const endStored = (call: IncomingCall): Promise<boolean> =>
  store.calls.end(TENANT, call.callId, {
    reason: 'agent_hangup',
    detail: null,
    at: new Date(systemClock.now()),
  });
const endReason = async (phoneCall: PhoneCall): Promise<string | null | undefined> => {
  const known = await store.calls.findByCarrierId(TENANT, rig.instanceId, phoneCall.sid);
  return known && (await store.calls.get(TENANT, known.id))?.end_reason;
};
const sent = (): readonly (readonly [string, number | undefined])[] =>
  carrier.requests.flatMap((one) =>
    one.direction === 'sent' ? [[one.purpose, one.status] as const] : [],
  );

beforeEach(() => {
  caller = person();
  told.length = 0;
});
afterEach(async () => {
  await rig.close();
  await carrier.close();
});

describe('a phone call through the carrier', () => {
  test('carries sound, keys and marks both ways, and ends when we hang up', async () => {
    await setUp();
    const phoneCall = dial();
    const call = await answered();
    expect(call).toMatchObject({ carrierCallId: phoneCall.sid, callerPhone: '+15550001' });
    await until('audio');
    expect(toldOf('audio')[0]).toEqual({ type: 'audio', bytes: [...CALLER_FRAME] });

    call.transport.sendAudio(AGENT_FRAME);
    call.transport.sendMark('said');
    await until('mark');
    expect(caller.heard).toEqual([AGENT_FRAME]);
    caller.handset().press('5');
    await until('key');

    await endStored(call);
    expect(await call.hangUpAtCarrier()).toBe(true);
    call.transport.close();
    await phoneCall.done;
    expect(caller.endedBy()).toBe('other-side');
    expect(sent()).toEqual([
      ['voice', 200],
      ['call-status', 204],
    ]);
    expect(await endReason(phoneCall)).toBe('agent_hangup');
    expect(carrier.warnings).toEqual([]);
  });

  test('is handed over to somebody else, and is theirs from then on', async () => {
    await setUp();
    const phoneCall = dial();
    const call = await answered();
    expect(await call.transferAtCarrier?.('+15550177')).toEqual({ ok: true });
    await until('closed');
    expect(toldOf('closed')).toEqual([{ type: 'closed', reason: 'caller' }]);
    await store.calls.end(TENANT, call.callId, {
      reason: 'transferred',
      detail: 'to sales',
      at: new Date(systemClock.now()),
    });
    call.transport.close();
    await phoneCall.done;
    expect(phoneCall.dialled).toEqual(['+15550177']);
    // Whoever was dialled was heard before the call ended.
    expect(caller.heard.length).toBeGreaterThan(0);
    expect(await endReason(phoneCall)).toBe('transferred');
    expect(carrier.warnings).toEqual([]);
  });

  test('that is over cannot be handed over, and we are told', async () => {
    await setUp();
    const phoneCall = dial();
    const call = await answered();
    caller.handset().hangUp();
    await phoneCall.done;
    expect(await call.transferAtCarrier?.('+15550177')).toMatchObject({ ok: false });
    expect(phoneCall.dialled).toEqual([]);
  });

  test('hanging up twice, or after the caller did, is fine', async () => {
    await setUp();
    const phoneCall = dial();
    const call = await answered();
    caller.handset().hangUp();
    await until('closed');
    await phoneCall.done;
    expect(await call.hangUpAtCarrier()).toBe(true);
    expect(toldOf('closed')).toEqual([{ type: 'closed', reason: 'caller' }]);
  });

  test('what is buffered at the carrier is thrown away by clear, and its marks come back', async () => {
    await setUp();
    const phoneCall = dial();
    const call = await answered();
    call.transport.sendAudio(new Uint8Array(160 * 500).fill(0x22));
    call.transport.sendMark('after ten seconds');
    call.transport.clear();
    await until('mark');
    expect(phoneCall.streams[0]?.bufferedMs).toBe(0);
    phoneCall.hangUp();
    await phoneCall.done;
    expect(carrier.warnings).toEqual([]);
  });

  test('ends by the way back in the TwiML when the carrier’s API cannot be reached', async () => {
    await setUp('http://127.0.0.1:9');
    const phoneCall = dial();
    const call = await answered();
    await endStored(call);
    expect(await call.hangUpAtCarrier()).toBe(false);
    call.transport.close();
    await phoneCall.done;
    expect(sent()).toEqual([
      ['voice', 200],
      ['redirect', 200],
      ['call-status', 204],
    ]);
    expect(await endReason(phoneCall)).toBe('agent_hangup');
    expect(carrier.warnings).toEqual([]);
  });

  test('whose socket dies comes back, is ended as lost, and hung up', async () => {
    await setUp();
    const phoneCall = dial({ socketDiesAtMs: 200 });
    await answered();
    await until('closed');
    expect(toldOf('closed')).toEqual([{ type: 'closed', reason: 'broken' }]);
    await phoneCall.done;
    expect(await endReason(phoneCall)).toBe('transport_lost');
    expect(caller.endedBy()).toBe('other-side');
  });

  test('whose webhooks all arrive twice is answered once', async () => {
    await setUp();
    const phoneCall = dial({ duplicateWebhooks: true });
    const call = await answered();
    await until('audio');
    await endStored(call);
    await call.hangUpAtCarrier();
    await phoneCall.done;
    await expect
      .poll(() => sent().toSorted(([a], [b]) => a.localeCompare(b)), patiently)
      .toEqual([
        ['call-status', 204],
        ['call-status', 204],
        ['voice', 200],
        ['voice', 200],
      ]);
    expect(rig.answered).toHaveLength(1);
    expect(await endReason(phoneCall)).toBe('agent_hangup');
  });

  test('that comes while we shut down hears why, and leaves nothing behind', async () => {
    await setUp();
    isReady = false;
    const phoneCall = dial();
    await phoneCall.done;
    expect(caller.heard.length).toBeGreaterThan(0);
    expect(caller.endedBy()).toBe('other-side');
    expect(rig.answered).toEqual([]);
    expect(await endReason(phoneCall)).toBeUndefined();
    expect(carrier.warnings).toEqual([]);
  });

  test('to a channel that is off is refused unanswered', async () => {
    await setUp();
    await store.channels.upsert(TENANT, rig.instanceId, { enabled: false });
    const phoneCall = dial();
    await phoneCall.done;
    expect(phoneCall.answeredAtMs).toBeUndefined();
    expect(carrier.warnings).toEqual([]);
  });
});
