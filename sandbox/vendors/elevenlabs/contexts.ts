import type { Cancel, Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { faultySender } from '../../faults.ts';
import type { Faults } from '../../faults.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Peer } from '../peer.ts';
import { readClientMessage } from './client-message.ts';
import type { ClientMessage } from './client-message.ts';
import { createContext } from './context.ts';
import type { ElevenLabsContext, ElevenLabsTiming } from './context.ts';
import {
  INVALID_KEY,
  MISSING_KEY,
  SERVER_ERROR,
  TOO_MANY_CONTEXTS,
  errorMessage,
  failureOf,
  inputTimeout,
  invalidMessage,
} from './errors.ts';
import type { ElevenLabsFailure } from './errors.ts';
import type { StreamQuery } from './stream-query.ts';

/** Beyond this the whole socket is closed, with every context on it. */
const MAX_CONTEXTS = 5;
/** The context of messages that name none. */
const DEFAULT_CONTEXT = 'default';

/** Speaks the contexts of one `multi-stream-input` socket until it closes. */
export function serveContexts(
  peer: Peer,
  stream: StreamQuery,
  options: {
    readonly bank: VoiceBank;
    readonly clock: Clock;
    readonly faults: Faults;
    readonly keys: readonly string[];
    readonly timing: ElevenLabsTiming;
    /** The key came with the handshake; otherwise the first message must bring it. */
    readonly isAuthorised: boolean;
    readonly started: () => void;
    readonly ended: () => void;
  },
): void {
  const { clock, faults } = options;
  const contexts = new Map<string, ElevenLabsContext>();
  let isAuthorised = options.isAuthorised;
  let isClosing = false;
  let cancelInactivity: Cancel = () => undefined;

  const dropAll = (): void => {
    for (const context of contexts.values()) context.drop();
  };
  /** An error of one context is an error of the socket. */
  const refuse = (failure: ElevenLabsFailure): void => {
    cancelInactivity();
    dropAll();
    peer.send(JSON.stringify(errorMessage(failure)));
    // A close reason has room for 123 bytes.
    peer.close(1_008, failure.message.slice(0, 120));
  };
  const watch = (): void => {
    cancelInactivity();
    const { inactivityTimeoutS } = stream;
    cancelInactivity = clock.after(inactivityTimeoutS * 1_000, () =>
      refuse(inputTimeout(inactivityTimeoutS)),
    );
  };

  const open = (contextId: string, first: ClientMessage): ElevenLabsContext | undefined => {
    if (contexts.size >= MAX_CONTEXTS) {
      refuse(TOO_MANY_CONTEXTS);
      return undefined;
    }
    const fault = faults.take();
    const failure = failureOf(fault);
    if (failure) {
      refuse(failure);
      return undefined;
    }
    if (fault?.kind === 'reset' || fault?.kind === 'half-open') {
      if (fault.kind === 'reset') peer.kill();
      else peer.silence();
      return undefined;
    }
    const line = faultySender(
      fault,
      {
        deliver: (frame) => peer.send(frame),
        kill: () => peer.kill(),
        silence: () => peer.silence(),
        fail: () => refuse(SERVER_ERROR),
      },
      clock,
    );
    options.started();
    const context = createContext({
      contextId,
      first,
      stream,
      bank: options.bank,
      clock,
      timing: options.timing,
      send: (message) => line(JSON.stringify(message)),
      ended() {
        contexts.delete(contextId);
        options.ended();
        if (isClosing && contexts.size === 0) peer.close(1_000);
      },
      crashed: (error) => refuse({ ...SERVER_ERROR, message: messageOf(error) }),
    });
    contexts.set(contextId, context);
    return context;
  };

  const onMessage = (message: ClientMessage): void => {
    if (!isAuthorised) {
      const key = message.xi_api_key ?? message.authorization?.replace(/^Bearer /, '');
      if (key === undefined) return refuse(MISSING_KEY);
      if (!options.keys.includes(key)) return refuse(INVALID_KEY);
      isAuthorised = true;
    }
    if (message.close_socket) {
      isClosing = true;
      cancelInactivity();
      for (const context of contexts.values()) {
        context.input({ flush: true });
        context.close();
      }
      if (contexts.size === 0) peer.close(1_000);
      return;
    }
    const contextId = message.context_id ?? DEFAULT_CONTEXT;
    const known = contexts.get(contextId);
    if (message.close_context) return known?.close();
    const isEmpty = (message.text ?? '') === '' && !message.flush;
    if (isEmpty && !known) return refuse(invalidMessage(`there is no context ${contextId}.`));
    if (known && (message.voice_settings || message.generation_config))
      return refuse(
        invalidMessage(
          'voice_settings and generation_config are only for the first message of a context.',
        ),
      );
    // Even a flush of a context that nobody knows makes one.
    (known ?? open(contextId, message))?.input(message);
  };

  watch();
  peer.socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isClosing || peer.socket.readyState !== peer.socket.OPEN) return;
    watch();
    if (isBinary) return refuse(invalidMessage('it is not text.'));
    const message = readClientMessage(data.toString('utf8'));
    if ('status' in message) return refuse(message);
    onMessage(message);
  });
  peer.socket.on('close', () => {
    cancelInactivity();
    dropAll();
  });
}
