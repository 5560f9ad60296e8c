import { warningOf } from '#contracts/key-problem.ts';
import type { Applied, CheckKeys, Provider } from '#contracts/provider.ts';
import type { Log } from '#lib/log.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import { ensureFoundAgent } from './found-agent.ts';
import type { ServingVersion } from './found-agent.ts';
import { retellHookUrls } from './hook-urls.ts';
import { faultOf, look, refused } from './look.ts';
import type { LookOptions, Seen } from './look.ts';
import { ensureMadeAgent } from './made-agent.ts';
import { ensureNumber, importNumber } from './phone-number.ts';
import { restoreAll } from './restore.ts';
import { createRetellRest } from './retell-rest.ts';
import type { RetellRest } from './retell-rest.ts';
import {
  isEmpty,
  knowingOf,
  readUndo,
  readWiring,
  withAgent,
  withNumber,
  withoutThoseOf,
} from './wiring.ts';
import type { RetellWiring } from './wiring.ts';

export type RetellProviderOptions = LookOptions & {
  /** Where Retell reaches this server: `https:`, without a trailing slash. */
  readonly publicUrl: string;
  readonly retellUrl: string;
  readonly log: Log;
  /** Which secrets open a language model: what the vendors' registry really has. */
  readonly languageModelKeys: readonly SecretField[];
  /** Undefined: vendors' keys are taken as they are. */
  readonly checkKeys?: CheckKeys;
};

/**
 * The provider whose sound Retell hosts.
 *
 * - With `agent_id` the agent that its owner has built at Retell answers; we are told its events.
 * - Without, an agent is made at Retell that has its words from this server, for which a language
 *   model is needed: without the key of one it is complete, with a warning.
 * - `phone_number` (or `twilio_phone_number`) rings at the agent. One that Retell does not have is
 *   imported by its SIP trunk at Twilio, with the account's credentials. Without a number the
 *   channel is complete, too: for web calls, and for numbers that its owner binds himself.
 *
 * Everything is looked at before anything is changed; what a refused setup has changed all the same
 * is taken back.
 */
