import type { Account } from './accounts.ts';
import { newSid } from './accounts.ts';
import type { CallFaults } from './faults.ts';
import type { Line } from './line.ts';
import type { MediaStream } from './media-stream.ts';
import { runStream } from './stream-leg.ts';
import type { StreamEvent } from './stream-leg.ts';
import type { StreamNoun } from './twiml.ts';
import { callWebhook, resolveUrl } from './webhooks.ts';
import type { WebhookContext } from './webhooks.ts';

export type ConnectContext = WebhookContext & {
  readonly account: Account;
  readonly callSid: string;
  readonly line: Line;
  readonly faults: CallFaults;
  readonly random: () => number;
  readonly warn: (code: number, message: string) => void;
  readonly onStart: (stream: MediaStream) => void;
};

/**
 * Carries out `<Connect><Stream>` and tells the stream's status callback of it. Resolves when the
 * stream is over, however it ended, or when `signal` aborts. `base` is the URL of the document.
 */
export async function connectStream(
  context: ConnectContext,
  noun: StreamNoun,
  base: URL,
  signal: AbortSignal,
): Promise<void> {
  const { account, callSid, warn } = context;
  const url = resolveUrl(noun.url, base);
  if (noun.url === '' || !url) return warn(11_100, `Invalid URL format: ${noun.url}`);
  const relative = !URL.canParse(noun.url);
  if (relative && url.protocol === 'https:') url.protocol = 'wss:';
  const streamSid = newSid('MZ');

  const report = async (event: StreamEvent, error?: string): Promise<void> => {
    if (noun.statusCallback === undefined) return;
    const callback = resolveUrl(noun.statusCallback, base);
    if (!callback) return warn(11_100, `Invalid URL format: ${noun.statusCallback}`);
    const outcome = await callWebhook(context, {
      purpose: 'stream-status',
      url: callback,
      method: noun.statusCallbackMethod,
      params: {
        AccountSid: account.accountSid,
        CallSid: callSid,
        StreamSid: streamSid,
        StreamEvent: event,
        ...(noun.name === undefined ? {} : { StreamName: noun.name }),
        ...(error === undefined ? {} : { StreamError: error }),
        Timestamp: new Date(context.clock.now()).toISOString(),
      },
      authToken: account.authToken,
      twice: context.faults.duplicateWebhooks ?? false,
    });
    if (!outcome.ok) warn(outcome.code, outcome.message);
  };
  await runStream(
    {
      clock: context.clock,
      network: context.network,
      line: context.line,
      identity: {
        accountSid: account.accountSid,
        callSid,
        streamSid,
        customParameters: noun.parameters,
      },
      url,
      track: noun.track,
      authToken: account.authToken,
      faults: context.faults,
      random: context.random,
      warn,
      onStart: context.onStart,
      onEvent: (event, error) => void report(event, error),
    },
    signal,
  );
}
