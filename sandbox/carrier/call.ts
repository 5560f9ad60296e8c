import type { Clock } from '#lib/clock.ts';
import { createRandom } from '#sandbox/lib/random.ts';
import { clipMulaw } from '#sandbox/speech/clip-audio.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { newSid } from './accounts.ts';
import type { Account } from './accounts.ts';
import { announce, silenceOf } from './announce.ts';
import { fetchDocument } from './call-document.ts';
import type { DocumentSource } from './call-document.ts';
import { connectStream } from './connect.ts';
import type { CallFaults } from './faults.ts';
import { openLine } from './line.ts';
import type { Line } from './line.ts';
import type { MediaStream } from './media-stream.ts';
import type { Network } from './network.ts';
import type { HttpMethod, StreamNoun, Verb } from './twiml.ts';
import { callWebhook, resolveUrl } from './webhooks.ts';
import type { SentWebhook } from './webhooks.ts';
import type { CallStatus, CarrierWarning, PhoneCall } from './phone-call.ts';

export type CallOptions = {
  readonly clock: Clock;
  readonly network: Network;
  readonly bank: VoiceBank;
  readonly account: Account;
  readonly from: string;
  readonly to: string;
  readonly phoneNumberSid: string;
  readonly caller: Caller;
  readonly faults: CallFaults;
  /** What to carry out once the phone rings; undefined: the number leads nowhere. */
  readonly source: DocumentSource | undefined;
  readonly fallback: { readonly url: string; readonly method: HttpMethod } | undefined;
  readonly statusCallback: { readonly url: string; readonly method: HttpMethod } | undefined;
  /** Aborts when the carrier closes: what is late on purpose then comes at once. */
  readonly closing: AbortSignal;
  readonly record: (sent: SentWebhook) => void;
  readonly warn: (warning: CarrierWarning) => void;
};

/** The voice of announcements. */
const VOICE = 'slt';
/** What whoever is dialled says, before they put the phone down. */
export const DIALLED_GREETING = 'Hello, you are through to a person now.';
const DIALLED_RINGS_MS = 1_000;
const APPLICATION_ERROR = 'We are sorry, an application error has occurred. Goodbye.';
/** Times one call may be sent on without a second in between, before it counts as going in a circle. */
const MAX_DOCUMENTS_AT_ONCE = 50;

