import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import type { Log } from '#lib/log.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { startHttp } from '#sandbox/lib/http.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { isE164, newSid } from './accounts.ts';
import type { Account, PhoneNumber } from './accounts.ts';
import { startCall } from './call.ts';
import type { CarrierWarning, PhoneCall } from './phone-call.ts';
import type { CallFaults } from './faults.ts';
import { loopbackNetwork } from './network.ts';
import type { Network, Routes } from './network.ts';
import { restApi } from './rest.ts';
import type { ReceivedRequest } from './rest.ts';
import { newTrunk } from './trunks.ts';
import type { Trunk, TrunkSettings } from './trunks.ts';
import type { HttpMethod } from './twiml.ts';
import type { SentWebhook } from './webhooks.ts';

export type CarrierRequest =
  | ({ readonly direction: 'sent' } & SentWebhook)
  | ({ readonly direction: 'received' } & ReceivedRequest);

export type NumberSettings = {
  readonly accountSid: string;
  /** E.164. */
  readonly phoneNumber: string;
  readonly voiceUrl?: string;
  readonly voiceMethod?: HttpMethod;
  readonly voiceFallbackUrl?: string;
  readonly statusCallback?: string;
  /** Makes the number ignore its voice URL, as the real ones do. */
  readonly voiceApplicationSid?: string;
  readonly trunkSid?: string;
};

export type Carrier = {
  readonly port: number;
  /** Of the REST API: `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** Both are made up where absent. */
  addAccount(account?: Partial<Account>): Account;
  addNumber(number: NumberSettings): PhoneNumber;
  /** To be named in a number's `trunkSid`. What the trunk leads to is not played. */
  addTrunk(trunk: TrunkSettings): Trunk;
  /** From now on the public origin leads to the local one. */
  route(publicOrigin: string, localOrigin: string): void;
  /** Rings the number now. Throws when no account has it. */
  dial(call: {
    readonly from: string;
    readonly to: string;
    readonly caller: Caller;
    readonly faults?: CallFaults;
  }): PhoneCall;
  readonly calls: readonly PhoneCall[];
  /** Everything Twilio would have put into its debugger, with its codes. */
  readonly warnings: readonly CarrierWarning[];
  /** Everything sent and received, in the order in which it ended. */
  readonly requests: readonly CarrierRequest[];
  /**
   * Hangs up every call and stops the REST API. Resolves when the last status callbacks were
   * answered or given up.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type CarrierOptions = {
  readonly clock: Clock;
  /** Speaks what `<Say>` says; the ears of callers know words by the same bank. */
  readonly bank: VoiceBank;
  readonly log?: Log;
  /** Public origin to local origin; more by `route`. */
  readonly routes?: Routes;
  /** How customers' servers are reached; by default over loopback sockets, by the routes. */
  readonly network?: Network;
  /** Of the REST API; a free one where absent. */
  readonly port?: number;
};

/** The phone network, strict as Twilio is: REST API, signed webhooks, TwiML and Media Streams. */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { clock, bank } = options;
  const log = options.log ?? silentLog;
  const routes: Record<string, string> = { ...options.routes };
  const network = options.network ?? loopbackNetwork(routes);
  const accounts = new Map<string, Account>();
  const numbers: PhoneNumber[] = [];
  const trunks: Trunk[] = [];
  const calls: PhoneCall[] = [];
  const warnings: CarrierWarning[] = [];
  const requests: CarrierRequest[] = [];
  const closing = new AbortController();

  const server = await startHttp({
    ...(options.port === undefined ? {} : { port: options.port }),
    onRequest: restApi({
      clock,
      accounts,
      numbers,
      trunks,
      calls,
      record: (received) => void requests.push({ direction: 'received', ...received }),
    }),
  });

  const close = async (): Promise<void> => {
    closing.abort();
    for (const call of calls) call.hangUp();
    await server.close();
    await Promise.all(calls.map((call) => call.done));
  };
  return {
    port: server.port,
    origin: server.origin,
    addAccount(account = {}) {
      const added = {
        accountSid: account.accountSid ?? newSid('AC'),
        authToken: account.authToken ?? randomBytes(16).toString('hex'),
      };
      accounts.set(added.accountSid, added);
      return added;
    },
    addNumber(settings) {
      if (!accounts.has(settings.accountSid)) throw new Error(`no account ${settings.accountSid}`);
      if (!isE164(settings.phoneNumber)) throw new Error(`${settings.phoneNumber} is not E.164`);
      if (numbers.some((number) => number.phoneNumber === settings.phoneNumber))
        throw new Error(`${settings.phoneNumber} is taken`);
      const number: PhoneNumber = {
        sid: newSid('PN'),
        accountSid: settings.accountSid,
        phoneNumber: settings.phoneNumber,
        createdAtMs: clock.now(),
        updatedAtMs: clock.now(),
        friendlyName: settings.phoneNumber,
        voiceUrl: settings.voiceUrl ?? '',
        voiceMethod: settings.voiceMethod ?? 'POST',
        voiceFallbackUrl: settings.voiceFallbackUrl ?? '',
        voiceFallbackMethod: 'POST',
        voiceApplicationSid: settings.voiceApplicationSid ?? '',
        trunkSid: settings.trunkSid ?? '',
        statusCallback: settings.statusCallback ?? '',
        statusCallbackMethod: 'POST',
      };
      numbers.push(number);
      return number;
    },
    addTrunk(settings) {
      if (!accounts.has(settings.accountSid)) throw new Error(`no account ${settings.accountSid}`);
      const trunk = newTrunk(settings, clock.now());
      trunks.push(trunk);
      return trunk;
    },
    route: (publicOrigin, localOrigin) => void (routes[publicOrigin] = localOrigin),
    dial({ from, to, caller, faults = {} }) {
      const number = numbers.find(({ phoneNumber }) => phoneNumber === to);
      const account = number && accounts.get(number.accountSid);
      if (!account) throw new Error(`the number ${to} is not in service`);
      const ownUrl = number.voiceUrl !== '' && !number.voiceApplicationSid && !number.trunkSid;
      const call = startCall({
        clock,
        network,
        bank,
        account,
        from,
        to,
        phoneNumberSid: number.sid,
        caller,
        faults,
        closing: closing.signal,
        source: ownUrl
          ? { url: number.voiceUrl, method: number.voiceMethod, purpose: 'voice' }
          : undefined,
        fallback: target(number.voiceFallbackUrl, number.voiceFallbackMethod),
        statusCallback: target(number.statusCallback, number.statusCallbackMethod),
        record(sent) {
          requests.push({ direction: 'sent', ...sent });
          log.debug(
            { purpose: sent.purpose, url: sent.url, status: sent.status },
            'carrier called a webhook',
          );
        },
        warn(warning) {
          warnings.push(warning);
          log.warn(warning, 'carrier warned');
        },
      });
      calls.push(call);
      return call;
    },
    calls,
    warnings,
    requests,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const target = (
  url: string,
  method: HttpMethod,
): { readonly url: string; readonly method: HttpMethod } | undefined =>
  url === '' ? undefined : { url, method };
