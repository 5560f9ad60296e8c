import type { Clock } from '#lib/clock.ts';
import { openChannel } from './channel.ts';
import type { Channel, ChannelParts, GrpcStream, StreamListener } from './channel.ts';
import { loadGrpc } from './grpc.ts';
import type { Grpc } from './grpc.ts';

/** The connections of one key to one service. */
export type ChannelPool = {
  open(path: string, listener: StreamListener): GrpcStream;
  unary: Channel['unary'];
  /** Connects ahead of the first stream. */
  warm(): void;
  /** Cancels what is still going on; nothing is said about it. */
  close(): void;
};

/** The service takes 100 streams on a connection, and one more waits without a word until one ends. */
const MAX_STREAMS = 80;
/** A connection that was silent for this long may be open at this end only: it is asked before it is relied upon. */
const SILENT_MS = 10_000;
const ANSWER_WITHIN_MS = 1_500;

export function channelPool(parts: {
  readonly url: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly probe: ChannelParts['probe'];
}): ChannelPool {
  const channels = new Set<Channel>();
  const streams = new Set<GrpcStream>();
  let grpc: Promise<Grpc> | undefined;

  const acquire = (): Channel => {
    // The fullest one that has room, so that the others can be given back.
    const [fullest] = [...channels]
      .filter((channel) => channel.streamCount < MAX_STREAMS)
      .toSorted((a, b) => b.streamCount - a.streamCount);
    if (fullest) return fullest;
    grpc ??= loadGrpc();
    const channel = openChannel({
      ...parts,
      grpc,
      onGivenUp: () => channels.delete(channel),
    });
    channels.add(channel);
    return channel;
  };
  const giveBackSpare = (): void => {
    for (const channel of channels)
      if (channels.size > 1 && channel.streamCount === 0) channel.close();
  };

  return {
    open(path, listener) {
      const channel = acquire();
      if (channel.silentMs >= SILENT_MS) channel.ensureAlive(ANSWER_WITHIN_MS);
      const opened = channel.open(path, {
        open: () => listener.open(),
        message: (bytes) => listener.message(bytes),
        ended(status, wasKept) {
          streams.delete(stream);
          giveBackSpare();
          listener.ended(status, wasKept);
        },
      });
      const stream: GrpcStream = {
        ...opened,
        cancel() {
          opened.cancel();
          streams.delete(stream);
          giveBackSpare();
        },
        get unsentBytes() {
          return opened.unsentBytes;
        },
      };
      streams.add(stream);
      return stream;
    },
    unary: (path, request, options) => acquire().unary(path, request, options),
    warm() {
      if (channels.size === 0) acquire().connect();
    },
    close() {
      for (const stream of streams) stream.cancel();
      for (const channel of channels) channel.close();
    },
  };
}
