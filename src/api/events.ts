import type { IncomingHttpHeaders } from 'node:http';
import { messageOf, VoiceError } from '#lib/errors.ts';
import { eventsQuerySchema, streamEventSchema } from '#protocol/events.ts';
import { requireAccess } from './auth.ts';
import type { Access, Authenticate } from './auth.ts';
import { findStored, notCovered, tellStored } from './event-resume.ts';
import type { Covered, Stored } from './event-resume.ts';
import { openEventStream } from './event-stream.ts';
import type { EventStream } from './event-stream.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams } from './validation.ts';

/** While the stored calls are told, more may happen than is kept: then they are told once more. */
const TELLINGS_MAX = 3;
/** Of what was missed; far less than a reader may be behind. */
const TOLD_AT_ONCE = 200;
const access: Access = { scope: 'instances:read' };

/** What happens on an instance's calls, as it happens: server-sent events. */
export function registerEvents(api: Api, parts: ApiParts, authenticate: Authenticate): void {
  const streams = new Set<EventStream>();
  api.addHook('preClose', async () => {
    for (const stream of streams) stream.end();
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
          'Server-sent events of the calls that this node carries. Each has the ' +
          "event's type as `event` and its JSON as `data`; a comment every 15 s keeps it open. " +
          'Without `Last-Event-ID`, from now on. With it, first what came after that event: where ' +
          'this node does not know it any more (a restart, another node, too long ago), a `reset`, ' +
          'each call as it is stored by a `call`, and `current`.',
        params: instanceParams,
        querystring: eventsQuerySchema,
        response: {
          200: {
            description: 'A stream that ends with the server, or when access is taken away.',
            content: { 'text/event-stream': { schema: streamEventSchema } },
          },
        },
      },
    },
    async (request, reply) => {
      const { tenantId } = request.principal;
      const instanceId = request.params.instance_id;
      await requireInstance(parts.store, tenantId, instanceId);
      const lastId = lastEventId(request.headers) ?? request.query.last_event_id;
      const known = lastId === undefined ? undefined : parts.live.since(instanceId, lastId);
      // A database that is away is answered by a status, as long as there is still one to answer.
      const stored =
        known?.is === 'unknown'
          ? await findStored(parts, { tenantId, instanceId }, known.toldAtMs)
          : undefined;

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
      let isCaughtUp = false;
      reply.hijack();
      const stream = openEventStream(reply.raw, parts.clock, async () => {
        if (!(await isStillAllowed())) return undefined;
        return { position: isCaughtUp ? parts.live.position() : undefined };
      });
      streams.add(stream);
      stream.signal.addEventListener('abort', () => streams.delete(stream), { once: true });
      try {
        await catchUp(parts, { tenantId, instanceId, stream, lastId, stored });
        isCaughtUp = true;
        if (request.query.levels === 'true') tellLevels(parts, instanceId, stream);
      } catch (error) {
        if (!stream.signal.aborted)
          request.log.warn({ instanceId, error: messageOf(error) }, 'a stream could not catch up');
        // It comes back by itself, with the id that it had.
        stream.end();
      }
    },
  );
}

/**
 * Tells what the reader has missed and, in the same moment, begins to tell what happens. Nothing
 * falls between the two: what is stored by the time of a position is read, what was told after it
 * is kept.
 */
async function catchUp(
  parts: ApiParts,
  reader: {
    readonly tenantId: string;
    readonly instanceId: string;
    readonly stream: EventStream;
    readonly lastId: string | undefined;
    readonly stored: Stored | undefined;
  },
): Promise<void> {
  const { live } = parts;
  const { instanceId, stream, lastId } = reader;
  let { stored } = reader;
  let from = lastId ?? live.position();
  let covered: ReadonlyMap<string, Covered> = new Map();
  let toldAtMs: number | undefined;
  let tellings = 0;
  let hasPosition = false;
  for (;;) {
    const missed = live.since(instanceId, from);
    if (missed.is === 'unknown') {
      if (tellings === 0) toldAtMs = missed.toldAtMs;
      if (tellings === TELLINGS_MAX)
        throw new VoiceError('unavailable', 'More happens than can be kept.');
      tellings += 1;
      stored ??= await findStored(parts, reader, toldAtMs);
      await stream.sendMuch([{ event: stored.reset }]);
      covered = await tellStored(parts, reader, stored.callIds, (calls) =>
        stream.sendMuch(calls.map((event) => ({ event }))),
      );
      from = stored.position;
      stored = undefined;
      hasPosition = false;
      continue;
    }
    if (!hasPosition) {
      if (tellings > 0) stream.send({ type: 'current' }, from);
      else stream.sendPosition(from, lastId === undefined ? 'from now on' : 'from there on');
      hasPosition = true;
    }
    const next = notCovered(missed.events, covered);
    const some = next.slice(0, TOLD_AT_ONCE);
    if (some.length === next.length) {
      for (const { event, id } of next) stream.send(event, id);
      if (!stream.signal.aborted) endWith(stream, subscribe(parts, instanceId, stream));
      return;
    }
    await stream.sendMuch(some);
    from = some.at(-1)?.id ?? from;
  }
}

const subscribe = ({ live }: ApiParts, instanceId: string, stream: EventStream): (() => void) =>
  live.subscribe(instanceId, (event, id) => stream.send(event, id));

function tellLevels({ live }: ApiParts, instanceId: string, stream: EventStream): void {
  if (stream.signal.aborted) return;
  endWith(
    stream,
    live.watchLevels(instanceId, (levels) =>
      stream.sendInPassing({ type: 'levels', calls: [...levels] }),
    ),
  );
}

const endWith = (stream: EventStream, stop: () => void): void =>
  stream.signal.addEventListener('abort', stop, { once: true });

const lastEventId = (headers: IncomingHttpHeaders): string | undefined => {
  const given = headers['last-event-id'];
  // An empty one is what a browser means by none.
  return typeof given === 'string' && given !== '' ? given : undefined;
};
