import type { ServingVersion } from './found-agent.ts';
import type { BoundAgent, RetellAnswer, RetellNumber, RetellRest } from './retell-rest.ts';
import type { WiredNumber } from './wiring.ts';

export type NumberParts = {
  readonly rest: RetellRest;
  readonly phoneNumber: string;
  readonly inboundUrl: string;
  readonly agentId: string;
  readonly agentVersion: ServingVersion;
  /** Awaited before anything is changed. */
  readonly note: (number: WiredNumber) => Promise<void>;
};

/** Has a number of the workspace ring at the agent, call as the agent, and ask us first. */
export async function ensureNumber(
  parts: NumberParts,
  found: RetellNumber,
  known: WiredNumber | undefined,
): Promise<RetellAnswer<unknown>> {
  const { phoneNumber, inboundUrl, agentId } = parts;
  const isOurs = found.inbound_webhook_url === inboundUrl;
  const wired: WiredNumber = {
    phoneNumber,
    // The import was noted and we died: whether it was done shows in what it set.
    isImported: known?.isImported === true && isOurs,
    wasOurs: known ? known.wasOurs : isOurs,
    before:
      known && !known.isImported
        ? known.before
        : {
            inbound_agents: isOurs ? null : (found.inbound_agents ?? null),
            outbound_agents: isOurs ? null : (found.outbound_agents ?? null),
            inbound_webhook_url: isOurs ? null : (found.inbound_webhook_url ?? null),
          },
    agentId,
  };
  await parts.note(wired);
  const wanted = settingsOf(parts);
  const isWired =
    isOurs &&
    isBoundTo(found.inbound_agents, wanted.inbound_agents) &&
    isBoundTo(found.outbound_agents, wanted.outbound_agents);
  return isWired ? { kind: 'ok', value: undefined } : parts.rest.updateNumber(phoneNumber, wanted);
}

/** Brings a number to Retell that its carrier sends there by a SIP trunk. */
export async function importNumber(
  parts: NumberParts,
  terminationUri: string,
): Promise<RetellAnswer<unknown>> {
  const { rest, phoneNumber, agentId } = parts;
  const before = { inbound_agents: null, outbound_agents: null, inbound_webhook_url: null };
  await parts.note({ phoneNumber, isImported: true, before, wasOurs: false, agentId });
  return rest.importNumber({
    phone_number: phoneNumber,
    termination_uri: terminationUri,
    ...settingsOf(parts),
  });
}

/** Puts a number back as it was found, or takes it away again; what somebody has changed since is left alone. */
export async function restoreNumber(
  rest: RetellRest,
  inboundUrl: string,
  { phoneNumber, isImported, before, agentId }: WiredNumber,
): Promise<RetellAnswer<undefined>> {
  const found = await rest.getNumber(phoneNumber);
  if (found.kind === 'not-found') return done;
  if (found.kind !== 'ok') return found;
  const number = found.value;
  const isInboundOurs = isOnly(number.inbound_agents, agentId);
  const isOutboundOurs = isOnly(number.outbound_agents, agentId);
  const isUrlOurs = number.inbound_webhook_url === inboundUrl;
  if (isImported) {
    if (!isUrlOurs) return done;
    const deleted = await rest.deleteNumber(phoneNumber);
    return deleted.kind === 'not-found' ? done : deleted;
  }
  if (!isInboundOurs && !isOutboundOurs && !isUrlOurs) return done;
  const change = (isBoundAgain: boolean) => ({
    ...(isInboundOurs && { inbound_agents: isBoundAgain ? before.inbound_agents : null }),
    ...(isOutboundOurs && { outbound_agents: isBoundAgain ? before.outbound_agents : null }),
    ...(isUrlOurs && { inbound_webhook_url: before.inbound_webhook_url }),
  });
  const updated = await rest.updateNumber(phoneNumber, change(true));
  if (updated.kind === 'ok') return done;
  // An agent that it was bound to is gone: better bound to nobody than to us.
  if (updated.kind !== 'not-found' && updated.kind !== 'refused') return updated;
  const unbound = await rest.updateNumber(phoneNumber, change(false));
  return unbound.kind === 'ok' || unbound.kind === 'not-found' ? done : unbound;
}

const done = { kind: 'ok', value: undefined } as const;

const settingsOf = ({ agentId, agentVersion, inboundUrl }: NumberParts) => {
  const bound = [{ agent_id: agentId, weight: 1, agent_version: agentVersion }];
  return { inbound_agents: bound, outbound_agents: bound, inbound_webhook_url: inboundUrl };
};

const isOnly = (bound: readonly BoundAgent[] | null | undefined, agentId: string): boolean =>
  bound?.length === 1 && bound[0]?.agent_id === agentId;

const isBoundTo = (
  bound: readonly BoundAgent[] | null | undefined,
  wanted: readonly BoundAgent[],
): boolean =>
  bound?.length === wanted.length &&
  wanted.every(
    ({ agent_id, agent_version }, index) =>
      bound[index]?.agent_id === agent_id && bound[index].agent_version === agent_version,
  );
