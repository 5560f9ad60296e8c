import { z } from 'zod';
import { VoiceError } from '#lib/errors.ts';
import { allowOrigins } from './cors.ts';
import type { ApiParts } from './parts.ts';
import { requireInstance, security } from './route.ts';
import type { Api } from './route.ts';
import { instanceParams, noBodyIsEmpty } from './validation.ts';

const connectSchema = z
  .strictObject({
    transport: z.literal('websocket').default('websocket'),
  })
  .meta({ id: 'Connect', title: 'Connect' });

/** Exactly what Pipecat's WebSocket client connects with: it refuses any other field. */
const connectionSchema = z
  .object({
    wsUrl: z.string().meta({ description: 'Where the client connects to.' }),
    token: z.string().meta({ description: 'Good once, within a minute.' }),
  })
  .meta({
    id: 'Connection',
    title: 'Connection',
    examples: [
      {
        wsUrl: 'wss://voice.example.com/v1/instances/3f1c6f3e-8a4e-4a65-9f0e-2a3f3d3b7c11/rtvi',
        token: 'q0dC3bWzq8Zr3m6f1nJtqgYwH6m1cZ5k',
      },
    ],
  });

/** Starts a call from a browser: `startBot` of Pipecat's client. */
export function registerConnect(api: Api, parts: ApiParts): void {
  const { store, browserCalls, corsOrigins = [] } = parts;
  const cors = allowOrigins(api, '/instances/:instance_id/connect', corsOrigins);

  api.post(
    '/instances/:instance_id/connect',
    {
      ...cors,
      config: { access: { scope: 'instances:write' } },
      preValidation: noBodyIsEmpty,
      schema: {
        tags: ['Calls'],
        security,
        summary: 'Start Browser Call',
        description:
          'Begins a call from a browser. The answer is what `connect` of `@pipecat-ai/client-js` ' +
          'with `@pipecat-ai/websocket-transport` takes; the socket speaks RTVI.',
        params: instanceParams,
        body: connectSchema,
        response: { 200: connectionSchema },
      },
    },
    async ({ principal, params }) => {
      const instance = await requireInstance(store, principal.tenantId, params.instance_id);
      if (!browserCalls) throw new VoiceError('unavailable', 'This server takes no browser calls.');
      return browserCalls.start(instance);
    },
  );
}
