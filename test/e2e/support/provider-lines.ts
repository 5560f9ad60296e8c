import type { CallRecord } from '#sandbox/caller/record.ts';
import type { Step } from '#sandbox/caller/script.ts';
import { scriptedCaller } from '#sandbox/caller/scripted-caller.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';

/** A phone line at a provider, which no channel uses yet. */
export type ProviderLine = {
  readonly phoneNumber: string;
  /** Of the same account. */
  readonly otherNumber: string;
  /** Body of the setup. */
  readonly setup: object;
  /** What of the setup is changed to move to the other number. */
  readonly move: object;
  /** The field of the provider's own key. */
  readonly keyField: string;
  /** None of them may ever be answered. */
  readonly secrets: readonly string[];
  /** What the provider has of the line, but for its times. */
  snapshot(): unknown;
  /** Calls the first number; resolves with what the caller did and heard once the call is over. */
  dial(from: string, script: readonly Step[]): Promise<CallRecord>;
};

export type ProviderKind = {
  readonly title: string;
  readonly provider: 'pipecat' | 'retell';
  /** Where the provider's own API is. */
  readonly origin: (sandbox: Sandbox) => string;
  readonly open: (sandbox: Sandbox) => ProviderLine;
};

let numbers = 0;
const nextNumber = (): string => `+1202558${String(++numbers).padStart(4, '0')}`;

const pipecat: ProviderKind = {
  title: 'pipecat',
  provider: 'pipecat',
  origin: ({ carrier }) => carrier.origin,
  open({ carrier, keys, bank, openEar }) {
    const account = carrier.addAccount();
    const [number, other] = [nextNumber(), nextNumber()].map((phoneNumber) =>
      carrier.addNumber({
        accountSid: account.accountSid,
        phoneNumber,
        voiceUrl: 'https://old.example.test/voice',
      }),
    );
    if (!number || !other) throw new Error('there are two numbers');
    const vendorKeys = {
      deepgram_api_key: keys.deepgram,
      openai_api_key: keys.openai,
      cartesia_api_key: keys.cartesia,
    };
    const at = (phoneNumber: string) => ({
      phone_number: phoneNumber,
      twilio_phone_number: phoneNumber,
    });
    return {
      phoneNumber: number.phoneNumber,
      otherNumber: other.phoneNumber,
      setup: {
        provider: 'pipecat',
        ...at(number.phoneNumber),
        twilio_account_sid: account.accountSid,
        twilio_auth_token: account.authToken,
        ...vendorKeys,
      },
      move: at(other.phoneNumber),
      keyField: 'twilio_auth_token',
      secrets: [account.authToken, ...Object.values(vendorKeys)],
      snapshot: () => [number, other].map((one) => ({ ...one, updatedAtMs: 0 })),
      async dial(from, script) {
        const caller = await scriptedCaller({ bank, openEar, script, voice: 'rms' });
        carrier.dial({ from, to: number.phoneNumber, caller });
        return caller.done;
      },
    };
  },
};

/** @param isOwn whether an agent answers that the account has built at Retell itself */
const retell = (title: string, isOwn: boolean): ProviderKind => ({
  title,
  provider: 'retell',
  origin: (sandbox) => sandbox.retell.origin,
  open({ retell: service, keys }) {
    const account = service.addAccount();
    const [phoneNumber, otherNumber] = [nextNumber(), nextNumber()];
    for (const number of [phoneNumber, otherNumber]) account.addNumber({ phoneNumber: number });
    return {
      phoneNumber,
      otherNumber,
      setup: {
        provider: 'retell',
        phone_number: phoneNumber,
        api_key: account.apiKey,
        openai_api_key: keys.openai,
        ...(isOwn && { agent_id: account.addAgent() }),
      },
      move: { phone_number: otherNumber },
      keyField: 'api_key',
      secrets: [account.apiKey, keys.openai],
      snapshot: account.snapshot,
      async dial(from, script) {
        const { record, reason } = await service.call({ from, to: phoneNumber, script }).done;
        if (!record) throw new Error(`Retell did not connect the call: ${reason}`);
        return record;
      },
    };
  },
});

/** Everything that can carry the voice of an agent. */
export const providerKinds: readonly ProviderKind[] = [
  pipecat,
  retell('retell, with the agent of ours', false),
  retell('retell, with an agent of its own', true),
];
