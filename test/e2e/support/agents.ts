import type { Call } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { activeCallSchema, voiceStatusSchema } from '#protocol/voice-channel.ts';
import type { ActiveCall, VoiceStatus } from '#protocol/voice-channel.ts';
import type { CallRecord } from '#sandbox/caller/record.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { Account, PhoneNumber } from '#sandbox/carrier/accounts.ts';
import type { NumberSettings } from '#sandbox/carrier/carrier.ts';
import type { CallFaults } from '#sandbox/carrier/faults.ts';
import type { PhoneCall } from '#sandbox/carrier/phone-call.ts';
import { followEvents } from '#sandbox/demo/live-events.ts';
import type { Owner } from '#sandbox/demo/owner.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';
import { endedRecord } from './ended-record.ts';
import { eventually } from './eventually.ts';

export type AgentOptions = {
  /** `agent_config` as the API takes it. */
  readonly config?: object;
  /** Over what makes a complete channel. */
  readonly setup?: object;
  /** What the number is set to at the carrier before the setup. */
  readonly number?: Pick<NumberSettings, 'voiceUrl' | 'statusCallback'>;
};

/** An agent with a phone line. */
export type Agent = {
  readonly instanceId: string;
  readonly phoneNumber: string;
  readonly account: Account;
  /** As the carrier has it now. */
  readonly number: Readonly<PhoneNumber>;
  /** Of the voice channel: `/v1/instances/…/channels/voice` */
  readonly path: string;
  /** As the setup was answered. */
  readonly channel: VoiceStatus;
  status(): Promise<VoiceStatus>;
  calls(): Promise<readonly ActiveCall[]>;
  dial(script: readonly Step[], options?: DialOptions): Promise<Phone>;
};

export type DialOptions = { readonly voice?: string; readonly faults?: CallFaults };

/** A caller on the line. */
export type Phone = {
  readonly from: string;
  readonly call: PhoneCall;
  /** Live events of this call so far. */
  readonly events: readonly LiveEvent[];
  /** Resolves when the caller has understood so many words of the agent. */
  hearing(wordCount: number): Promise<void>;
  /** What the caller did and perceived, once the call is over. */
  readonly experience: Promise<CallRecord>;
  /** The server's id of the call, as soon as it has one. */
  id(): Promise<string>;
  /** Resolves when the agent sets out to say something that begins so. */
  saying(start: string): Promise<void>;
  /** The server's record, once it has ended. */
  record(): Promise<Call>;
};

/** Agents of one owner, each with a number of its own. */
export function agentsOf(parts: {
  readonly sandbox: Sandbox;
  readonly owner: Owner;
  readonly apiKey: string;
  /** Where the server is now. */
  readonly origin: () => string;
}): { add(options: AgentOptions): Promise<Agent> } {
  const { sandbox, owner, apiKey, origin } = parts;
  const { carrier, bank, openEar, keys } = sandbox;
  let numbers = 0;
  let callers = 0;

  const dial = async (
    instanceId: string,
    to: string,
    script: readonly Step[],
    options: DialOptions,
  ): Promise<Phone> => {
    const from = `+1202556${String(++callers).padStart(4, '0')}`;
    const events: LiveEvent[] = [];
    const callId = Promise.withResolvers<string>();
    let mine: string | undefined;
    const stream = await followEvents({
      origin: origin(),
      instanceId,
      apiKey,
      on(event) {
        if (event.type === 'call-started' && event.caller_phone === from) {
          mine = event.call_id;
          callId.resolve(mine);
        }
        if (event.call_id === mine) events.push(event);
      },
    });
    // A server that is killed breaks the stream off; what was told until then stays.
    stream.closed.catch(() => undefined);
    let wordsHeard = 0;
    const caller = await scriptedCaller({
      bank,
      openEar,
      script,
      voice: options.voice ?? 'rms',
      onEvent: ({ type }) => void (wordsHeard += type === 'heard' ? 1 : 0),
    });
    const call = carrier.dial({
      from,
      to,
      caller,
      ...(options.faults && { faults: options.faults }),
    });
    const id = (): Promise<string> => callId.promise;
    return {
      from,
      call,
      events,
      id,
      experience: caller.done,
      async hearing(wordCount) {
        await eventually(`${wordCount} words to be heard`, () =>
          wordsHeard >= wordCount ? true : undefined,
        );
      },
      async saying(start) {
        const isSaid = (event: LiveEvent): boolean =>
          event.type === 'agent-text' && event.text.startsWith(start);
        await eventually(
          `the agent to say "${start} …"`,
          () => events.some(isSaid) || undefined,
          () => events.map((event) => JSON.stringify(event)).join('\n'),
        );
      },
      async record() {
        await call.done;
        const known = await id();
        const record = await endedRecord(owner, known);
        stream.close();
        return record;
      },
    };
  };

  return {
    async add({ config = {}, setup = {}, number: settings = {} }) {
      const phoneNumber = `+1202555${String(++numbers).padStart(4, '0')}`;
      const account = carrier.addAccount();
      const number = carrier.addNumber({
        ...settings,
        accountSid: account.accountSid,
        phoneNumber,
      });
      const instanceId = await owner.makeInstance(`Agent ${numbers}`, config);
      const path = `/v1/instances/${instanceId}/channels/voice`;
      const channel = await owner.setUpVoice(instanceId, {
        provider: 'pipecat',
        phone_number: phoneNumber,
        twilio_account_sid: account.accountSid,
        twilio_auth_token: account.authToken,
        twilio_phone_number: phoneNumber,
        deepgram_api_key: keys.deepgram,
        openai_api_key: keys.openai,
        cartesia_api_key: keys.cartesia,
        ...setup,
      });
      return {
        instanceId,
        phoneNumber,
        account,
        number,
        channel,
        path,
        status: async () => voiceStatusSchema.parse(await owner.ask('GET', path)),
        calls: async () => activeCallSchema.array().parse(await owner.ask('GET', `${path}/calls`)),
        dial: (script, options = {}) => dial(instanceId, phoneNumber, script, options),
      };
    },
  };
}
