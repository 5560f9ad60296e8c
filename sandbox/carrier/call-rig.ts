import { virtualClock } from '#lib/virtual-clock.ts';
import type { VirtualClock } from '#lib/virtual-clock.ts';
import type { Caller, Handset } from '#sandbox/caller/caller.ts';
import type { SpeechClip, VoiceBank } from '#sandbox/speech/speech.ts';
import { startCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { fakeServer, twimlAnswer } from './fake-server.ts';
import type { FakeServer } from './fake-server.ts';
import type { CallFaults } from './faults.ts';
import type { WebRequest, WebResponse } from './network.ts';
import type { PhoneCall } from './phone-call.ts';

export const FROM = '+15550100001';
export const TO = '+15550100002';
export const VOICE = 'https://voice.example.test/twiml';
export const STATUS = 'https://voice.example.test/status';

/** A call in virtual time, from both its ends. */
export type CallRig = {
  readonly clock: VirtualClock;
  readonly carrier: Carrier;
  readonly server: FakeServer;
  readonly phone: ReturnType<typeof person>;
  readonly call: PhoneCall;
  /** Every text that was announced. */
  readonly said: readonly string[];
  /** Of everything the carrier warned of. */
  codes(): readonly number[];
  /** Of every webhook so far. */
  paths(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
};

export type RingOptions = {
  readonly faults?: CallFaults;
  readonly fallbackUrl?: string;
  readonly voiceUrl?: string;
  readonly upgrade?: () => number | 'hang';
};

/** Opens a carrier with one number in front of `answer`, and rings it. The auth token is `secret`. */
export async function ring(
  answer: (request: WebRequest) => WebResponse | Promise<WebResponse>,
  options: RingOptions = {},
): Promise<CallRig> {
  const clock = virtualClock(1_700_000_000_000);
  const said: string[] = [];
  const server = fakeServer(answer, options.upgrade);
  const carrier = await startCarrier({ clock, bank: toneBank(said), network: server.network });
  const { accountSid } = carrier.addAccount({ authToken: 'secret' });
  carrier.addNumber({
    accountSid,
    phoneNumber: TO,
    voiceUrl: options.voiceUrl ?? VOICE,
    statusCallback: STATUS,
    ...(options.fallbackUrl === undefined ? {} : { voiceFallbackUrl: options.fallbackUrl }),
  });
  const phone = person();
  const call = carrier.dial({
    from: FROM,
    to: TO,
    caller: phone.caller,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  await clock.advance(0);
  return {
    clock,
    carrier,
    server,
    phone,
    call,
    said,
    codes: () => carrier.warnings.map(({ code }) => code),
    paths: () => server.requests.map(({ url }) => url.pathname),
    [Symbol.asyncDispose]: () => carrier.close(),
  };
}

/** A server whose every document is `<Response>` with this inside. */
export const respond =
  (inside: string) =>
  ({ url }: WebRequest): WebResponse =>
    url.pathname === '/status' ? twimlAnswer('') : twimlAnswer(`<Response>${inside}</Response>`);

export const paramsOf = (request: WebRequest | undefined): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(request?.body));

/** Says every text with one second of sound, so that what was said can be told by its length. */
const toneBank = (said: string[]): VoiceBank => ({
  clips: [],
  async speak(text, voice): Promise<SpeechClip> {
    said.push(text);
    return { text, voice, pcm: new Int16Array(8_000).fill(5_000), words: [] };
  },
});

function person() {
  const heard: number[] = [];
  let handset: Handset | undefined;
  let endedBy: string | undefined;
  const caller: Caller = {
    answered: (given) => void (handset = given),
    hear: (frame) => void heard.push(frame[0] ?? 0),
    nextFrame: () => undefined,
    ended: (by) => void (endedBy = by),
  };
  return {
    caller,
    heard,
    get handset(): Handset {
      if (!handset) throw new Error('the call was not answered');
      return handset;
    },
    get endedBy() {
      return endedBy;
    },
    /** How long something sounded. */
    soundMs: () => heard.filter((byte) => byte !== 0xff).length * 20,
  };
}
