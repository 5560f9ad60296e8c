import { z } from 'zod';
import { boundAgentSchema } from './retell-rest.ts';
import type { Hook } from './retell-rest.ts';

const hookSchema = z.object({
  webhook_url: z.string().nullable(),
  webhook_events: z.array(z.string()).nullable(),
});

const madeAgentSchema = z.object({
  kind: z.literal('made'),
  /** Absent until Retell has answered with it: then the agent is found by its name, if it was made. */
  agentId: z.string().optional(),
});

const foundAgentSchema = z.object({
  kind: z.literal('found'),
  agentId: z.string(),
  /** Where its events went when it was found; nulls where they came to us already. */
  before: hookSchema,
  /** It was found as we leave it: an undo that is still to be done knows what was before. */
  wasOurs: z.boolean(),
  /** The same of the drafts that we have changed. */
  drafts: z.array(z.object({ version: z.number().int(), before: hookSchema })),
  /** A copy of a published version is being made, to be published with our hook; drafts were up to `after`. */
  making: z.object({ base: z.number().int(), after: z.number().int() }).optional(),
  /** The versions that we have published, the last one last. */
  published: z.array(z.number().int()),
});

const numberSchema = z.object({
  phoneNumber: z.string(),
  /** Retell did not have it before; `before` is of no use then. */
  isImported: z.boolean(),
  before: z.object({
    inbound_agents: z.array(boundAgentSchema).nullable(),
    outbound_agents: z.array(boundAgentSchema).nullable(),
    inbound_webhook_url: z.string().nullable(),
  }),
  /** It was found as we leave it: an undo that is still to be done knows what was before. */
  wasOurs: z.boolean(),
  /** The agent that we have bound to it. */
  agentId: z.string(),
});

const wiringSchema = z.object({
  provider: z.literal('retell'),
  instanceId: z.string(),
  /** Where Retell was told to find us: what has another address by now is somebody else's. */
  eventsUrl: z.string(),
  inboundUrl: z.string(),
  agents: z.array(z.discriminatedUnion('kind', [madeAgentSchema, foundAgentSchema])),
  numbers: z.array(numberSchema),
});

/** What we have changed at Retell for a channel, as it is stored with the channel. */
export type RetellWiring = z.infer<typeof wiringSchema>;
export type MadeAgent = z.infer<typeof madeAgentSchema>;
export type FoundAgent = z.infer<typeof foundAgentSchema>;
export type WiredAgent = MadeAgent | FoundAgent;
export type WiredNumber = z.infer<typeof numberSchema>;

const undoSchema = wiringSchema.extend({ apiKey: z.string().min(1) });
export type RetellUndo = z.infer<typeof undoSchema>;

/** Undefined: nothing has been changed at Retell. */
export const readWiring = (stored: unknown): RetellWiring | undefined =>
  wiringSchema.safeParse(stored).data;

export const readUndo = (payload: unknown): RetellUndo | undefined =>
  undoSchema.safeParse(payload).data;

/** Whether both are about the same agent. An agent that we make is one and the same for an instance. */
export const isSameAgent = (a: WiredAgent, b: WiredAgent): boolean =>
  a.kind === b.kind && (a.kind === 'made' || a.agentId === b.agentId);

export const withAgent = <W extends RetellWiring>(wiring: W, agent: WiredAgent): W => ({
  ...wiring,
  agents: [...wiring.agents.filter((known) => !isSameAgent(known, agent)), agent],
});

export const withNumber = <W extends RetellWiring>(wiring: W, number: WiredNumber): W => ({
  ...wiring,
  numbers: [...wiring.numbers.filter((known) => known.phoneNumber !== number.phoneNumber), number],
});

/** What `wiring` has and `other` has not. */
export const withoutThoseOf = <W extends RetellWiring>(wiring: W, other: RetellWiring): W => ({
  ...wiring,
  agents: wiring.agents.filter((agent) => !other.agents.some((of) => isSameAgent(of, agent))),
  numbers: wiring.numbers.filter(
    (number) => !other.numbers.some((of) => of.phoneNumber === number.phoneNumber),
  ),
});

/** `wiring`, with what `older`, which was never undone, knows of the same agents and numbers. */
export const knowingOf = (wiring: RetellWiring, older: RetellWiring): RetellWiring => ({
  ...wiring,
  agents: wiring.agents.map((agent) => {
    const known = older.agents.find((of) => isSameAgent(of, agent));
    if (agent.kind !== 'found' || known?.kind !== 'found') return agent;
    return {
      ...agent,
      ...(agent.wasOurs && { before: known.before, wasOurs: known.wasOurs }),
      drafts: [
        ...known.drafts,
        ...agent.drafts.filter(({ version }) => !known.drafts.some((of) => of.version === version)),
      ],
      published: [...new Set([...known.published, ...agent.published])],
    };
  }),
  numbers: wiring.numbers.map((number) => {
    const known = older.numbers.find((of) => of.phoneNumber === number.phoneNumber);
    if (!known || !number.wasOurs) return number;
    const { before, isImported, wasOurs } = known;
    return { ...number, before, isImported, wasOurs };
  }),
});

export const isEmpty = (wiring: RetellWiring): boolean =>
  wiring.agents.length === 0 && wiring.numbers.length === 0;

/** An agent's hook as it is to be remembered. What is ours already is nobody's to come back to. */
export const hookToRemember = (hook: Hook, eventsUrl: string): FoundAgent['before'] =>
  hook.webhook_url === eventsUrl
    ? { webhook_url: null, webhook_events: null }
    : { webhook_url: hook.webhook_url ?? null, webhook_events: hook.webhook_events ?? null };
