import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { loopbackNetwork } from '#sandbox/carrier/network.ts';
import type { Network, Routes } from '#sandbox/carrier/network.ts';
import { startHttp } from '#sandbox/lib/http.ts';
import type { AgentSettings } from './agent-body.ts';
import { addAgent, agentRoutes, publish } from './agents.ts';
import { callRoutes } from './calls.ts';
import { createExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { parrot } from './line/own-agent.ts';
import type { OwnBrain } from './line/own-agent.ts';
import { blankNumber, numberRoutes } from './numbers.ts';
import { createRest } from './rest.ts';
import type { ReceivedRequest, RestFault } from './rest.ts';
import { createWebhooks } from './webhooks.ts';
import type { SentWebhook, WebhookFaults } from './webhooks.ts';
import { newestOf, newRetellId, snapshotOf, voiceIds } from './workspace.ts';
import type { PhoneNumber, Workspace } from './account.ts';

export type NumberSettings = Partial<Omit<PhoneNumber, 'phoneNumber'>> & {
  /** E.164. */
  readonly phoneNumber: string;
};

export type RetellAccount = Workspace & {
  /** The key with the webhook badge; opens the REST API, too. */
  readonly apiKey: string;
  addNumber(number: NumberSettings): PhoneNumber;
  /**
   * An agent that was made by hand, answered by Retell's own language model unless `settings` name
   * another engine; published unless said otherwise. Answers its id.
   */
  addAgent(settings?: Partial<AgentSettings>, published?: boolean): string;
  /** Everything that outlives a call, as plain JSON: to compare before and after. */
  snapshot(): unknown;
};

export type Retell = {
  readonly port: number;
  /** Of the REST API: `http://127.0.0.1:PORT` */
  readonly origin: string;
  addAccount(account?: {
    readonly apiKey?: string;
    /** More keys, which open the API and sign nothing. */
    readonly otherKeys?: readonly string[];
    readonly webhookUrl?: string;
    /** 20 where absent, as is free. */
    readonly concurrencyLimit?: number;
  }): RetellAccount;
  /** From now on the public origin leads to the local one, for webhooks and sockets. */
  route(publicOrigin: string, localOrigin: string): void;
  /** Faults of the REST API, in place of those before. */
  setRestFaults(...faults: readonly RestFault[]): void;
  /** Faults of webhooks, in place of those before. */
  setWebhookFaults(faults: WebhookFaults): void;
  /** Every request to the REST API, in the order of the answers. */
  readonly requests: readonly ReceivedRequest[];
  /** Every request that Retell made, in the order in which they ended. */
  readonly webhooks: readonly SentWebhook[];
  /** Resolves when no webhook is on its way or waits to be tried again. */
  webhooksIdle(): Promise<void>;
  /** Ends every call and stops; webhooks that were not answered are given up. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
} & Exchange;

export type RetellOptions = {
  readonly clock: Clock;
  /** Public origin to local origin; more by `route`. What has no route does not exist. */
  readonly routes?: Routes;
  /** How customers' servers are reached; by default over loopback sockets, by the routes. */
  readonly network?: Network;
  /** Of the REST API; a free one where absent. */
  readonly port?: number;
  /** What Retell's own language model says, for agents that are not a customer's; repeats by default. */
  readonly ownBrain?: OwnBrain;
  /** Published versions of agents cannot be deleted. */
  readonly keepsPublished?: boolean;
};

/**
 * Retell, strict as the real one is: its REST API, signed webhooks, the custom LLM socket, and callers
 * on simulated lines. What is guessed is said where it is played.
 */
export async function startRetell(options: RetellOptions): Promise<Retell> {
  const { clock } = options;
  const routes: Record<string, string> = { ...options.routes };
  const network = options.network ?? loopbackNetwork(routes);
  const workspaces: Workspace[] = [];
  const requests: ReceivedRequest[] = [];
  const closing = new AbortController();

  const ownerOf = (phoneNumber: string): Workspace | undefined =>
    workspaces.find(({ numbers }) => numbers.has(phoneNumber));
  const webhooks = createWebhooks({ clock, network, signal: closing.signal });
  const exchange = createExchange({
    clock,
    network,
    webhooks,
    ownerOf,
    ownBrain: options.ownBrain ?? parrot,
  });
  const rest = createRest({
    clock,
    workspaces,
    routes: [
      ...agentRoutes(clock, options.keepsPublished ?? false),
      ...numberRoutes(clock, ownerOf),
      ...callRoutes(clock, exchange.placing),
    ],
    record: (received) => void requests.push(received),
  });
  const server = await startHttp({
    ...(options.port === undefined ? {} : { port: options.port }),
    onRequest: rest.onRequest,
  });
  const close = async (): Promise<void> => {
    await exchange.endAll();
    closing.abort();
    await server.close();
    await webhooks.idle();
  };

  return {
    ...exchange,
    port: server.port,
    origin: server.origin,
    addAccount({ otherKeys = [], ...account } = {}) {
      const apiKey = account.apiKey ?? `key_${randomBytes(14).toString('hex')}`;
      const workspace: Workspace = {
        apiKeys: [apiKey, ...otherKeys],
        webhookKey: apiKey,
        webhookUrl: account.webhookUrl,
        concurrencyLimit: account.concurrencyLimit ?? 20,
        agents: new Map(),
        numbers: new Map(),
        calls: new Map(),
        engineIds: new Set(),
      };
      workspaces.push(workspace);
      return {
        ...workspace,
        apiKey,
        addNumber({ phoneNumber, ...settings }) {
          if (ownerOf(phoneNumber)) throw new Error(`${phoneNumber} is taken`);
          const number = { ...blankNumber(phoneNumber, clock.now()), ...settings };
          workspace.numbers.set(phoneNumber, number);
          return number;
        },
        addAgent(settings = {}, published = true) {
          const llmId = newRetellId('llm');
          workspace.engineIds.add(llmId);
          const agent = addAgent(
            workspace,
            {
              response_engine: { type: 'retell-llm', llm_id: llmId },
              voice_id: voiceIds[0],
              ...settings,
            },
            clock.now(),
          );
          if (published) publish(newestOf(agent), clock.now());
          return agent.agentId;
        },
        snapshot: () => snapshotOf(workspace),
      };
    },
    route: (publicOrigin, localOrigin) => void (routes[publicOrigin] = localOrigin),
    setRestFaults: (...faults) => rest.setFaults(faults),
    setWebhookFaults: webhooks.setFaults,
    requests,
    webhooks: webhooks.sent,
    webhooksIdle: webhooks.idle,
    close,
    [Symbol.asyncDispose]: close,
  };
}
