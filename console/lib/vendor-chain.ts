import type { VoiceSettings } from '#protocol/agent-config.ts';
import type { ProviderName, SecretField } from '#protocol/voice-channel.ts';

export type RoleName = 'stt' | 'llm' | 'tts';

export const roleNames: Readonly<Record<RoleName, string>> = {
  stt: 'Hears',
  llm: 'Thinks',
  tts: 'Speaks',
};

export type VendorFact = {
  readonly name: string;
  readonly label: string;
  readonly keyField: SecretField;
  readonly roles: readonly RoleName[];
};

/** In the order that the server prefers where the agent names none. */
export const vendorFacts: readonly VendorFact[] = [
  { name: 'deepgram', label: 'Deepgram', keyField: 'deepgram_api_key', roles: ['stt'] },
  { name: 'cartesia', label: 'Cartesia', keyField: 'cartesia_api_key', roles: ['tts'] },
  { name: 'elevenlabs', label: 'ElevenLabs', keyField: 'elevenlabs_api_key', roles: ['tts'] },
  { name: 'openai', label: 'OpenAI', keyField: 'openai_api_key', roles: ['stt', 'llm', 'tts'] },
  { name: 'google', label: 'Google', keyField: 'google_api_key', roles: ['stt', 'llm', 'tts'] },
  { name: 'anthropic', label: 'Anthropic', keyField: 'anthropic_api_key', roles: ['llm'] },
];

/** Retell hears and speaks by itself. */
export const rolesOf = (provider: ProviderName): readonly RoleName[] =>
  provider === 'retell' ? ['llm'] : ['stt', 'llm', 'tts'];

/** Who does a role, first choice first: all that have a key, in the agent's order or the server's. */
export function chainOf(
  role: RoleName,
  voice: Pick<VoiceSettings, RoleName>,
  keys: ReadonlySet<SecretField>,
): readonly VendorFact[] {
  const order = voice[role];
  const candidates = order
    ? [...new Set(order)].flatMap(
        (name) => vendorFacts.find((vendor) => vendor.name === name) ?? [],
      )
    : vendorFacts;
  return candidates.filter(({ roles, keyField }) => roles.includes(role) && keys.has(keyField));
}
