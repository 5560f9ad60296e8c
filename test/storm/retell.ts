import { createHmac } from 'node:crypto';
import { Retell } from 'retell-sdk';
import type { Clock } from '#lib/clock.ts';
import { sendJson, startHttp } from '#sandbox/lib/http.ts';
import { startRetell } from '#sandbox/retell/retell.ts';
import type { Delivery } from './plan.ts';

/** A Retell whose calls are told, not held: it sends webhooks and answers for the calls they are of. */
export type StormRetell = {
  /** Of its REST API. */
  readonly origin: string;
  readonly apiKey: string;
  readonly agentId: string;
  /** Sends one as Retell does: 10 s to answer, then three more attempts. Resolves with what came of it. */
  deliver(delivery: Delivery, url: () => string): Promise<Delivered>;
  /** How often it was asked for a call. */
  readonly asked: number;
  close(): Promise<void>;
};

export type Delivered = {
  /** Of the last attempt; undefined: no answer to any. */
  readonly status: number | undefined;
  /** How long each answer took that came at all. */
  readonly answerMs: readonly number[];
};

const TIMEOUT_MS = 10_000;
/** Retell does not publish how long it waits; short, so that some attempts all meet a dead server. */
const RETRY_MS = [500, 1_000, 2_000] as const;

export async function startStormRetell(clock: Clock): Promise<StormRetell> {
  const retell = await startRetell({ clock });
  const { apiKey, addAgent } = retell.addAccount();
  const agentId = addAgent();
  const records = new Map<string, object>();
  let asked = 0;

  const front = await startHttp({
    async onRequest({ method, url, request, response, body }) {
      const callId = /^\/v2\/get-call\/(call_\w+)$/.exec(url.pathname)?.[1];
      const record = callId && records.get(callId);
      if (method === 'GET' && record) {
        asked += 1;
        const isKnown = request.headers.authorization === `Bearer ${apiKey}`;
        const refusal = { status: 'error', message: 'API key is missing or invalid.' };
        return sendJson(response, isKnown ? 200 : 401, isKnown ? record : refusal);
      }
      const answer = await fetch(`${retell.origin}${url.pathname}${url.search}`, {
        method,
        headers: {
          authorization: request.headers.authorization ?? '',
          ...(body.length > 0 && { 'content-type': 'application/json' }),
        },
        ...(body.length > 0 && { body: new Uint8Array(body) }),
      });
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'application/json',
      });
      response.end(await answer.text());
    },
  });

  const attempt = async (delivery: Delivery, url: string): Promise<number> => {
    const signature = await signatureOf(delivery, apiKey, clock.now());
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(signature !== undefined && { 'x-retell-signature': signature }),
      },
      body: delivery.body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.arrayBuffer();
    return answer.status;
  };

  return {
    origin: front.origin,
    apiKey,
    agentId,
    async deliver(delivery, url) {
      const { callId, recordFrom, sign } = delivery;
      if (sign === 'right') {
        const known = records.get(callId);
        const later = recordFrom ?? known ?? { call_id: callId, call_status: 'ongoing' };
        // What it has on record does not go back, in whatever order it is told.
        const isLater = !known || Object.keys(later).length > Object.keys(known).length;
        if (isLater) records.set(callId, later);
      }
      const answerMs: number[] = [];
      let status: number | undefined;
      for (const waitMs of [0, ...RETRY_MS]) {
        await clock.sleep(waitMs);
        const sinceMs = clock.now();
        status = await attempt(delivery, url()).catch(() => undefined);
        if (status !== undefined) answerMs.push(clock.now() - sinceMs);
        // Retell takes any 2xx; a forger does not insist.
        if ((status !== undefined && status < 300) || sign !== 'right') break;
      }
      return { status, answerMs };
    },
    get asked() {
      return asked;
    },
    async close() {
      await front.close();
      await retell.close();
    },
  };
}

async function signatureOf(
  { body, sign }: Delivery,
  apiKey: string,
  nowMs: number,
): Promise<string | undefined> {
  switch (sign) {
    case 'right':
      return Retell.sign(body, apiKey);
    case 'wrong-key':
      return Retell.sign(body, 'key_of_somebody_else');
    case 'altered':
      return Retell.sign(`${body} `, apiKey);
    case 'replayed': {
      const atMs = Math.round(nowMs) - 600_000;
      return `v=${atMs},d=${createHmac('sha256', apiKey).update(`${body}${atMs}`).digest('hex')}`;
    }
    case 'unsigned':
      return undefined;
  }
}