/** An incoming call, ringing from now on. */
export function startCall(options: CallOptions): PhoneCall {
  const { clock, network, account, caller, faults } = options;
  const sid = newSid('CA');
  const random = createRandom(faults.seed ?? 1);
  const streams: MediaStream[] = [];
  const dialled: string[] = [];
  const startedAtMs = clock.now();
  let status: CallStatus = 'ringing';
  let answeredAtMs: number | undefined;
  let endedAtMs: number | undefined;
  let line: Line | undefined;
  let stream: { readonly media: MediaStream; readonly stop: AbortController } | undefined;
  /** Aborted when the running document is replaced or the call is over. */
  let running = new AbortController();
  let replacement: DocumentSource | undefined;

  const warn = (code: number, message: string): void =>
    options.warn({ code, message, callSid: sid, atMs: clock.now() });
  const params = (): Record<string, string> => ({
    AccountSid: account.accountSid,
    ApiVersion: '2010-04-01',
    CallSid: sid,
    CallStatus: status,
    Called: options.to,
    CalledCity: '',
    CalledCountry: 'US',
    Caller: options.from,
    CallerCity: '',
    CallerCountry: 'US',
    Direction: 'inbound',
    From: options.from,
    FromCountry: 'US',
    To: options.to,
    ToCountry: 'US',
  });
  const webhooks = { clock, network, record: options.record };
  const documents = { ...webhooks, account, fallback: options.fallback, faults, params, warn };

  const isOver = (): boolean => endedAtMs !== undefined;
  const over = (final: CallStatus, by: 'caller' | 'other-side'): void => {
    if (isOver()) return;
    endedAtMs = clock.now();
    status = final;
    running.abort();
    line?.close();
    caller.ended(by);
  };
  const answer = (): Line => {
    if (line) return line;
    status = 'in-progress';
    answeredAtMs = clock.now();
    caller.answered({
      press: (digit) => {
        if (!isOver()) stream?.media.press(digit);
      },
      hangUp: () => over('completed', 'caller'),
    });
    line = openLine(clock, caller, {
      random: () => random.next(),
      ...(faults.lossRate === undefined ? {} : { lossRate: faults.lossRate }),
    });
    return line;
  };

  const say = async (text: string, signal: AbortSignal): Promise<void> => {
    const to = answer();
    await announce(to, clipMulaw(await options.bank.speak(text, VOICE)), signal);
  };
  const applicationError = async (signal: AbortSignal): Promise<undefined> => {
    await say(APPLICATION_ERROR, signal);
    if (!signal.aborted) over('completed', 'other-side');
    return undefined;
  };

  const connect = async (noun: StreamNoun, base: URL, signal: AbortSignal): Promise<void> => {
    const stop = new AbortController();
    // The faults of a media socket befall the first one only: what follows is the way back.
    const { socketDiesAtMs: _dies, socketFreezesAtMs: _freezes, ...lasting } = faults;
    const context = {
      ...webhooks,
      account,
      callSid: sid,
      line: answer(),
      faults: streams.length === 0 ? faults : lasting,
      random: () => random.next(),
      warn,
      onStart(media: MediaStream) {
        streams.push(media);
        stream = { media, stop };
      },
    };
    await connectStream(context, noun, base, AbortSignal.any([signal, stop.signal]));
    stream = undefined;
  };

  /** Carries out one verb. Answers the document to go on with, if not the rest of this one. */
  const carryOut = async (
    verb: Verb,
    base: URL,
    signal: AbortSignal,
  ): Promise<DocumentSource | undefined> => {
    switch (verb.verb) {
      case 'Say':
        if (verb.text === '') warn(13_520, 'Say: Invalid text: it is empty');
        // Twilio repeats at most a thousand times, and says 0 for that.
        for (
          let left = verb.loop === 0 ? 1_000 : verb.loop;
          left > 0 && verb.text !== '' && !signal.aborted;
          left--
        )
          await say(verb.text, signal);
        return undefined;
      case 'Pause':
        // As a call's first verb it delays the answer: the phone rings on.
        if (line) await announce(line, silenceOf(verb.lengthMs), signal);
        else await clock.sleep(verb.lengthMs, signal).catch(() => undefined);
        return undefined;
      case 'Redirect': {
        const url = resolveUrl(verb.url, base);
        if (url) return { url: url.href, method: verb.method, purpose: 'redirect' };
        warn(11_100, `Invalid URL format: ${verb.url}`);
        return applicationError(signal);
      }
      case 'Reject':
        // Too late to reject a call that was answered: the real service then just hangs up.
        over(line ? 'completed' : verb.reason === 'busy' ? 'busy' : 'no-answer', 'other-side');
        return undefined;
      case 'Hangup':
        return (over('completed', 'other-side'), undefined);
      case 'Connect': {
        await connect(verb.stream, base, signal);
        const action = resolveUrl(verb.action ?? '', base);
        if (verb.action === undefined || !action) return undefined;
        return { url: action.href, method: verb.method, purpose: 'connect-action' };
      }
      case 'Dial': {
        if (!/^\+[1-9]\d{6,14}$/.test(verb.number)) {
          warn(13_224, `Dial: Twilio does not support calling this number: ${verb.number}`);
          return undefined;
        }
        dialled.push(verb.number);
        await announce(answer(), silenceOf(Math.min(verb.ringsMs, DIALLED_RINGS_MS)), signal);
        if (!signal.aborted) await say(DIALLED_GREETING, signal);
        return undefined;
      }
      case 'NotCarried':
        warn(0, `<${verb.name}> is TwiML that the sandbox does not carry out`);
        return applicationError(signal);
    }
  };

  const run = async (): Promise<void> => {
    let source = options.source;
    if (!source) {
      warn(11_100, `Invalid URL format: ${options.to} has no voice URL`);
      return over('failed', 'other-side');
    }
    let circle = { sinceMs: clock.now(), documents: 0 };
    while (source && !isOver()) {
      if (clock.now() - circle.sinceMs >= 1_000) circle = { sinceMs: clock.now(), documents: 0 };
      circle = { ...circle, documents: circle.documents + 1 };
      const { signal } = running;
      const document = await fetchDocument(documents, source, signal);
      source = undefined;
      if (circle.documents > MAX_DOCUMENTS_AT_ONCE) {
        warn(0, `more than ${MAX_DOCUMENTS_AT_ONCE} documents within a second: a circle`);
        await applicationError(signal);
      } else if (!document) {
        if (!signal.aborted) await applicationError(signal);
      } else
        for (const verb of document.verbs) {
          if (signal.aborted || source) break;
          source = await carryOut(verb, document.url, signal);
        }
      if (signal.aborted && !isOver()) {
        source = replacement;
        replacement = undefined;
        running = new AbortController();
      }
    }
    over('completed', 'other-side');
  };

  const reportEnd = async (): Promise<void> => {
    const { statusCallback } = options;
    const url = statusCallback && resolveUrl(statusCallback.url);
    if (!statusCallback || !url) return;
    if (faults.lateStatusMs !== undefined)
      await clock.sleep(faults.lateStatusMs, options.closing).catch(() => undefined);
    const seconds = Math.ceil(((endedAtMs ?? 0) - (answeredAtMs ?? endedAtMs ?? 0)) / 1_000);
    const outcome = await callWebhook(webhooks, {
      purpose: 'call-status',
      url,
      method: statusCallback.method,
      params: {
        ...params(),
        CallDuration: String(seconds),
        Duration: String(Math.ceil(seconds / 60)),
        CallbackSource: 'call-progress-events',
        SequenceNumber: '0',
        Timestamp: new Date(endedAtMs ?? 0).toUTCString().replace('GMT', '+0000'),
      },
      authToken: account.authToken,
      twice: faults.duplicateWebhooks ?? false,
    });
    if (!outcome.ok) warn(outcome.code, outcome.message);
  };

  const done = run().then(reportEnd);
  return {
    sid,
    accountSid: account.accountSid,
    from: options.from,
    to: options.to,
    phoneNumberSid: options.phoneNumberSid,
    direction: 'inbound',
    get status() {
      return status;
    },
    startedAtMs,
    get answeredAtMs() {
      return answeredAtMs;
    },
    get endedAtMs() {
      return endedAtMs;
    },
    streams,
    dialled,
    hangUp: () => over(line ? 'completed' : 'canceled', 'caller'),
    complete: () => over('completed', 'other-side'),
    redirect(source) {
      replacement = source;
      running.abort();
    },
    stopStream(streamSid) {
      if (stream?.media.streamSid !== streamSid) return false;
      stream.stop.abort();
      return true;
    },
    done,
  };
}
