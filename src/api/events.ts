import type { ServerResponse } from 'node:http';
import { VoiceError } from '#lib/errors.ts';
import { liveEventSchema } from '#protocol/events.ts';
import type { LiveEvent } from '#protocol/events.ts';
import { requireAccess } from './auth.ts';
import type { Access, Authenticate } from './auth.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams } from './validation.ts';

/** Proxies close a connection that has been silent for a while, often for 30 s or 60 s. */
const HEARTBEAT_MS = 15_000;
/** A reader that is this far behind is cut off, instead of being stored for without limit. */
const UNREAD_BYTES_MAX = 1_048_576;
const access: Access = { scope: 'instances:read' };

/** What happens on an instance's calls, as it happens: server-sent events. */
export function registerEvents(api: Api, parts: ApiParts, authenticate: Authenticate): void {
  const streams = new Set<() => void>();
  api.addHook('preClose', async () => {
    for (const end of streams) end();
  });

  api.get(
    '/instances/:instance_id/events',
    {
      config: { access },
      // HEAD would open a stream that nobody reads.
      exposeHeadRoute: false,
      schema: {
        tags: ['Calls'],
        security,
        summary: 'Live Events',
        description:
          'Server-sent events of the calls that this node carries, from now on. Each has the ' +
          "event's type as `event` and its JSON as `data`; a comment every 15 s keeps it open.",
        params: instanceParams,
        response: {
          200: {
            description: 'A stream that ends with the server, or when access is taken away.',
            content: { 'text/event-stream': { schema: liveEventSchema } },
          },
        },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.principal;
      const instanceId = request.params.instance_id;
      await requireInstance(parts.store, tenantId, instanceId);

      const isStillAllowed = async (): Promise<boolean> => {
        try {
          requireAccess(await authenticate(request.headers), access);
          await requireInstance(parts.store, tenantId, instanceId);
          return true;
        } catch (error) {
          // A database that hiccups takes nobody's access away.
          return !(error instanceof VoiceError) || error.code === 'unavailable';
        }
      };
      reply.hijack();
      const end = streamEvents(parts, instanceId, reply.raw, isStillAllowed);
      streams.add(end);
      reply.raw.once('close', () => {
        streams.delete(end);
        end();
      });
    },
  );
}

/** Writes events until the reader goes, is too slow, loses access, or `end` is called. */
function streamEvents(
  parts: Pick<ApiParts, 'live' | 'clock'>,
  instanceId: string,
  response: ServerResponse,
  isStillAllowed: () => Promise<boolean>,
): () => void {
  let isOpen = true;
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    unsubscribe();
    cancelHeartbeat();
    response.end();
  };
  const write = (text: string): void => {
    if (!isOpen) return;
    response.write(text);
    if (response.writableLength <= UNREAD_BYTES_MAX) return;
    end();
    response.destroy();
  };
  const beat = async (): Promise<void> => {
    if (!(await isStillAllowed())) return end();
    write(': still here\n\n');
    if (isOpen) cancelHeartbeat = parts.clock.after(HEARTBEAT_MS, () => void beat());
  };

  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // The stream ends with its connection, which would otherwise outlast it, idle.
    connection: 'close',
    // Tells nginx not to hold events back.
    'x-accel-buffering': 'no',
  });
  response.on('error', () => undefined);
  const unsubscribe = parts.live.subscribe(instanceId, (event) => write(frame(event)));
  let cancelHeartbeat = parts.clock.after(HEARTBEAT_MS, () => void beat());
  write('retry: 2000\n: from now on\n\n');
  return end;
}

/** JSON holds no raw line break, so one `data` line is enough. */
const frame = (event: LiveEvent): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(liveEventSchema.parse(event))}\n\n`;
