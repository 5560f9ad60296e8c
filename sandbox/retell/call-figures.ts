import type { RetellCall } from './account.ts';

/** What Retell tells of a kind of latency; percentiles by nearest rank. */
export function statisticsOf(values: readonly number[]): object {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0);
  return {
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: at(1),
    min: Math.round(sorted[0] ?? 0),
    num: values.length,
    values: values.map(Math.round),
  };
}

const CENTS_PER_MINUTE = {
  voice_engine: 5.5,
  platform_tts: 1.5,
  telephony: 1.5,
  llm: 4.5,
} as const;

/**
 * In US cents, by the list prices as they were published: the voice engine, a platform voice, Retell's
 * own language model where it was one, telephony unless the trunk is the customer's.
 */
export function costOf(call: RetellCall): object {
  const seconds = Math.ceil(((call.endMs ?? 0) - (call.startMs ?? call.endMs ?? 0)) / 1_000);
  const hasOwnBrain = call.settings.response_engine.type === 'custom-llm';
  const products = [
    ['retell_voice_engine', CENTS_PER_MINUTE.voice_engine],
    ['platform_tts', CENTS_PER_MINUTE.platform_tts],
    ...(hasOwnBrain ? [] : [['gpt_4_1', CENTS_PER_MINUTE.llm] as const]),
    ...(call.ownTrunk || call.type === 'web_call'
      ? []
      : [['us_telephony', CENTS_PER_MINUTE.telephony] as const]),
  ] as const;
  const costs = products.map(([product, perMinute]) => ({
    product,
    unit_price: rounded(perMinute / 60),
    cost: rounded((perMinute / 60) * seconds),
    is_transfer_leg_cost: false,
  }));
  return {
    product_costs: costs,
    total_duration_seconds: seconds,
    total_duration_unit_price: rounded(costs.reduce((sum, one) => sum + one.unit_price, 0)),
    combined_cost: rounded(costs.reduce((sum, { cost }) => sum + cost, 0)),
  };
}

const rounded = (cents: number): number => Math.round(cents * 1e4) / 1e4;
