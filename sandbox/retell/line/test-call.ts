import type { VirtualClock } from '#lib/virtual-clock.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { AgentSettings } from '../agent-body.ts';
import type { CallOutcome, PhoneCall } from '../phone-call.ts';
import { startRetell } from '../retell.ts';
import type { Retell, RetellAccount } from '../retell.ts';
import { utterancesOf } from '../transcript.ts';
import { startLlmServer } from './llm-server.ts';
import type { LlmConnection, LlmServer } from './llm-server.ts';

export const PUBLIC = 'wss://llm.example.test';
export const NUMBER = '+12025550123';

/** Calls to a custom LLM agent in virtual time, over real sockets. */
export type LlmCalls = {
  readonly clock: VirtualClock;
  readonly retell: Retell;
  readonly account: RetellAccount;
  readonly server: LlmServer;
  /** The last connection. Throws when there was none. */
  readonly socket: LlmConnection;
  /** Phones the agent, which has these settings. */
  phone(script: readonly Step[], settings?: Partial<AgentSettings>): PhoneCall;
  /** Time passes until it is so. Throws when it does not come to be within the limit. */
  until(what: string, isSo: () => boolean, limitMs?: number): Promise<void>;
  pass(ms: number): Promise<void>;
  /** Time passes until the call has ended. */
  outcome(call: PhoneCall): Promise<CallOutcome>;
  /** `Agent: …`, `User: …`, so far. */
  said(call: PhoneCall): readonly string[];
  /** Why frames of the server's counted for nothing, in order. */
  dropped(call: PhoneCall): readonly string[];
  close(): Promise<void>;
};

const STEP_MS = 20;
/** What a message needs from one end of a loopback socket to the other and back again. */
const TURNS = 10;

export async function openLlmCalls(): Promise<LlmCalls> {
  const clock = virtualClock(1_780_000_000_000);
  const server = await startLlmServer();
  const retell = await startRetell({
    clock,
    routes: { [PUBLIC.replace('wss', 'https')]: server.origin },
  });
  const account = retell.addAccount();
  let callers = 0;

  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      await clock.advance(Math.min(STEP_MS, ms - passed));
      for (let turn = 0; turn < TURNS; turn += 1)
        await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const until: LlmCalls['until'] = async (what, isSo, limitMs = 120_000) => {
    for (let waitedMs = 0; !isSo(); waitedMs += STEP_MS) {
      if (waitedMs >= limitMs) throw new Error(`waited ${limitMs} ms for ${what}`);
      await pass(STEP_MS);
    }
  };
  return {
    clock,
    retell,
    account,
    server,
    pass,
    until,
    get socket() {
      const last = server.connections.at(-1);
      if (!last) throw new Error('Retell has not connected');
      return last;
    },
    phone(script, settings = {}) {
      const agentId = account.addAgent({
        response_engine: { type: 'custom-llm', llm_websocket_url: `${PUBLIC}/llm/secret/` },
        ...settings,
      });
      const to = `+1202555${String(1_000 + callers++)}`;
      account.addNumber({ phoneNumber: to, inboundAgents: [{ agent_id: agentId, weight: 1 }] });
      return retell.call({ from: '+12025550188', to, script });
    },
    async outcome(call) {
      let outcome: CallOutcome | undefined;
      void call.done.then((ended) => (outcome = ended));
      await until('the call to end', () => outcome !== undefined, 4_000_000);
      return call.done;
    },
    said: ({ call }) =>
      utterancesOf(call?.transcript ?? []).map(
        ({ role, content }) => `${role === 'agent' ? 'Agent' : 'User'}: ${content}`,
      ),
    dropped: ({ frames }) => frames.flatMap(({ dropped }) => dropped ?? []),
    async close() {
      const closing = retell.close();
      await pass(10_000);
      await closing;
      await server.close();
    },
  };
}
