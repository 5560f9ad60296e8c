import type { Clock } from '#lib/clock.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { Network } from '#sandbox/carrier/network.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { JOIN_LIMIT_MS, liveCalls, newCall } from './calls.ts';
import type { Placing } from './calls.ts';
import { askInbound } from './inbound.ts';
import type { OwnBrain } from './line/own-agent.ts';
import { runCall } from './live-call.ts';
import type { WeightedAgents } from './number-body.ts';
import { failCall } from './phone-call.ts';
import type { CallOutcome, Live, PhoneCall } from './phone-call.ts';
import { Refusal } from './refusal.ts';
import type { RetellCall } from './account.ts';
import type { Webhooks } from './webhooks.ts';
import { agentOf, newRetellId, versionOf } from './workspace.ts';
import type { Workspace } from './account.ts';

/** Who is at a number that an agent dials. Nobody, where nothing was said of it. */
export type Callee =
  | { readonly kind: 'answers'; readonly script: readonly Step[]; readonly afterMs?: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'declines' }
  | { readonly kind: 'unreachable' };

export type Exchange = {
  /** Phones a number of any account. Throws when nobody has it, or the script makes no sense. */
  call(call: {
    readonly from: string;
    readonly to: string;
    readonly script: readonly Step[];
    readonly customSipHeaders?: Readonly<Record<string, string>>;
  }): PhoneCall;
  /** Joins a web call that was created. Throws when there is none of this id that waits. */
  join(callId: string, script: readonly Step[]): PhoneCall;
  /** From now on these are at the number. */
  answerAt(phoneNumber: string, callee: Callee): void;
  /** Every call on a line, in the order in which they began. */
  readonly calls: readonly PhoneCall[];
};

const RINGING_MS = 1_500;
const RING_LIMIT_MS = 30_000;
const QUEUE_LIMIT_MS = 40_000;
const QUEUE_POLL_MS = 1_000;

