import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import type { INamespace } from 'protobufjs';
import { isObject } from '../json.ts';
import type { JsonObject } from '../json.ts';

/** Writes and reads messages of one type. Fields are in camel case, enums by name, bytes as Buffers. */
export type Codec = {
  encode(message: object): Buffer;
  /**
   * Fields that were not sent have their defaults; a oneof also stands under its own name, with the
   * name of its field that was sent. Throws what protobufjs throws for bytes that are no such message.
   */
  decode(bytes: Uint8Array): JsonObject;
};

/** A codec of a message of Google's Speech-to-Text. */
export const speechCodec = (type: string): Codec => codecIn(speech, type);

/** A codec of a message of Google's Text-to-Speech. */
export const textToSpeechCodec = (type: string): Codec => codecIn(textToSpeech, type);

// As the official packages ship them.
const require = createRequire(import.meta.url);
const load = (path: string): protobuf.Root => {
  const definitions: INamespace = require(path);
  return protobuf.Root.fromJSON(definitions);
};
const speech = load('@google-cloud/speech/build/protos/protos.json');
const textToSpeech = load('@google-cloud/text-to-speech/build/protos/protos.json');

function codecIn(root: protobuf.Root, name: string): Codec {
  const type = root.lookupType(name);
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    decode(bytes) {
      const message: unknown = type.toObject(type.decode(bytes), {
        enums: String,
        longs: Number,
        defaults: true,
        arrays: true,
        oneofs: true,
      });
      return isObject(message) ? message : {};
    },
  };
}