export function createRetellProvider(options: RetellProviderOptions): Provider {
  const { publicUrl, retellUrl, clock, log } = options;
  const restOf = (apiKey: string): RetellRest =>
    createRetellRest({ baseUrl: retellUrl, apiKey, clock });

  return {
    name: 'retell',
    followsAgent: true,
    missing: (_channel, secretsSet) =>
      secretsSet.includes('api_key') ? [] : ["Retell's API key: api_key"],
    webhookUrl: (instanceId) => retellHookUrls(publicUrl, instanceId).events,

    async apply(channel, secrets, remember, given = []) {
      const apiKey = secrets.api_key;
      if (!apiKey) return refused('api_key', "Retell's API key is missing.");
      const problems = (await options.checkKeys?.(channel, secrets)) ?? [];
      const wrong = problems.find(({ field, kind }) => kind === 'refused' && given.includes(field));
      if (wrong) return refused(wrong.field, wrong.message);
      const isSpeechless =
        channel.agentId === null && !options.languageModelKeys.some((field) => secrets[field]);
      const rest = restOf(apiKey);
      const urls = retellHookUrls(publicUrl, channel.instanceId);
      const before = readWiring(channel.wiring) ?? nothingYet(channel.instanceId, publicUrl);
      let wiring: RetellWiring = {
        ...before,
        eventsUrl: urls.events,
        inboundUrl: urls.inbound,
      };
      const note = async (next: RetellWiring): Promise<void> => {
        const isNews = JSON.stringify(next) !== JSON.stringify(wiring);
        wiring = next;
        if (isNews) await remember?.(next);
      };
      const change = async (): Promise<Applied> => {
        const seen = await look(options, rest, channel, secrets);
        if (seen.kind !== 'seen') return seen;
        const agent = await wireAgent(seen);
        if (agent.kind !== 'wired') return agent;
        const number = await wireNumber(seen, agent);
        if (number) return number;
        return settle(seen, agent);
      };

      const wireAgent = async (seen: Seen): Promise<WiredTo | Applied> => {
        if (seen.agent) {
          const id = seen.agent.agent_id;
          const known = wiring.agents.find((of) => of.kind === 'found' && of.agentId === id);
          const version = await ensureFoundAgent(
            { rest, eventsUrl: urls.events, note: (of) => note(withAgent(wiring, of)) },
            seen.agent,
            known?.kind === 'found' ? known : undefined,
          );
          if (version.kind !== 'ok') return faultOf(version, 'agent_id');
          return { kind: 'wired', agentId: id, version: version.value, warnings: [] };
        }
        const known = wiring.agents.find((of) => of.kind === 'made');
        const made = await ensureMadeAgent(
          {
            rest,
            instanceId: channel.instanceId,
            apiKey,
            urls,
            brain: seen.brain,
            note: (of) => note(withAgent(wiring, of)),
          },
          known?.kind === 'made' ? known : undefined,
        );
        if (made.kind !== 'ok') return faultOf(made, 'api_key');
        return { kind: 'wired', ...made.value, version: 'latest' };
      };

      const wireNumber = async (seen: Seen, to: WiredTo): Promise<Applied | undefined> => {
        if (!seen.line) return undefined;
        const { phoneNumber, field } = seen.line;
        const parts = {
          rest,
          phoneNumber,
          inboundUrl: urls.inbound,
          agentId: to.agentId,
          agentVersion: to.version,
          note: (of: RetellWiring['numbers'][number]) => note(withNumber(wiring, of)),
        };
        const known = wiring.numbers.find((of) => of.phoneNumber === phoneNumber);
        const wired = seen.number
          ? await ensureNumber(parts, seen.number, known)
          : await importNumber(parts, seen.trunk?.terminationUri ?? '');
        return wired.kind === 'ok' ? undefined : faultOf(wired, field);
      };

      /** Gives back what an earlier setup has used and this one does not. */
      const settle = async (seen: Seen, to: WiredTo): Promise<Applied> => {
        const used: RetellWiring = {
          ...wiring,
          agents: wiring.agents.filter((of) =>
            seen.agent ? of.kind === 'found' && of.agentId === to.agentId : of.kind === 'made',
          ),
          numbers: wiring.numbers.filter((of) => of.phoneNumber === seen.line?.phoneNumber),
        };
        const given = await restoreAll(rest, withoutThoseOf(wiring, used), log);
        if (given.kind === 'unreachable') return given;
        await note(used);
        const speechless = isSpeechless ? noLanguageModel(options.languageModelKeys) : undefined;
        const warning = warningOf([...to.warnings, seen.warning, speechless], problems);
        return { kind: 'done', wiring: used, ...(warning !== undefined && { warning }) };
      };

      const applied = await change();
      if (applied.kind === 'done')
        log.info({ instanceId: channel.instanceId }, 'Retell is in line with the channel');
      if (applied.kind !== 'refused') return applied;
      const taken = await restoreAll(rest, withoutThoseOf(wiring, before), log);
      return taken.kind === 'unreachable' ? taken : applied;
    },

    async carriesOn(previous, next) {
      const apiKey = next.secrets.api_key;
      const wiring = readWiring(previous.channel.wiring);
      if (!apiKey) return false;
      if (!wiring || isEmpty(wiring) || apiKey === previous.secrets.api_key) return true;
      return knowsAny(restOf(apiKey), wiring);
    },

    undoPayload(channel, secrets) {
      const wiring = readWiring(channel.wiring);
      return wiring && !isEmpty(wiring) && secrets.api_key
        ? { ...wiring, apiKey: secrets.api_key }
        : undefined;
    },

    handOver(payload, wiring) {
      const undo = readUndo(payload);
      const used = readWiring(wiring);
      if (!undo || !used) return { left: payload, wiring };
      const left = withoutThoseOf(undo, used);
      return { left: isEmpty(left) ? undefined : left, wiring: knowingOf(used, undo) };
    },

    async undo(payload) {
      const undo = readUndo(payload);
      if (!undo) return { kind: 'done', wiring: {} };
      const given = await restoreAll(restOf(undo.apiKey), undo, log);
      if (given.kind === 'done') log.info({ instanceId: undo.instanceId }, 'Retell is put back');
      return given;
    },
  };
}

const noLanguageModel = (fields: readonly SecretField[]): string =>
  `The agent has nothing to think with: give a language model key (${fields.join(' or ')}), or agent_id for an agent of Retell's own.`;

type WiredTo = {
  readonly kind: 'wired';
  readonly agentId: string;
  readonly version: ServingVersion;
  readonly warnings: readonly string[];
};

const nothingYet = (instanceId: string, publicUrl: string): RetellWiring => {
  const urls = retellHookUrls(publicUrl, instanceId);
  return {
    provider: 'retell',
    instanceId,
    eventsUrl: urls.events,
    inboundUrl: urls.inbound,
    agents: [],
    numbers: [],
  };
};

/** Whether the key opens the workspace that the wiring is in. In doubt it does: keys are mostly just renewed. */
async function knowsAny(rest: RetellRest, wiring: RetellWiring): Promise<boolean> {
  for (const agent of wiring.agents)
    if (agent.agentId !== undefined) {
      const found = await rest.getAgent(agent.agentId);
      if (found.kind !== 'not-found') return true;
    }
  for (const { phoneNumber } of wiring.numbers) {
    const found = await rest.getNumber(phoneNumber);
    if (found.kind !== 'not-found') return true;
  }
  return false;
}
