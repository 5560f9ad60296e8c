import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { OpenEar, VoiceBank } from '../../speech/speech.ts';
import { isObject, parseJson } from '../json.ts';
import type { Peer } from '../peer.ts';
import type { Upgrade } from '../serve.ts';
import { invalidParameter, refusalBody, refusalOf, wrongKey } from './errors.ts';
import type { OpenAIRefusal } from './errors.ts';
import { readClientEvent } from './realtime-events.ts';
import { SERVER_FAULT, errorEvent, serverEvent } from './realtime-session.ts';
import type { Session, SessionOutput } from './realtime-session.ts';
import { realtimeModels } from './speech-models.ts';
import type { SpeechTiming, Speeches } from './speeches.ts';
import { createTranscriptionSession } from './transcription-session.ts';
import { createVoiceSession } from './voice-session.ts';

export type RealtimeOptions = {
  readonly bank: VoiceBank;
  readonly openEar: OpenEar;
  readonly clock: Clock;
  readonly keys: readonly string[];
  readonly faults: Faults;
  readonly timing: SpeechTiming;
  readonly speeches: Speeches;
  /** What the voice model says when it is to say `text`. It is a language model: it may not keep to it. */
  readonly sayInstead?: ((text: string) => string) | undefined;
};

const SESSION_MS = 60 * 60_000;

/**
 * `/v1/realtime` as a WebSocket: transcription sessions (`?intent=transcription`) and sessions of a
 * voice model (`?model=…`). The service takes every handshake and says in an event what is wrong with
 * it; only what stands before it, such as an overloaded gateway, answers in HTTP.
 */
export function serveRealtime(upgrade: Upgrade, options: RealtimeOptions): void {
  const { clock, faults } = options;
  const query = upgrade.url.searchParams;
  const isTranscription = query.get('intent') === 'transcription';
  const standing = faults.standing?.kind === 'down' ? undefined : faults.standing;
  const fault = isTranscription ? faults.take() : standing;
  if (fault?.kind === 'reset') return upgrade.reset();
  if (fault?.kind === 'server-error') {
    const refusal = refusalOf(fault, '');
    if (refusal) return upgrade.refuse(refusal.status, {}, refusalBody(refusal));
  }
  const peer = upgrade.accept();
  if (fault?.kind === 'half-open') return peer.silence();
  const key = /^Bearer (\S+)$/i.exec(upgrade.headers.authorization ?? '')?.[1];
  const refusal = admissionRefusal(upgrade, key, options.keys) ?? refusalOf(fault, key ?? '');
  if (refusal) return dismiss(peer, refusal);

  const output = isTranscription
    ? connectionOutput(peer, fault, clock)
    : plainOutput(peer, (frame) => peer.send(frame));
  const expiresAtSeconds = Math.floor((clock.now() + SESSION_MS) / 1_000);
  const session = isTranscription
    ? createTranscriptionSession({ ...options, output, expiresAtSeconds })
    : createVoiceSession({
        ...options,
        output,
        expiresAtSeconds,
        model: query.get('model') ?? '',
        peer,
      });
  attach(peer, session, output, clock);
}

function attach(peer: Peer, session: Session, output: SessionOutput, clock: Clock): void {
  const cancelExpiry: Cancel = clock.after(SESSION_MS, () => {
    const message = 'Your session hit the maximum duration of 60 minutes.';
    peer.send(errorEvent(invalidParameter(null, 'session_expired', message), null));
    peer.close(1001, message);
  });
  const refuse = (refusal: OpenAIRefusal, eventId: unknown): void => {
    const { message, type, param, code } = refusal;
    const event_id = typeof eventId === 'string' ? eventId : null;
    output.send('error', { error: { type, code, message, param, event_id } });
  };
  peer.socket.on('message', (data: Buffer, isBinary: boolean) => {
    const json = isBinary ? undefined : parseJson(data.toString('utf8'));
    if (!isObject(json)) {
      const message = isBinary
        ? 'Binary messages are not supported.'
        : 'Could not parse the event.';
      return refuse(invalidParameter(null, 'invalid_json', message), undefined);
    }
    const read = readClientEvent(json, json['type']);
    const refusal = read.ok ? session.handle(read.event) : read.refusal;
    if (refusal) refuse(refusal, json['event_id']);
  });
  peer.socket.on('close', () => {
    cancelExpiry();
    session.drop();
  });
}

/** In the service's way: an event that says why, and a close that repeats its codes. */
function dismiss(peer: Peer, refusal: OpenAIRefusal): void {
  peer.send(errorEvent(refusal, null));
  const reason = refusal.code === null ? refusal.type : `${refusal.type}.${refusal.code}`;
  peer.close(refusal.status === 401 ? 3000 : 4000, reason);
}

/** What is wrong with the handshake's headers and query. */
function admissionRefusal(
  { url, headers }: Upgrade,
  key: string | undefined,
  keys: readonly string[],
): OpenAIRefusal | undefined {
  if (headers['openai-beta'] !== undefined)
    return invalidParameter(
      null,
      'beta_api_shape_disabled',
      'The Realtime Beta API is no longer supported. Please use the GA API.',
    );
  if (key === undefined)
    return {
      ...invalidParameter(null, null, 'Missing bearer or basic authentication in header'),
      status: 401,
    };
  if (!keys.includes(key)) return wrongKey(key);
  const model = url.searchParams.get('model');
  const intent = url.searchParams.get('intent');
  if (intent === 'transcription' && model === null) return undefined;
  if (model === null)
    return invalidParameter(
      null,
      'missing_model',
      'You must provide a model parameter, for example wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5',
    );
  // A transcription session is told its model later; one in its URL is taken for that of a conversation.
  return realtimeModels.includes(model) && intent === null
    ? undefined
    : invalidParameter(
        null,
        'invalid_model',
        `Model "${model}" is not supported in realtime mode.`,
      );
}

function plainOutput(peer: Peer, send: (frame: string) => void): SessionOutput {
  return {
    send: (type, fields) => send(serverEvent(type, fields)),
    crashed(error) {
      peer.send(errorEvent(serverFault(messageOf(error)), null));
      peer.close(1011);
    },
  };
}

/** The whole connection is one unit of work and suffers the fault. */
function connectionOutput(peer: Peer, fault: Fault | undefined, clock: Clock): SessionOutput {
  const send = faultySender(
    fault,
    {
      deliver: (frame) => peer.send(frame),
      kill: () => peer.kill(),
      silence: () => peer.silence(),
      fail() {
        peer.send(errorEvent(serverFault(SERVER_FAULT), null));
        peer.close(1011, 'server_error');
      },
    },
    clock,
  );
  return plainOutput(peer, send);
}

const serverFault = (message: string): OpenAIRefusal => ({
  status: 500,
  message,
  type: 'server_error',
  param: null,
  code: null,
});
