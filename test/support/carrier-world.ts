import type { Applied, Provider } from '#contracts/provider.ts';
import type { SecretField } from '#protocol/voice-channel.ts';

/** What the numbers of one small carrier point at; `owner` is what stood there before us. */
export type CarrierWorld = {
  readonly pointsAt: Map<string, string>;
  /** What the carrier does with the next requests; `up` once this is used up. */
  readonly faults: ('refuse' | 'unreachable' | 'up')[];
  /** Every request that changed something, in order. */
  readonly changes: string[];
  readonly provider: Provider;
};

/**
 * A provider whose other side is a map: it needs an OpenAI key and a number, points the number at
 * us, and puts it back. `onRequest` runs before each request, and may throw to play a death.
 */
export function carrierWorld(
  numbers: readonly string[],
  onRequest: () => void = () => undefined,
): CarrierWorld {
  const pointsAt = new Map(numbers.map((number) => [number, ownerOf(number)]));
  const faults: CarrierWorld['faults'] = [];
  const changes: string[] = [];
  const ours = (instanceId: string): string => `https://voice.example/${instanceId}`;
  const fault = (): Applied | undefined => {
    onRequest();
    const next = faults.shift() ?? 'up';
    if (next === 'refuse')
      return { kind: 'refused', field: 'twilio_auth_token', message: 'wrong credentials' };
    if (next === 'unreachable') return { kind: 'unreachable', message: 'the carrier is down' };
    return undefined;
  };
  const set = (number: string, url: string): void => {
    pointsAt.set(number, url);
    changes.push(`${number} → ${url}`);
  };

  const provider: Provider = {
    name: 'pipecat',
    missing: (channel, secretsSet) => [
      ...(secretsSet.includes('openai_api_key') ? [] : ['a language model key: openai_api_key']),
      ...(channel.twilioPhoneNumber ? [] : ['a number: twilio_phone_number']),
    ],
    webhookUrl: (instanceId) => `https://voice.example/hooks/voice/${instanceId}/twiml`,
    async apply(channel, secrets, remember) {
      const failed = fault();
      if (failed) return failed;
      const number = channel.twilioPhoneNumber ?? '';
      const found = pointsAt.get(number);
      if (found === undefined)
        return { kind: 'refused', field: 'twilio_phone_number', message: 'not on this account' };
      const known = channel.wiring['number'] === number ? channel.wiring['before'] : undefined;
      const wiring = { number, before: known ?? found, url: ours(channel.instanceId) };
      if (found !== wiring.url) {
        await remember?.(wiring);
        onRequest();
        set(number, wiring.url);
      }
      return secrets.cartesia_api_key
        ? { kind: 'done', wiring }
        : { kind: 'done', wiring, warning: 'no second voice' };
    },
    undoPayload: (channel, secrets) =>
      channel.wiring['number'] && secrets.twilio_auth_token
        ? { ...channel.wiring, token: secrets.twilio_auth_token }
        : undefined,
    async undo(payload) {
      const failed = fault();
      if (failed) return failed;
      const number = String(payload['number']);
      if (pointsAt.get(number) === payload['url']) {
        onRequest();
        set(number, String(payload['before']));
      }
      return { kind: 'done', wiring: {} };
    },
  };
  return { pointsAt, faults, changes, provider };
}

export const ownerOf = (number: string): string => `https://owner.example/${number}`;

/** A provider that is never complete. */
export const incompleteProvider: Provider = {
  name: 'retell',
  missing: (_channel, secretsSet: readonly SecretField[]) =>
    secretsSet.includes('api_key') ? ['more than a key'] : ['a key: api_key'],
  webhookUrl: (instanceId) => `https://voice.example/hooks/voice/${instanceId}`,
  apply: async () => ({ kind: 'refused', field: 'provider', message: 'not served' }),
  undoPayload: () => undefined,
  undo: async () => ({ kind: 'done', wiring: {} }),
};
