import type { Applied, ProviderChannel, ProviderSecrets } from '#contracts/provider.ts';
import type { Clock } from '#lib/clock.ts';
import type { Brain } from './made-agent.ts';
import type { RetellAgent, RetellFault, RetellNumber, RetellRest } from './retell-rest.ts';
import { findTrunk } from './twilio-trunk.ts';
import type { Trunk } from './twilio-trunk.ts';

export type LookOptions = {
  readonly twilioUrl: string;
  readonly clock: Clock;
  /** The agent of an instance as it is now; undefined: the instance is gone. */
  readonly readBrain: (
    channel: Pick<ProviderChannel, 'tenantId' | 'instanceId'>,
  ) => Promise<Brain | undefined>;
};

export type Line = {
  readonly field: 'phone_number' | 'twilio_phone_number';
  readonly phoneNumber: string;
};

/** What there is, before anything is changed. */
export type Seen = {
  readonly kind: 'seen';
  /** The agent that its owner named; undefined: one of ours is to answer. */
  readonly agent: RetellAgent | undefined;
  readonly brain: Brain;
  readonly line: Line | undefined;
  /** Undefined: it is to be imported, by the trunk. */
  readonly number: RetellNumber | undefined;
  readonly trunk: Trunk | undefined;
  readonly warning: string | undefined;
};

/** Looks at all that a channel needs and changes nothing. Whatever is wrong is found here, as a rule. */
export async function look(
  options: LookOptions,
  rest: RetellRest,
  channel: ProviderChannel,
  secrets: ProviderSecrets,
): Promise<Seen | Applied> {
  const brain = await options.readBrain(channel);
  if (!brain) return refused('agent_id', 'The instance is gone.');
  const agent = channel.agentId ? await rest.getAgent(channel.agentId) : undefined;
  if (agent && agent.kind !== 'ok') return faultOf(agent, 'agent_id');
  const line = lineOf(channel);
  const seen: Seen = {
    kind: 'seen',
    agent: agent?.value,
    brain,
    line,
    number: undefined,
    trunk: undefined,
    warning: undefined,
  };
  if (!line) return seen;
  const number = await rest.getNumber(line.phoneNumber);
  if (number.kind === 'ok') return { ...seen, number: number.value };
  if (number.kind !== 'not-found') return faultOf(number, line.field);

  const { twilioAccountSid: accountSid } = channel;
  const authToken = secrets.twilio_auth_token;
  if (!accountSid || !authToken)
    return refused(
      line.field,
      `${number.message} To have it imported from Twilio, give twilio_account_sid and twilio_auth_token.`,
    );
  const found = await findTrunk({ ...options, accountSid, authToken }, line.phoneNumber);
  switch (found.kind) {
    case 'ok':
      return {
        ...seen,
        trunk: found.trunk,
        warning: found.trunk.leadsToRetell ? undefined : NOT_ORIGINATED,
      };
    case 'none':
      return refused(line.field, `${number.message} ${found.message}`);
    case 'wrong-credentials':
      return refused(
        'twilio_auth_token',
        `Twilio does not accept these credentials. ${found.message}`,
      );
    case 'unreachable':
      return found;
  }
}

const NOT_ORIGINATED =
  'Calls to this number do not reach Retell yet: no origination of its SIP trunk at Twilio is sip:sip.retellai.com.';

/** Which number is to ring at the agent, and the field that says so. */
const lineOf = (channel: ProviderChannel): Line | undefined => {
  if (channel.phoneNumber) return { field: 'phone_number', phoneNumber: channel.phoneNumber };
  if (channel.twilioPhoneNumber)
    return { field: 'twilio_phone_number', phoneNumber: channel.twilioPhoneNumber };
  return undefined;
};

export const refused = (field: string, message: string): Applied => ({
  kind: 'refused',
  field,
  message,
});

/** `field` is to blame for what does not exist, or is not allowed, at Retell. */
export function faultOf(fault: RetellFault, field: string): Applied {
  switch (fault.kind) {
    case 'wrong-key':
      return refused('api_key', `Retell does not accept this key. ${fault.message}`);
    case 'not-found':
    case 'refused':
      return refused(field, fault.message);
    case 'unreachable':
      return fault;
  }
}
