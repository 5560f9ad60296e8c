import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { startCarrier } from '#sandbox/carrier/carrier.ts';
import { describeProvider, TAKEN_OVER_URL } from '#test/contracts/provider.ts';
import type { ProviderBench } from '#test/contracts/provider.ts';
import { openRetellWorld, RETELL_INSTANCE, RETELL_PHONE } from '#test/support/retell-world.ts';
import { createPipecatProvider } from './pipecat/provider.ts';

const PUBLIC_URL = 'https://voice.example.test';
const FOREIGN = '+14155550199';

/** Leads to another server, or hangs up on whoever comes. */
async function switchable(origin: string) {
  let isAway = false;
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const { authorization = '', 'content-type': type = 'application/json' } = request.headers;
    const answer = await fetch(origin + (request.url ?? ''), {
      method: request.method ?? 'GET',
      headers: { authorization, 'content-type': type },
      ...(body.length > 0 && { body }),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(answer.status === 204 ? undefined : await answer.text());
  };
  const server = createServer((request, response) => {
    if (isAway) request.socket.destroy();
    else void forward(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    setAway: (away: boolean) => void (isAway = away),
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeProvider('The pipecat provider', async (): Promise<ProviderBench> => {
  const bank = { speak: () => Promise.reject(new Error('no voice here')), clips: [] };
  const carrier = await startCarrier({ clock: systemClock, bank });
  const door = await switchable(carrier.origin);
  const { accountSid, authToken } = carrier.addAccount();
  const number = carrier.addNumber({
    accountSid,
    phoneNumber: RETELL_PHONE,
    voiceUrl: 'https://before.example.test/voice',
  });
  const channel = {
    tenantId: 'tenant',
    instanceId: RETELL_INSTANCE,
    agentId: null,
    phoneNumber: null,
    twilioAccountSid: accountSid,
    twilioPhoneNumber: RETELL_PHONE,
    wiring: {},
  };
  return {
    provider: createPipecatProvider({
      publicUrl: PUBLIC_URL,
      twilioUrl: door.origin,
      clock: systemClock,
      log: silentLog,
      vendorKeys: {
        'speech-to-text': ['deepgram_api_key'],
        'language-model': ['openai_api_key'],
        'text-to-speech': ['cartesia_api_key'],
      },
    }),
    channel,
    secrets: {
      twilio_auth_token: authToken,
      deepgram_api_key: 'dg-secret',
      openai_api_key: 'sk-secret',
      cartesia_api_key: 'ca-secret',
    },
    key: 'twilio_auth_token',
    line: 'twilio_phone_number',
    foreign: { ...channel, twilioPhoneNumber: FOREIGN },
    snapshot: () => ({ ...number, updatedAtMs: 0 }),
    takeOver: () => void (number.voiceUrl = TAKEN_OVER_URL),
    setAway: door.setAway,
    async close() {
      door.close();
      await carrier.close();
    },
  };
});

describeProvider('The retell provider', async (): Promise<ProviderBench> => {
  const world = await openRetellWorld();
  const door = await switchable(world.retell.origin);
  const agentId = world.account.addAgent({ webhook_url: 'https://before.example.test/events' });
  const number = world.account.addNumber({
    phoneNumber: RETELL_PHONE,
    inboundAgents: [{ agent_id: agentId, weight: 1 }],
    inboundWebhookUrl: 'https://before.example.test/inbound',
  });
  const channel = world.channel({ phoneNumber: RETELL_PHONE });
  return {
    provider: world.providerAt(door.origin),
    channel,
    secrets: world.secrets(),
    key: 'api_key',
    line: 'phone_number',
    foreign: { ...channel, phoneNumber: FOREIGN },
    snapshot: world.snapshot,
    takeOver: () => void (number.inboundWebhookUrl = TAKEN_OVER_URL),
    setAway: door.setAway,
    async close() {
      door.close();
      await world.close();
    },
  };
});
