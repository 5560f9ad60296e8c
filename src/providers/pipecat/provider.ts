import { warningOf } from '#contracts/key-problem.ts';
import type {
  Applied,
  CheckKeys,
  KeyProblem,
  Provider,
  ProviderChannel,
} from '#contracts/provider.ts';
import type { Role } from '#contracts/vendor.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import { hookUrls } from './hook-urls.ts';
import type { HookUrls } from './hook-urls.ts';
import { createTwilioRest } from './twilio-rest.ts';
import type { PhoneNumber, TwilioAnswer, TwilioRest } from './twilio-rest.ts';
import { readUndo, readWiring, restoring, settingsOf } from './wiring.ts';
import type { TwilioWiring } from './wiring.ts';

export type PipecatProviderOptions = {
  /** Where the carrier reaches this server: `https:`, without a trailing slash. */
  readonly publicUrl: string;
  readonly twilioUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Which secrets open a vendor of each role: what the vendors' registry really has. */
  readonly vendorKeys: Readonly<Record<Role, readonly SecretField[]>>;
  /** Undefined: keys are taken as they are. */
  readonly checkKeys?: CheckKeys;
};

/**
 * The provider that hosts the sound in this server, with Twilio as the carrier.
 *
 * Twilio's fields, and what a channel is without some of them:
 * - all three: the number is pointed at us and put back at the end;
 * - `twilio_auth_token` and `twilio_account_sid` alone, or the token alone: complete; the owner
 *   points a number at the webhook URL himself, and we can tell Twilio's requests from others';
 * - none: complete, for callers who do not come by phone; with a warning, since the phone's
 *   webhooks are refused as long as nobody can tell who sent them;
 * - any other part: incomplete.
 * `phone_number` stands in for `twilio_phone_number` where only that is given.
 */
export function createPipecatProvider(options: PipecatProviderOptions): Provider {
  const { publicUrl, twilioUrl, clock, log, vendorKeys } = options;
  const restOf = (accountSid: string, authToken: string): TwilioRest =>
    createTwilioRest({ baseUrl: twilioUrl, accountSid, authToken, clock });

  const applyLine: Provider['apply'] = async (channel, secrets, remember) => {
    const authToken = secrets.twilio_auth_token;
    if (!authToken) return { kind: 'done', wiring: {}, warning: NO_CARRIER };
    const accountSid = channel.twilioAccountSid;
    const line = lineOf(channel);
    if (accountSid && !/^AC[0-9a-f]{32}$/i.test(accountSid))
      return refused('twilio_account_sid', 'An account SID is AC and 32 hexadecimal digits.');
    if (!accountSid) return { kind: 'done', wiring: {} };

    const rest = restOf(accountSid, authToken);
    if (!line) {
      const checked = await rest.checkCredentials();
      return checked.kind === 'ok'
        ? { kind: 'done', wiring: {} }
        : faultOf(checked, 'twilio_account_sid');
    }
    const found = await rest.findNumber(line.phoneNumber);
    if (found.kind !== 'ok') return faultOf(found, 'twilio_account_sid');
    const number = found.value;
    const problem = problemOf(number);
    if (!number || problem) return refused(line.field, problem ?? NOT_ON_ACCOUNT);

    const wiring = wiringFor(channel, accountSid, number, hookUrls(publicUrl, channel.instanceId));
    if (isWired(number, wiring)) return { kind: 'done', wiring };
    await remember?.(wiring);
    const updated = await rest.updateNumber(number.sid, {
      ...wiring.set,
      voiceMethod: 'POST',
      statusCallbackMethod: 'POST',
      voiceApplicationSid: '',
    });
    if (updated.kind !== 'ok') return faultOf(updated, line.field);
    log.info({ instanceId: channel.instanceId, numberSid: number.sid }, 'phone number wired');
    return { kind: 'done', wiring };
  };

  return {
    name: 'pipecat',
    missing: (channel, secretsSet) => [
      ...missingVendors(vendorKeys, secretsSet),
      ...missingTwilio(channel, secretsSet),
    ],
    webhookUrl: (instanceId) => hookUrls(publicUrl, instanceId).twiml,

    async apply(channel, secrets, remember, given = []) {
      const problems = (await options.checkKeys?.(channel, secrets)) ?? [];
      const wrong = problems.find(({ field, kind }) => kind === 'refused' && given.includes(field));
      if (wrong) return refused(wrong.field, wrong.message);
      return warned(await applyLine(channel, secrets, remember), problems);
    },

    undoPayload(channel, secrets) {
      const wiring = readWiring(channel.wiring);
      return wiring && secrets.twilio_auth_token
        ? { ...wiring, authToken: secrets.twilio_auth_token }
        : undefined;
    },

    async undo(payload) {
      const undo = readUndo(payload);
      if (!undo) return { kind: 'done', wiring: {} };
      const rest = restOf(undo.accountSid, undo.authToken);
      const number = await rest.getNumber(undo.numberSid);
      // Released or sold: nothing of ours is left there.
      if (number.kind === 'not-found') return { kind: 'done', wiring: {} };
      if (number.kind !== 'ok') return faultOf(number, 'twilio_phone_number');
      const change = restoring(undo, number.value);
      if (!change) return { kind: 'done', wiring: {} };
      const updated = await rest.updateNumber(undo.numberSid, change);
      if (updated.kind !== 'ok' && updated.kind !== 'not-found')
        return faultOf(updated, 'twilio_phone_number');
      log.info({ numberSid: undo.numberSid }, 'phone number put back as it was found');
      return { kind: 'done', wiring: {} };
    },
  };
}