/** Where calls come in, go out and are joined. */
export function createExchange(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly webhooks: Webhooks;
  readonly ownerOf: (phoneNumber: string) => Workspace | undefined;
  readonly ownBrain: OwnBrain;
}): Exchange & { readonly placing: Placing; endAll(): Promise<void> } {
  const { clock, webhooks, ownerOf } = options;
  const calls: PhoneCall[] = [];
  const callees = new Map<string, Callee>();
  const waiting = new Map<string, { join(script: readonly Step[]): PhoneCall }>();
  const random = createRandom(1);
  const closing = new AbortController();

  const track = (callId: string, run: (live: Live) => Promise<CallOutcome>): PhoneCall => {
    const live: Live = { call: undefined, frames: [], hangUp: undefined };
    const phoneCall: PhoneCall = {
      callId,
      frames: live.frames,
      get call() {
        return live.call;
      },
      hangUp: () => live.hangUp?.(),
      done: run(live),
    };
    phoneCall.done.catch(() => undefined);
    calls.push(phoneCall);
    return phoneCall;
  };
  const isAnsweredAt = (phoneNumber: string): boolean =>
    (callees.get(phoneNumber)?.kind ?? 'answers') === 'answers';
  const connect = (live: Live, call: RetellCall, script: readonly Step[]): Promise<CallOutcome> => {
    live.call = call;
    return runCall({ ...options, call, script, live, isAnsweredAt });
  };
  const notConnected = (call: RetellCall, reason: string): CallOutcome => {
    failCall(call, reason, clock.now(), webhooks);
    return { callId: call.callId, reason, record: undefined, keys: '' };
  };
  /** A line at the limit of concurrent calls waits for another to end, and gives up. */
  const hasRoom = async (workspace: Workspace): Promise<boolean> => {
    for (let waitedMs = 0; liveCalls(workspace) >= workspace.concurrencyLimit;) {
      if (waitedMs >= QUEUE_LIMIT_MS) return false;
      await clock.sleep(QUEUE_POLL_MS, closing.signal).catch(() => undefined);
      if (closing.signal.aborted) return false;
      waitedMs += QUEUE_POLL_MS;
    }
    return true;
  };

  return {
    calls,
    answerAt: (phoneNumber, callee) => void callees.set(phoneNumber, callee),
    call({ from, to, script, customSipHeaders: sipHeaders }) {
      const workspace = ownerOf(to);
      const number = workspace?.numbers.get(to);
      if (!workspace || !number) throw new Error(`the number ${to} is not in service`);
      const callId = newRetellId('call');
      const customSipHeaders = sipHeaders && inLowerCase(sipHeaders);
      return track(callId, async (live) => {
        const bound = picked(number.inboundAgents, random.next());
        const boundVersion =
          bound && versionOf(agentOf(workspace, bound.agent_id), bound.agent_version).version;
        const decision = await askInbound({
          webhooks,
          workspace,
          number,
          callId,
          from,
          agent:
            bound && boundVersion !== undefined
              ? { agentId: bound.agent_id, version: boundVersion }
              : undefined,
          customSipHeaders,
          nowMs: clock.now(),
        });
        const nobody = (reason: string): CallOutcome => ({
          callId,
          reason,
          record: undefined,
          keys: '',
        });
        if (decision.kind === 'reject') return nobody('rejected');
        const override = decision.override_agent_id;
        const agentId = override ?? bound?.agent_id;
        if (agentId === undefined) return nobody('no_agent');
        const make = (id: string, version: number | string | undefined): RetellCall =>
          newCall(workspace, clock.now(), {
            callId,
            type: 'phone_call',
            direction: 'inbound',
            from,
            to,
            agentId: id,
            agentVersion: version,
            override: decision.agent_override?.agent,
            metadata: decision.metadata,
            dynamicVariables: decision.dynamic_variables,
            customSipHeaders,
            ownTrunk: number.type === 'custom',
          });
        const hadRoom = await hasRoom(workspace);
        let call: RetellCall;
        try {
          call = make(
            agentId,
            override === undefined ? bound?.agent_version : decision.override_agent_version,
          );
        } catch (error) {
          // An override that leads nowhere leaves the bound agent (a guess).
          if (!(error instanceof Refusal) || !bound) throw error;
          call = make(bound.agent_id, bound.agent_version);
        }
        live.call = call;
        if (!hadRoom) return notConnected(call, 'concurrency_limit_reached');
        return connect(live, call, script);
      });
    },
    join(callId, script) {
      const room = waiting.get(callId);
      if (!room) throw new Error(`no web call ${callId} waits for somebody to join`);
      return room.join(script);
    },
    placing: {
      dial(call) {
        const ringing = new AbortController();
        call.stop = (reason) => ringing.abort(reason);
        track(call.callId, async (live) => {
          live.call = call;
          live.hangUp = () => ringing.abort('dial_failed');
          const callee = callees.get(call.to);
          const ringMs =
            callee === undefined
              ? (call.settings.ring_duration_ms ?? RING_LIMIT_MS)
              : callee.kind === 'answers'
                ? (callee.afterMs ?? RINGING_MS)
                : RINGING_MS;
          await clock.sleep(ringMs, ringing.signal).catch(() => undefined);
          call.stop = undefined;
          if (ringing.signal.aborted) return notConnected(call, String(ringing.signal.reason));
          if (callee?.kind === 'answers') return connect(live, call, callee.script);
          return notConnected(call, callee ? UNANSWERED[callee.kind] : 'dial_no_answer');
        });
      },
      awaitJoin(call) {
        const left = new AbortController();
        call.stop = (reason) => left.abort(reason);
        const leave = (): void => {
          waiting.delete(call.callId);
          call.stop = undefined;
        };
        const wait = async (): Promise<void> => {
          let reason: unknown = 'error_user_not_joined';
          try {
            await clock.sleep(JOIN_LIMIT_MS, left.signal);
          } catch (why) {
            reason = why;
          }
          if (reason === 'joined') return;
          leave();
          notConnected(call, String(reason));
        };
        void wait();
        waiting.set(call.callId, {
          join(script) {
            left.abort('joined');
            leave();
            return track(call.callId, (live) => connect(live, call, script));
          },
        });
      },
    },
    async endAll() {
      closing.abort();
      for (const { call } of calls) call?.stop?.('error_retell');
      await Promise.allSettled(calls.map(({ done }) => done));
    },
  };
}

const UNANSWERED = {
  busy: 'dial_busy',
  declines: 'user_declined',
  unreachable: 'dial_failed',
} as const;

/** One of them by its weight; `draw` is from 0 to below 1. */
function picked(
  agents: WeightedAgents | null | undefined,
  draw: number,
): WeightedAgents[number] | undefined {
  let left = draw;
  return agents?.find(({ weight }) => (left -= weight) < 0) ?? agents?.at(-1);
}

const inLowerCase = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
