import { systemClock } from '#lib/clock.ts';
import { newSid } from '#sandbox/carrier/accounts.ts';
import type { Account, PhoneNumber } from '#sandbox/carrier/accounts.ts';
import type { Network, Socket } from '#sandbox/carrier/network.ts';
import { twilioSignature } from '#sandbox/carrier/signature.ts';
import { parseTwiml } from '#sandbox/carrier/twiml.ts';
import { callWebhook } from '#sandbox/carrier/webhooks.ts';
import { monotonicMs } from '../mocks/stamps.ts';
import { createCaller } from './caller.ts';
import type { CutIn, HeardTurn, Plan } from './caller.ts';
import { mediaLine } from './media-line.ts';
import type { MediaLine } from './media-line.ts';

/** What a call of the fleet is told of. */
export type FleetCall = {
  readonly greeting: Uint8Array;
  readonly next: () => Plan | undefined;
  readonly firstPauseMs: number;
};

export type Fleet = {
  /** Rings by a signed webhook, follows the TwiML to its stream, and talks. Rejects where it cannot. */
  dial(call: FleetCall): Promise<void>;
  readonly liveCalls: number;
  /** What was heard, and how many calls were lost, since it was asked last. */
  take(): {
    readonly turns: readonly HeardTurn[];
    readonly cutIns: readonly CutIn[];
    readonly lost: number;
  };
  /** Every caller hangs up; others may ring after it. */
  hangUp(): Promise<void>;
  /** No more calls. */
  close(): Promise<void>;
};

/** Frames of 20 ms begin at so many moments of them, spread evenly: callers are not in step. */
const PHASES = 8;
const FRAME_MS = 20;
const WEBHOOK = { clock: systemClock, record: () => undefined } as const;

type Member = { readonly step: (nowMs: number) => void; readonly hangUp: () => Promise<void> };

/** Many phones of one account that ring one number, on one timer. */
export function createFleet(parts: {
  readonly network: Network;
  readonly account: Account;
  /** As the system under test has set it up: its webhooks. */
  readonly number: PhoneNumber;
}): Fleet {
  const { network, account, number } = parts;
  const phases: Set<Member>[] = Array.from({ length: PHASES }, () => new Set());
  let turns: HeardTurn[] = [];
  let cutIns: CutIn[] = [];
  let lost = 0;
  let dialled = 0;

  let tick = 0;
  const startedAtMs = monotonicMs();
  const run = (): void => {
    const due = Math.floor((monotonicMs() - startedAtMs) / (FRAME_MS / PHASES));
    while (tick < due) {
      tick += 1;
      for (const member of phases[tick % PHASES] ?? []) member.step(monotonicMs());
    }
    const nextAtMs = startedAtMs + (tick + 1) * (FRAME_MS / PHASES);
    timer = setTimeout(run, Math.max(0, nextAtMs - monotonicMs()));
  };
  let timer = setTimeout(run, 0);

  const paramsOf = (callSid: string, status: string): Record<string, string> => ({
    AccountSid: account.accountSid,
    ApiVersion: '2010-04-01',
    CallSid: callSid,
    CallStatus: status,
    Called: number.phoneNumber,
    Caller: '+12025550123',
    Direction: 'inbound',
    From: '+12025550123',
    To: number.phoneNumber,
  });
  const post = async (url: URL, purpose: 'voice' | 'call-status', params: Record<string, string>) =>
    callWebhook(
      { ...WEBHOOK, network },
      { purpose, url, method: 'POST', params, authToken: account.authToken, twice: false },
    );

  const hangUp = async (): Promise<void> => {
    const members = phases.flatMap((phase) => [...phase]);
    await Promise.all(members.map((member) => member.hangUp()));
  };

  return {
    get liveCalls() {
      return phases.reduce((sum, { size }) => sum + size, 0);
    },
    async dial(call) {
      const callSid = newSid('CA');
      const phase = phases[dialled++ % PHASES] ?? new Set();
      const answer = await post(new URL(number.voiceUrl), 'voice', paramsOf(callSid, 'ringing'));
      if (!answer.ok) throw new Error(`the call was not answered: ${answer.message}`);
      const twiml = parseTwiml(answer.response.body);
      const connect = twiml.ok ? twiml.verbs.find((verb) => verb.verb === 'Connect') : undefined;
      if (!connect) throw new Error(`the answer connects to nothing: ${answer.response.body}`);
      const { stream } = connect;
      const identity = { accountSid: account.accountSid, callSid, streamSid: newSid('MZ') };
      const url = new URL(stream.url);
      let socket: Socket | undefined;
      const line = mediaLine(identity, (text) => socket?.send(text));
      const member = memberOf(line, call, {
        async hangUp() {
          phase.delete(member);
          line.stop();
          socket?.close();
          if (number.statusCallback === '') return;
          const params = paramsOf(callSid, 'completed');
          await post(new URL(number.statusCallback), 'call-status', params);
        },
      });
      await new Promise<void>((resolve, reject) => {
        const failed = (why: string): void => reject(new Error(`no media stream: ${why}`));
        socket = network.connect(
          url,
          {
            'x-twilio-signature': twilioSignature(account.authToken, url.href, {}),
            'user-agent': 'Twilio.TmeWs/1.0',
          },
          {
            open: resolve,
            message: (data) => line.receive(data.toString('latin1'), monotonicMs()),
            refused: (status) => failed(`HTTP ${status}`),
            failed: (fault) => failed(fault.message),
            closed() {
              // Taken out before our own hanging up: then this is the other side's doing.
              if (phase.delete(member)) lost += 1;
            },
          },
        );
      });
      line.start(stream.parameters);
      phase.add(member);
    },
    take() {
      const taken = { turns, cutIns, lost };
      turns = [];
      cutIns = [];
      lost = 0;
      return taken;
    },
    hangUp,
    async close() {
      await hangUp();
      clearTimeout(timer);
    },
  };

  function memberOf(line: MediaLine, call: FleetCall, end: Pick<Member, 'hangUp'>): Member {
    const caller = createCaller({
      ...call,
      line,
      onTurn: (turn) => void turns.push(turn),
      onCutIn: (cutIn) => void cutIns.push(cutIn),
    });
    return { step: caller.step, hangUp: end.hangUp };
  }
}
