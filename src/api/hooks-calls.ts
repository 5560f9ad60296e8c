import type { AnswerCall, AnswerWordedCall } from '#contracts/incoming-call.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf, VoiceError } from '#lib/errors.ts';
import { newToken, newUuid } from '#lib/ids.ts';
import type { Log } from '#lib/log.ts';
import { isOpenAt } from '#protocol/business-hours.ts';
import type { EndReason } from '#protocol/calls.ts';
import type { ProviderEventWorker } from '#providers/provider-event-worker.ts';
import { hookUrls } from '#providers/pipecat/hook-urls.ts';
import { formValue } from '#providers/pipecat/twilio-signature.ts';
import type { FormParameters } from '#providers/pipecat/twilio-signature.ts';
import {
  connectToStream,
  hangUpTwiml,
  rejectTwiml,
  sayAndHangUp,
} from '#providers/pipecat/twiml.ts';
import type { Channel, Store } from '#store/store.ts';
import { decideAnswer, endByStatus } from './hooks-policy.ts';
import type { BrowserCalls } from './rtvi.ts';
import { createUnansweredCalls } from './unanswered-calls.ts';

export type HookParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the carrier reaches this server, as the provider tells it: without a trailing slash. */
  readonly publicUrl: string;
  readonly twilioUrl: string;
  readonly nodeId: string;
  /** False while this node shuts down: new calls are asked to call again. */
  readonly ready: () => boolean;
  /** Whether this node can carry one more call. */
  readonly hasRoom: () => boolean;
  readonly answer: AnswerCall;
  /** Told of a call that will be answered in a moment, so that its vendors are warm by then. Never throws. */
  readonly prepare?: (tenantId: string, instanceId: string) => void;
  /** Stores what a provider tells of a call; the rest follows by itself. Absent: none is taken. */
  readonly takeEvent?: ProviderEventWorker['take'];
  /** Leads the calls that Retell asks to be led; absent: none is. */
  readonly worded?: {
    readonly answer: AnswerWordedCall;
    /** Retell's REST API, without a trailing slash. */
    readonly retellUrl: string;
  };
  /** Absent: no calls from browsers. */
  readonly browserCalls?: Pick<BrowserCalls, 'door' | 'close'>;
};

/** A channel whose carrier can be told from anybody else. */
export type CarrierChannel = {
  readonly tenantId: string;
  readonly instanceId: string;
  readonly channel: Channel;
  readonly authToken: string;
};

/** The calls of this node between the carrier's first word and the agent's. */
export type HookCalls = {
  /** The TwiML for a call. */
  answer(at: CarrierChannel, form: FormParameters, isResumed: boolean): Promise<string>;
  /** A change of a call's status, told by the carrier. */
  noteStatus(at: CarrierChannel, form: FormParameters): Promise<void>;
  /** The connected calls of this node. `abort` cuts a connection that the carrier says is gone. */
  readonly connected: Map<string, { abort(): void }>;
  close(): void;
};

/** How long a stream's token is good for. Twilio opens the stream at once. */
const TOKEN_LIFE_MS = 60_000;

/** How long the session may take to end a call that the carrier has ended; it knows better why. */
const SESSION_GRACE_MS = 5_000;

export const CALL_AGAIN = sayAndHangUp(
  'Sorry, we cannot take your call right now. Please call again in a few minutes.',
);

