import { createHmac } from 'node:crypto';

/** Where Retell finds us for one instance: all public, as given to it. */
export type RetellHookUrls = {
  /** Told what happens in a call. */
  readonly events: string;
  /** Asked what to do with a call to a number, before it is answered. */
  readonly inbound: string;
  /**
   * What an agent of ours has as its `llm_websocket_url`; Retell appends `/{its call_id}`.
   * `wss:` where the public URL is `https:`. The last part is a secret: see `llmSecret`.
   */
  readonly llm: (apiKey: string) => string;
};

/** `publicUrl` has no trailing slash and no query; it may have a path. */
export const retellHookUrls = (publicUrl: string, instanceId: string): RetellHookUrls => {
  const root = `${publicUrl}/hooks/voice/${instanceId}`;
  return {
    events: root,
    inbound: `${root}/inbound`,
    llm: (apiKey) => `${root.replace(/^http/i, 'ws')}/llm/${llmSecret(apiKey, instanceId)}`,
  };
};

/**
 * Guards the socket of an instance, which Retell neither signs nor authenticates: 43 characters that
 * only the holder of the API key can know. Nothing of it is stored; it goes with the key, and changes
 * with it. Compare in constant time.
 */
export const llmSecret = (apiKey: string, instanceId: string): string =>
  createHmac('sha256', apiKey).update(`hydracore llm socket v1 ${instanceId}`).digest('base64url');
