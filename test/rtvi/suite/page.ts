/**
 * The page of a stock client in a browser: everything as Pipecat has it, its media manager included.
 * The test tells it what to do by `globalThis.actions`.
 */
import { WavMediaManager, WebSocketTransport } from '@pipecat-ai/websocket-transport';
import { driveClient } from '../support/client-drive.ts';
import { actionsOf } from './actions.ts';

/** As the transport itself would make one. */
const CHUNK_SAMPLES = 512;
const MICROPHONE_HZ = 16_000;

const mediaManager = new WavMediaManager(CHUNK_SAMPLES, MICROPHONE_HZ);
Object.assign(globalThis, {
  actions: actionsOf(driveClient(new WebSocketTransport({ mediaManager }))),
});
