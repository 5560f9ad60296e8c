import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { Network, WebResponse } from '#sandbox/carrier/network.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import type { WebhookEvent } from './agent-body.ts';
import { renderCall } from './retell-call.ts';
import type { RetellCall } from './account.ts';
import { retellSignature } from './signature.ts';
import type { Workspace } from './account.ts';

/** One request that Retell made, with what came of it. */
export type SentWebhook = {
  readonly event: WebhookEvent | 'call_inbound';
  readonly callId: string;
  readonly url: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly atMs: number;
  /** What was signed, to the byte. */
  readonly body: string;
  readonly signature: string;
  /** Undefined when there was no answer. */
  readonly status: number | undefined;
  readonly answer: string;
  /** Why there was no answer. */
  readonly problem: string | undefined;
};

/** What goes wrong between Retell and its customer. Everything random is drawn from `seed`. */
export type WebhookFaults = {
  readonly seed?: number;
  /** Share of webhooks that are sent twice, 0 to 1. */
  readonly duplicateRate?: number;
  /** How late every webhook is. */
  readonly delayMs?: number;
  /** At most this much on top, different for each: webhooks overtake each other. */
  readonly shuffleMs?: number;
  /** Those that are never sent. */
  readonly lose?: (event: WebhookEvent, callId: string) => boolean;
};

export type Webhooks = {
  /** Sends it where the agent, or else the account, wants it; does nothing where neither does. */
  send(call: RetellCall, event: WebhookEvent, extra?: object): void;
  /** Asks about a call that comes in; undefined when no attempt was answered with 2xx. */
  ask(
    workspace: Workspace,
    url: string,
    callId: string,
    body: object,
  ): Promise<WebResponse | undefined>;
  setFaults(faults: WebhookFaults): void;
  /** Every request, in the order in which they ended. */
  readonly sent: readonly SentWebhook[];
  /** Resolves when nothing is on its way any more. */
  idle(): Promise<void>;
};

/** Attempts after the first one. */
const RETRIES = 3;
/** Not published; guessed. */
const BACK_OFF_MS = [1_000, 2_000, 4_000];
const TIMEOUT_MS = 10_000;
const DEFAULT_EVENTS: readonly WebhookEvent[] = ['call_started', 'call_ended', 'call_analyzed'];

/**
 * Retell's webhooks: signed over the raw body, begun in the order of the events and never waiting for
 * each other; each tried again three times until it is answered with 2xx in time. Guessed: the waits
 * between attempts, that each attempt is signed anew, and that redirects are not followed.
 */
export function createWebhooks(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly signal: AbortSignal;
}): Webhooks {
  const { clock, network, signal } = options;
  const sent: SentWebhook[] = [];
  const running = new Set<Promise<unknown>>();
  let faults: WebhookFaults = {};
  let random = createRandom(0);

  const attempt = async (
    target: Target,
    body: string,
    number: number,
  ): Promise<WebResponse | undefined> => {
    const deadline = new AbortController();
    const cancel = clock.after(target.timeoutMs, () =>
      deadline.abort(new Error(`no answer within ${target.timeoutMs} ms`)),
    );
    const atMs = clock.now();
    const signature = retellSignature(target.webhookKey, body, atMs);
    const note = (response: WebResponse | undefined, problem?: string): void =>
      void sent.push({
        event: target.event,
        callId: target.callId,
        url: target.url,
        attempt: number,
        atMs,
        body,
        signature,
        status: response?.status,
        answer: response?.body ?? '',
        problem,
      });
    try {
      const response = await network.fetch(
        {
          method: 'POST',
          url: new URL(target.url),
          headers: { 'content-type': 'application/json', 'x-retell-signature': signature },
          body,
        },
        AbortSignal.any([deadline.signal, signal]),
      );
      note(response);
      return response;
    } catch (error) {
      note(undefined, messageOf(error));
      return undefined;
    } finally {
      cancel();
    }
  };
  const deliver = async (target: Target, body: string): Promise<WebResponse | undefined> => {
    for (let number = 1; number <= RETRIES + 1 && !signal.aborted; number += 1) {
      const response = await attempt(target, body, number);
      if (response && response.status >= 200 && response.status < 300) return response;
      const waitMs = BACK_OFF_MS[number - 1];
      if (waitMs === undefined) return undefined;
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
    return undefined;
  };
  const track = <Value>(work: Promise<Value>): Promise<Value> => {
    running.add(work);
    void work.finally(() => running.delete(work)).catch(() => undefined);
    return work;
  };
  const after = async (delayMs: number, work: () => Promise<unknown>): Promise<void> => {
    if (delayMs > 0) await clock.sleep(delayMs, signal).catch(() => undefined);
    if (!signal.aborted) await work();
  };

  return {
    send(call, event, extra = {}) {
      const { webhook_url: own, webhook_events: events, webhook_timeout_ms } = call.settings;
      const { workspace } = call;
      const template = own ?? workspace.webhookUrl;
      if (template === undefined || !(events ?? DEFAULT_EVENTS).includes(event)) return;
      if (faults.lose?.(event, call.callId)) return;
      const target = {
        event,
        callId: call.callId,
        url: filledIn(template, call.dynamicVariables),
        timeoutMs: webhook_timeout_ms ?? TIMEOUT_MS,
        webhookKey: workspace.webhookKey,
      };
      const body = JSON.stringify({ event, call: renderCall(call, 'webhook'), ...extra });
      const copies = random.next() < (faults.duplicateRate ?? 0) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        const delayMs = (faults.delayMs ?? 0) + random.next() * (faults.shuffleMs ?? 0);
        void track(after(delayMs, () => deliver(target, body)));
      }
    },
    ask({ webhookKey }, url, callId, body) {
      const target = {
        event: 'call_inbound',
        callId,
        url,
        timeoutMs: TIMEOUT_MS,
        webhookKey,
      } as const;
      return track(deliver(target, JSON.stringify(body)));
    },
    setFaults(next) {
      faults = next;
      random = createRandom(next.seed ?? 0);
    },
    sent,
    async idle() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

type Target = {
  readonly event: SentWebhook['event'];
  readonly callId: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly webhookKey: string;
};

/** `{{name}}` by the call's dynamic variables; one that is not set stays as it is. */
export const filledIn = (
  template: string,
  variables: Readonly<Record<string, string>> | undefined,
): string =>
  template.replace(/\{\{\s*([^{}\s]+)\s*\}\}/g, (all, name: string) => variables?.[name] ?? all);
