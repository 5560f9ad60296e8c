import type {
  Applied,
  CheckKeys,
  Provider,
  ProviderChannel,
  ProviderSecrets,
} from '#contracts/provider.ts';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { createRetellProvider } from '#providers/retell/provider.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import type { Carrier } from '#sandbox/carrier/carrier.ts';
import { startRetell } from '#sandbox/retell/retell.ts';
import type { Retell, RetellAccount } from '#sandbox/retell/retell.ts';

export const RETELL_PHONE = '+14155550100';
export const RETELL_INSTANCE = '11111111-1111-4111-8111-111111111111';
export const RETELL_PUBLIC_URL = 'https://voice.example.test';
export const EVENTS_URL = `${RETELL_PUBLIC_URL}/hooks/voice/${RETELL_INSTANCE}`;

/** The provider, a Retell and a carrier, and an agent whose settings a test may change. */
export type RetellWorld = {
  readonly retell: Retell;
  readonly account: RetellAccount;
  readonly carrier: Carrier;
  readonly provider: Provider;
  readonly brain: { name: string; agentConfig: Record<string, unknown> };
  providerAt(retellUrl: string, publicUrl?: string, checkKeys?: CheckKeys): Provider;
  channel(change?: Partial<ProviderChannel>): ProviderChannel;
  /** A key of Retell and one of a language model. */
  secrets(more?: ProviderSecrets): ProviderSecrets;
  /** All that the account has at Retell, `null` and absent alike, the way the dashboard shows it. */
  snapshot(): unknown;
  /** Requests to Retell that were to change something, as `POST /create-agent`. */
  changes(): readonly string[];
  close(): Promise<void>;
};

export async function openRetellWorld(): Promise<RetellWorld> {
  // Nothing is spoken here.
  const bank = { speak: () => Promise.reject(new Error('no voice here')), clips: [] };
  const [carrier, retell] = await Promise.all([
    startCarrier({ clock: systemClock, bank }),
    startRetell({ clock: systemClock }),
  ]);
  const account = retell.addAccount();
  const brain: RetellWorld['brain'] = { name: 'Front desk', agentConfig: {} };
  const providerAt: RetellWorld['providerAt'] = (
    retellUrl,
    publicUrl = RETELL_PUBLIC_URL,
    checkKeys,
  ) =>
    createRetellProvider({
      publicUrl,
      retellUrl,
      twilioUrl: carrier.origin,
      clock: systemClock,
      log: silentLog,
      languageModelKeys: ['openai_api_key', 'anthropic_api_key'],
      ...(checkKeys && { checkKeys }),
      readBrain: async () => ({
        name: brain.name,
        agentConfig: agentConfigSchema.parse(brain.agentConfig),
      }),
    });
  return {
    retell,
    account,
    carrier,
    provider: providerAt(retell.origin),
    brain,
    providerAt,
    channel: (change) => ({
      tenantId: 'tenant',
      instanceId: RETELL_INSTANCE,
      agentId: null,
      phoneNumber: null,
      twilioAccountSid: null,
      twilioPhoneNumber: null,
      wiring: {},
      ...change,
    }),
    secrets: (more) => ({ api_key: account.apiKey, openai_api_key: 'sk-secret', ...more }),
    snapshot: () => withoutNulls(account.snapshot()),
    changes: () =>
      retell.requests.flatMap(({ method, path }) =>
        method === 'GET' || path === '/v2/list-agents'
          ? []
          : [`${method} ${path.split('/').slice(0, 2).join('/')}`],
      ),
    async close() {
      await Promise.all([carrier.close(), retell.close()]);
    },
  };
}

export const wiringOf = (applied: Applied): Readonly<Record<string, unknown>> => {
  if (applied.kind !== 'done') throw new Error(`not done: ${applied.message}`);
  return applied.wiring;
};

/** What is done, and whatever `undoPayload` makes of it undone again. */
export async function undoWith(
  provider: Provider,
  channel: ProviderChannel,
  secrets: ProviderSecrets,
): Promise<Applied | undefined> {
  const payload = provider.undoPayload(channel, secrets);
  // As it lies in the store between the two.
  return payload && provider.undo(JSON.parse(JSON.stringify(payload)));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null && field !== undefined)
      .map(([name, field]) => [name, withoutNulls(field)]),
  );
}
