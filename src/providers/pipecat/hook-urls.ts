/** Where the carrier finds us for one instance: all public, as given to it and as signed by it. */
export type HookUrls = {
  /** Asked what to do with a new call. */
  readonly twiml: string;
  /** Told when a call's status changes. */
  readonly status: string;
  /** Connected to with the call's sound; `wss:` where the public URL is `https:`. */
  readonly stream: string;
  /** Asked again by a call whose stream has ended. */
  readonly resume: (callId: string) => string;
};

/** `publicUrl` has no trailing slash and no query; it may have a path. */
export const hookUrls = (publicUrl: string, instanceId: string): HookUrls => {
  const root = `${publicUrl}/hooks/voice/${instanceId}`;
  return {
    twiml: `${root}/twiml`,
    status: `${root}/status`,
    stream: `${root.replace(/^http/i, 'ws')}/stream`,
    // Apart from a new call's URL, so that the carrier's retry of a new call is not taken for it.
    resume: (callId) => `${root}/twiml?${RESUME_PARAMETER}=${callId}`,
  };
};

/** Names the call whose stream has ended. */
export const RESUME_PARAMETER = 'resume';