export function createHookCalls(parts: HookParts): HookCalls {
  const { store, clock, log } = parts;
  const connected: HookCalls['connected'] = new Map();
  const timers = new Set<() => void>();
  const unanswered = createUnansweredCalls({
    store,
    clock,
    log,
    isConnected: (callId) => connected.has(callId),
    detail: 'The carrier never connected the sound of the call.',
  });

  const later = (delayMs: number, work: () => Promise<void>): void => {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      work().catch((error: unknown) =>
        log.error({ error: messageOf(error) }, 'follow-up of a call failed'),
      );
    });
    timers.add(cancel);
  };

  const end = async (
    tenantId: string,
    callId: string,
    reason: EndReason,
    detail: string,
  ): Promise<void> => {
    const ended = await store.calls.end(tenantId, callId, { reason, detail, at: now(clock) });
    if (ended) log.info({ callId, reason }, 'call ended by its carrier');
  };

  /** The id of this carrier call; new ones are stored first, so that no call is served unseen. */
  const begin = async (at: CarrierChannel, form: FormParameters): Promise<string> => {
    const { tenantId, instanceId } = at;
    const carrierCallId = callSidOf(form);
    const callId = newUuid();
    const storing = store.calls.begin({
      id: callId,
      tenantId,
      instanceId,
      provider: 'pipecat',
      carrierCallId,
      ...phonesOf(form),
      nodeId: parts.nodeId,
      startedAt: now(clock),
    });
    const isNew = await storing.catch((error: unknown) => {
      unanswered.giveUp({ tenantId, instanceId, callId });
      throw error;
    });
    if (isNew) return callId;
    const known = await store.calls.findByCarrierId(tenantId, instanceId, carrierCallId);
    if (!known) throw new VoiceError('unavailable', 'The call could not be stored.');
    return known.id;
  };

  const connect = async (
    at: CarrierChannel,
    form: FormParameters,
    callId: string,
  ): Promise<string> => {
    const { tenantId, instanceId } = at;
    parts.prepare?.(tenantId, instanceId);
    const token = newToken();
    const expiresAt = new Date(clock.now() + TOKEN_LIFE_MS);
    const grant = { tenantId, instanceId, callId };
    // Before: the token may be stored although we are told that it was not.
    unanswered.expect(grant, token);
    await store.mediaTokens.issue(token, grant, expiresAt);
    const urls = hookUrls(parts.publicUrl, instanceId);
    const { callerPhone, calledPhone } = phonesOf(form);
    return connectToStream({
      streamUrl: urls.stream,
      parameters: { token, caller: callerPhone, called: calledPhone },
      afterwardsUrl: urls.resume(callId),
    });
  };

  return {
    connected,
    async answer(at, form, isResumed) {
      const { tenantId, instanceId, channel } = at;
      const [known, instance] = await Promise.all([
        store.calls.findByCarrierId(tenantId, instanceId, callSidOf(form)),
        store.instances.get(tenantId, instanceId),
      ]);
      const hours = instance?.agentConfig.voice.business_hours;
      const answer = decideAnswer({
        isResumed,
        known,
        isServed: channel.provider === 'pipecat' && channel.enabled,
        isOpen: isOpenAt(hours, clock.now()),
        isReady: parts.ready(),
        hasRoom: parts.hasRoom(),
      });
      log.info({ instanceId, callId: known?.id, answer }, 'carrier asked about a call');
      switch (answer) {
        case 'connect':
          return connect(at, form, known?.id ?? (await begin(at, form)));
        case 'reject':
          return rejectTwiml();
        case 'closed':
          return hours?.closed_message ? sayAndHangUp(hours.closed_message) : rejectTwiml();
        case 'call-again':
          return CALL_AGAIN;
        case 'hang-up':
          return hangUpTwiml();
        case 'lost': {
          const callId = known?.id ?? '';
          connected.get(callId)?.abort();
          await end(tenantId, callId, 'transport_lost', 'The connection to the carrier was lost.');
          return hangUpTwiml();
        }
      }
    },

    async noteStatus(at, form) {
      const { tenantId, instanceId } = at;
      const known = await store.calls.findByCarrierId(tenantId, instanceId, callSidOf(form));
      if (!known || known.ended) return;
      const status = formValue(form, 'CallStatus') ?? '';
      const hasTalked = connected.has(known.id) || !(await isRinging(store, at, known.id));
      const ending = endByStatus(status, hasTalked);
      if (!ending) return;
      if (!hasTalked) return end(tenantId, known.id, ending.reason, ending.detail);
      later(SESSION_GRACE_MS, () => end(tenantId, known.id, ending.reason, ending.detail));
    },

    close() {
      unanswered.close();
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}

const now = (clock: Clock): Date => new Date(clock.now());

const isRinging = async (store: Store, at: CarrierChannel, callId: string): Promise<boolean> => {
  const live = await store.calls.live(at.tenantId, at.instanceId);
  return live.some((call) => call.id === callId && call.state === 'ringing');
};

function callSidOf(form: FormParameters): string {
  const callSid = formValue(form, 'CallSid') ?? '';
  if (!/^CA[0-9a-f]{32}$/i.test(callSid))
    throw new VoiceError('invalid', 'CallSid is CA and 32 hexadecimal digits.', {
      faults: [{ loc: ['body', 'CallSid'], msg: 'Not a call SID', type: 'value_error' }],
    });
  return callSid;
}

const phonesOf = (
  form: FormParameters,
): { readonly callerPhone: string; readonly calledPhone: string } => ({
  callerPhone: phoneOf(formValue(form, 'From')),
  calledPhone: phoneOf(formValue(form, 'To')),
});

/** A number, a SIP address or a word such as `anonymous`; whatever else it is, it can be stored. */
const phoneOf = (value: string | undefined): string =>
  (value ?? '').replaceAll(/\p{Cc}|\p{Cs}/gu, '').slice(0, 128);
