import type { ChannelRow } from '#protocol/channels.ts';
import type { ProviderName, SecretField } from '#protocol/voice-channel.ts';

export type TextName = 'agent_id' | 'phone_number' | 'twilio_account_sid' | 'twilio_phone_number';

/** What stands in the form of a channel. */
export type ChannelForm = {
  readonly provider: ProviderName;
  readonly texts: Readonly<Record<TextName, string>>;
  /** A new secret; null: to be cleared; absent: as it is stored. */
  readonly secrets: Readonly<Partial<Record<SecretField, string | null | undefined>>>;
};

const PROVIDER_TEXTS: Readonly<Record<ProviderName, readonly TextName[]>> = {
  pipecat: ['twilio_account_sid', 'twilio_phone_number'],
  retell: ['agent_id', 'phone_number', 'twilio_account_sid'],
};

/** The form as it begins: what is stored, but secrets, which nobody is shown. */
export const formOf = (channel: ChannelRow | null): ChannelForm => ({
  provider: channel?.provider ?? 'pipecat',
  texts: {
    agent_id: channel?.config.agent_id ?? '',
    phone_number: channel?.config.phone_number ?? '',
    twilio_account_sid: channel?.config.twilio_account_sid ?? '',
    twilio_phone_number: channel?.config.twilio_phone_number ?? '',
  },
  secrets: {},
});

/**
 * The body of the setup: the provider, and what was changed. Texts that only the other provider uses
 * are left as they are stored.
 */
export function setupOf(
  { provider, texts, secrets }: ChannelForm,
  channel: ChannelRow | null,
): Readonly<Record<string, string | null>> {
  const body: Record<string, string | null> = { provider };
  for (const name of PROVIDER_TEXTS[provider]) {
    const stored = channel?.config[name] ?? '';
    const text = texts[name].trim();
    if (text !== stored) body[name] = text === '' ? null : text;
  }
  // The number is called by one of two names; who asks is shown the first that is set.
  if (provider === 'pipecat' && 'twilio_phone_number' in body && channel?.config.phone_number)
    body['phone_number'] = body['twilio_phone_number'] ?? null;
  for (const [name, secret] of Object.entries(secrets))
    if (secret !== undefined) body[name] = secret;
  return body;
}
