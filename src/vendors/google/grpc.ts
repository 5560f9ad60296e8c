import { createRequire } from 'node:module';
import type { INamespace, Root } from 'protobufjs';
import { isRecord } from '#lib/record.ts';
import type { JsonRecord } from '#lib/record.ts';

export type Grpc = typeof import('@grpc/grpc-js');

/**
 * gRPC itself, without the official clients above it: those take three times as long to load, pass
 * every message through four streams, share connections behind our back, and leave the key out
 * wherever the connection is not theirs. Loaded by the first call that needs it.
 */
export const loadGrpc = (): Promise<Grpc> => import('@grpc/grpc-js');

/** Writes and reads messages of one type. Fields are in camel case, enums by name, bytes as they are. */
export type Codec<Request extends object> = {
  encode(message: Request): Uint8Array;
  /** Only fields that were sent; undefined for bytes that are no such message. */
  decode(bytes: Uint8Array): JsonRecord | undefined;
};

/** Loads the definitions that an official package ships, of one of its versions. */
export async function loadMessages(
  definitions: '@google-cloud/speech' | '@google-cloud/text-to-speech',
): Promise<<Request extends object>(type: string) => Codec<Request>> {
  // The reflection alone, without the parser of .proto files.
  const { default: protobuf } = await import('protobufjs/light.js');
  const json: INamespace = require(`${definitions}/build/protos/protos.json`);
  const root: Root = protobuf.Root.fromJSON(json);
  return (name) => {
    const type = root.lookupType(name);
    return {
      encode: (message) => type.encode(type.fromObject(message)).finish(),
      decode(bytes) {
        try {
          const message: unknown = type.toObject(type.decode(bytes), {
            enums: String,
            longs: Number,
          });
          return isRecord(message) ? message : undefined;
        } catch {
          return undefined;
        }
      },
    };
  };
}

const require = createRequire(import.meta.url);
