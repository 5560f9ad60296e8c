import { Gauge, Histogram, collectDefaultMetrics } from 'prom-client';
import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import type { ApiParts } from './parts.ts';
import type { Api } from './route.ts';

const tags = ['Operations'];
const PING_LIMIT_MS = 2_000;

/** For whoever runs the server: is it alive, does it take work, what does it measure. */
export function registerOperations(api: Api, parts: ApiParts): void {
  api.get(
    '/healthz',
    {
      schema: {
        tags,
        summary: 'Health',
        description: 'The process is alive.',
        response: { 200: z.object({ status: z.literal('ok') }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  api.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Readiness',
        description: 'The server takes calls: 503 while it starts, drains or has no database.',
        response: { 200: z.object({ status: z.literal('ready') }) },
      },
    },
    async () => {
      if (!parts.ready())
        throw new VoiceError('unavailable', 'The server is starting or draining.');
      if (!(await doesStoreAnswer(parts)))
        throw new VoiceError('unavailable', 'The database does not answer.');
      return { status: 'ready' as const };
    },
  );

  api.get(
    '/metrics',
    {
      schema: {
        tags,
        summary: 'Metrics',
        description: 'For Prometheus.',
        response: {
          200: {
            description: 'Prometheus text format.',
            content: { 'text/plain': { schema: z.string() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const text = await parts.metrics.metrics();
      // Sent as it is: the text is not JSON, and the type carries Prometheus' version.
      return reply
        .header('content-type', parts.metrics.contentType)
        .serializer((payload: unknown) => String(payload))
        .send(text);
    },
  );
}

/** How long requests take, by route. */
export type RequestTimes = (
  labels: { readonly method: string; readonly route: string; readonly status: number },
  durationMs: number,
) => void;

/** Defines this server's metrics in `parts.metrics`. */
export function defineMetrics(parts: Pick<ApiParts, 'metrics' | 'live'>): RequestTimes {
  const { metrics, live } = parts;
  if (!metrics.getSingleMetric('process_cpu_seconds_total'))
    collectDefaultMetrics({ register: metrics });
  const liveCalls: Gauge = new Gauge({
    name: 'hydracore_live_calls',
    help: 'Calls that live in this node',
    registers: [metrics],
    collect: () => liveCalls.set(live.count()),
  });
  const histogram = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15],
    registers: [metrics],
  });
  return (labels, durationMs) => histogram.observe(labels, durationMs / 1_000);
}

async function doesStoreAnswer({ store, clock }: ApiParts): Promise<boolean> {
  const timeUp = new AbortController();
  const answered = store.ping().then(
    () => true,
    () => false,
  );
  const gaveUp = clock.sleep(PING_LIMIT_MS, timeUp.signal).then(
    () => false,
    () => false,
  );
  const isAlive = await Promise.race([answered, gaveUp]);
  timeUp.abort();
  return isAlive;
}
