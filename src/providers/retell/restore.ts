import type { Applied } from '#contracts/provider.ts';
import type { Log } from '#lib/log.ts';
import { restoreFoundAgent } from './found-agent.ts';
import { removeMadeAgent } from './made-agent.ts';
import { restoreNumber } from './phone-number.ts';
import type { RetellAnswer, RetellRest } from './retell-rest.ts';
import type { RetellWiring } from './wiring.ts';

/**
 * Puts back all that the wiring names: numbers first, so that none rings at an agent that is gone.
 * What Retell refuses is logged and left, what it does not know is passed over; `unreachable`: to be
 * done again, as a whole. A key that Retell no longer accepts is final.
 */
export async function restoreAll(
  rest: RetellRest,
  wiring: RetellWiring,
  log: Log,
): Promise<Exclude<Applied, { kind: 'done' }> | { readonly kind: 'done'; readonly wiring: Empty }> {
  const { instanceId } = wiring;
  const steps: readonly (() => Promise<RetellAnswer<undefined>>)[] = [
    ...wiring.numbers.map((number) => () => restoreNumber(rest, wiring.inboundUrl, number)),
    ...wiring.agents.map(
      (agent) => () =>
        agent.kind === 'made'
          ? removeMadeAgent(rest, instanceId, agent)
          : restoreFoundAgent(rest, wiring.eventsUrl, agent),
    ),
  ];
  for (const step of steps) {
    const answer = await step();
    if (answer.kind === 'unreachable') return answer;
    if (answer.kind === 'wrong-key')
      return { kind: 'refused', field: 'api_key', message: answer.message };
    if (answer.kind !== 'ok')
      log.warn({ instanceId, reason: answer.message }, 'something at Retell cannot be put back');
  }
  return { kind: 'done', wiring: {} };
}

type Empty = Readonly<Record<string, never>>;
