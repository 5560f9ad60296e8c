import { SignJWT } from 'jose';
import { z } from 'zod';
import { createdApiKeySchema } from '#protocol/api-keys.ts';
import { callSchema } from '#protocol/calls.ts';
import type { Call } from '#protocol/calls.ts';
import { voiceStatusSchema } from '#protocol/voice-channel.ts';
import type { VoiceStatus } from '#protocol/voice-channel.ts';

/** What the API answered; `body` is its JSON, undefined where it is none. */
export type ApiAnswer = {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
};

/** The owner of agents, at the public API alone. */
export type Owner = {
  request(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** The body of a success. Throws what else was answered. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
  /** In plain text. Keys of the same name made earlier are revoked: who lost one gets a new one. */
  makeApiKey(name: string): Promise<string>;
  /** Undefined: there is none of this name. */
  findInstance(name: string): Promise<string | undefined>;
  /** Answers its id. `agentConfig` is as the API takes it: what is absent has its default. */
  makeInstance(name: string, agentConfig: object): Promise<string>;
  setUpVoice(instanceId: string, setup: object): Promise<VoiceStatus>;
  call(callId: string): Promise<Call>;
};

/** @param origin where the server is now; asked at every request, so that it may move */
export function ownerAt(origin: () => string, credential: Record<string, string>): Owner {
  const request: Owner['request'] = async (method, path, body) => {
    const response = await fetch(`${origin()}${path}`, {
      method,
      headers: {
        ...credential,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
    return { status: response.status, text, body: isJson ? JSON.parse(text) : undefined };
  };
  const ask: Owner['ask'] = async (method, path, body) => {
    const { status, text, body: answer } = await request(method, path, body);
    if (status > 299) throw new Error(`${method} ${path} answered ${status}: ${text}`);
    return answer;
  };

  return {
    request,
    ask,
    async makeApiKey(name) {
      const listed = keysSchema.parse(await ask('GET', '/v1/settings/api-keys'));
      for (const key of listed.api_keys)
        if (key.name === name && key.revoked_at === null)
          await ask('DELETE', `/v1/settings/api-keys/${key.id}`);
      const made = await ask('POST', '/v1/settings/api-keys', {
        name,
        scopes: ['instances:read', 'instances:write', 'instances:delete'],
      });
      return createdApiKeySchema.parse(made).plaintext_key;
    },
    async findInstance(name) {
      const listed = await ask('GET', '/v1/instances');
      return instancesSchema.parse(listed).instances.find((one) => one.name === name)?.id;
    },
    async makeInstance(name, agentConfig) {
      const made = await ask('POST', '/v1/instances', { name, agent_config: agentConfig });
      return instanceSchema.parse(made).id;
    },
    setUpVoice: async (instanceId, setup) =>
      voiceStatusSchema.parse(
        await ask('POST', `/v1/instances/${instanceId}/channels/voice`, setup),
      ),
    call: async (callId) => callSchema.parse(await ask('GET', `/v1/calls/${callId}`)),
  };
}

/** A token as an identity provider of the owner's would issue it. */
export const bearerToken = async (secret: string, tenantId: string): Promise<string> => {
  const token = await new SignJWT({ tenant_id: tenantId })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('demo')
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(secret));
  return `Bearer ${token}`;
};

const keysSchema = z.object({
  api_keys: z.array(
    z.object({ id: z.string(), name: z.string(), revoked_at: z.string().nullable() }),
  ),
});
const instanceSchema = z.object({ id: z.string(), name: z.string() });
const instancesSchema = z.object({ instances: z.array(instanceSchema) });