/** What was done, with a warning of each key that does not work. */
const warned = (applied: Applied, problems: readonly KeyProblem[]): Applied => {
  if (applied.kind !== 'done') return applied;
  const { warning, ...done } = applied;
  const all = warningOf([warning], problems);
  return all === undefined ? done : { ...done, warning: all };
};

const ROLES: readonly (readonly [Role, string])[] = [
  ['speech-to-text', 'a speech-to-text key'],
  ['language-model', 'a language model key'],
  ['text-to-speech', 'a text-to-speech key'],
];

const missingVendors = (
  vendorKeys: PipecatProviderOptions['vendorKeys'],
  secretsSet: readonly SecretField[],
): string[] =>
  ROLES.filter(([role]) => !vendorKeys[role].some((field) => secretsSet.includes(field))).map(
    ([role, name]) => `${name}: ${vendorKeys[role].join(' or ')}`,
  );

function missingTwilio(channel: ProviderChannel, secretsSet: readonly SecretField[]): string[] {
  const hasToken = secretsSet.includes('twilio_auth_token');
  const missing: string[] = [];
  if (!hasToken && (channel.twilioAccountSid || channel.twilioPhoneNumber))
    missing.push("the account's twilio_auth_token");
  if (!channel.twilioAccountSid && channel.twilioPhoneNumber)
    missing.push("the account's twilio_account_sid");
  return missing;
}

/** Which number is to reach us, and the field that says so. */
const lineOf = (
  channel: ProviderChannel,
):
  | { readonly field: 'twilio_phone_number' | 'phone_number'; readonly phoneNumber: string }
  | undefined => {
  if (channel.twilioPhoneNumber)
    return { field: 'twilio_phone_number', phoneNumber: channel.twilioPhoneNumber };
  if (channel.phoneNumber) return { field: 'phone_number', phoneNumber: channel.phoneNumber };
  return undefined;
};

const NO_CARRIER =
  'No phone calls yet: without twilio_auth_token the requests of the carrier cannot be verified, so they are refused.';
const NOT_ON_ACCOUNT = 'This Twilio account does not have this phone number.';

/** Why calls to the number would not reach us, in words for its owner. */
function problemOf(number: PhoneNumber | undefined): string | undefined {
  if (!number) return NOT_ON_ACCOUNT;
  if (!number.takesCalls) return 'Twilio says that this number takes no voice calls.';
  // Taking a number off its trunk would cut whatever the trunk serves: the owner's decision.
  if (number.trunkSid)
    return `This number belongs to the SIP trunk ${number.trunkSid}, which takes its calls; remove it from the trunk first.`;
  return undefined;
}

/** What was there before is remembered once, the first time: afterwards it would be ourselves. */
function wiringFor(
  channel: ProviderChannel,
  accountSid: string,
  number: PhoneNumber,
  urls: HookUrls,
): TwilioWiring {
  const set = { voiceUrl: urls.twiml, statusCallback: urls.status };
  const known = readWiring(channel.wiring);
  const before = known?.numberSid === number.sid ? known.before : settingsOf(number);
  return {
    carrier: 'twilio',
    accountSid,
    numberSid: number.sid,
    phoneNumber: number.phoneNumber,
    before,
    set,
  };
}

const isWired = (number: PhoneNumber, wiring: TwilioWiring): boolean =>
  number.voiceUrl === wiring.set.voiceUrl &&
  number.voiceMethod === 'POST' &&
  number.statusCallback === wiring.set.statusCallback &&
  number.statusCallbackMethod === 'POST' &&
  number.voiceApplicationSid === '';

const refused = (field: string, message: string): Applied => ({ kind: 'refused', field, message });

/** `field` is to blame for what does not exist, or is not allowed, at Twilio. */
function faultOf(fault: Exclude<TwilioAnswer<unknown>, { kind: 'ok' }>, field: string): Applied {
  switch (fault.kind) {
    case 'wrong-credentials':
      return refused(
        'twilio_auth_token',
        `Twilio does not accept these credentials. ${fault.message}`,
      );
    case 'not-found':
    case 'rejected':
      return refused(field, fault.message);
    case 'unreachable':
      return { kind: 'unreachable', message: fault.message };
  }
}
