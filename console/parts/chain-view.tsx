import type { ReactNode } from 'react';
import type { VoiceSettings } from '#protocol/agent-config.ts';
import type { ProviderName, SecretField } from '#protocol/voice-channel.ts';
import { chainOf, roleNames, rolesOf, vendorFacts } from '../lib/vendor-chain.ts';

/** Who does what with these keys, and who goes on when the first one fails. */
export function ChainView({
  provider,
  voice,
  keys,
}: {
  readonly provider: ProviderName;
  readonly voice: VoiceSettings;
  readonly keys: ReadonlySet<SecretField>;
}): ReactNode {
  return (
    <div className="chains" role="group" aria-label="What comes of these keys">
      {rolesOf(provider).map((role) => {
        const chain = chainOf(role, voice, keys);
        const possible = vendorFacts.filter((vendor) => vendor.roles.includes(role));
        return (
          <div key={role} className="chain">
            <span className="chain-role">{roleNames[role]}</span>
            {chain.length > 0 ? (
              <ol>
                {chain.map((vendor) => (
                  <li key={vendor.name}>{vendor.label}</li>
                ))}
              </ol>
            ) : (
              <span className="missing">
                Nobody yet: {possible.map(({ label }) => label).join(' or ')}
              </span>
            )}
          </div>
        );
      })}
    </div>
  );
}
