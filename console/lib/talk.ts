import { LogLevel, PipecatClient } from '@pipecat-ai/client-js';
import type { BotReadyData } from '@pipecat-ai/client-js';
import { WebSocketTransport } from '@pipecat-ai/websocket-transport';
import type { Api } from './api.ts';
import { openCallSound } from './call-sound.ts';
import type { CallSound } from './call-sound.ts';
import { SILENCE_DBFS } from './loudness.ts';
import { openMicrophone } from './microphone.ts';
import type { MicrophoneProblem } from './microphone.ts';

export type TalkState =
  | { readonly is: 'idle' }
  /** The browser asks its person for the microphone. */
  | { readonly is: 'asking' }
  | { readonly is: 'no-microphone'; readonly why: MicrophoneProblem }
  | { readonly is: 'connecting' }
  | { readonly is: 'on'; readonly callId: string; readonly hasMicrophone: boolean }
  | { readonly is: 'over'; readonly callId: string }
  | { readonly is: 'failed'; readonly error: Error };

/** Calls of an agent from this page, one at a time, by Pipecat's own client. */
export type Talk = {
  /** Does nothing while a call goes on. */
  call(options: { readonly withMicrophone: boolean }): Promise<void>;
  /** Whether the agent hears the microphone. */
  hear(isHeard: boolean): void;
  /** Says something in writing. Rejects where the line has gone. */
  write(text: string): Promise<void>;
  hangUp(): void;
  /** How loud both voices were since this was last read, in dBFS. */
  levels(): ReturnType<CallSound['levels']>;
};

type Connection = { readonly wsUrl: string; readonly token: string };

const NO_SOUND = { callerDbfs: SILENCE_DBFS, agentDbfs: SILENCE_DBFS } as const;

/** @param onState told of each state but the first, which is `idle` */
export function createTalk(parts: {
  readonly api: Api;
  readonly instanceId: string;
  readonly onState: (state: TalkState) => void;
}): Talk {
  const { api, instanceId } = parts;
  let state: TalkState = { is: 'idle' };
  let client: PipecatClient | undefined;
  let sound: CallSound | undefined;
  /** Counts the calls: what comes late of one that was given up is no longer of interest. */
  let turn = 0;

  const go = (next: TalkState): void => {
    state = next;
    parts.onState(next);
  };

  const end = (error?: Error): void => {
    turn += 1;
    sound?.close();
    sound = undefined;
    void client?.disconnect();
    client = undefined;
    if (state.is === 'on') go({ is: 'over', callId: state.callId });
    else go(error ? { is: 'failed', error } : { is: 'idle' });
  };

  const begin = async (withMicrophone: boolean): Promise<void> => {
    const mine = ++turn;
    const isGivenUp = (): boolean => turn !== mine;
    let microphone: MediaStream | undefined;
    if (withMicrophone) {
      go({ is: 'asking' });
      const opened = await openMicrophone(navigator.mediaDevices);
      if (typeof opened === 'string')
        return isGivenUp() ? undefined : go({ is: 'no-microphone', why: opened });
      microphone = opened;
    }
    const discard = (): void => microphone?.getTracks().forEach((track) => track.stop());
    if (isGivenUp()) return discard();
    go({ is: 'connecting' });
    try {
      const opened = await openCallSound(microphone);
      if (isGivenUp()) return opened.close();
      sound = opened;
      const { wsUrl, token } = await api.send<Connection>(
        'POST',
        `/instances/${instanceId}/connect`,
      );
      if (isGivenUp()) return;
      client = clientOver(opened, microphone !== undefined, () => {
        if (!isGivenUp()) end(new Error('The connection was lost before the agent answered.'));
      });
      const ready = await client.connect({ wsUrl: atThisServer(wsUrl), token });
      if (isGivenUp()) return;
      go({ is: 'on', callId: callIdOf(ready), hasMicrophone: microphone !== undefined });
    } catch (error) {
      discard();
      if (!isGivenUp()) end(error instanceof Error ? error : new Error(String(error)));
    }
  };

  return {
    call: async ({ withMicrophone }) => {
      if (state.is === 'asking' || state.is === 'connecting' || state.is === 'on') return;
      await begin(withMicrophone);
    },
    hear: (isHeard) => client?.enableMic(isHeard),
    write: async (text) => {
      if (!client || state.is !== 'on') throw new Error('The call is over.');
      await client.sendText(text);
    },
    hangUp: () => end(),
    levels: () => sound?.levels() ?? NO_SOUND,
  };
}

function clientOver(
  sound: CallSound,
  enableMic: boolean,
  onDisconnected: () => void,
): PipecatClient {
  const transport = new WebSocketTransport({
    // Its type has fields of its own that are protected, so nothing else can have it.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    mediaManager: sound.manager as never,
    recorderSampleRate: sound.microphoneHz,
  });
  const client = new PipecatClient({
    transport,
    enableMic,
    enableCam: false,
    callbacks: { onDisconnected },
  });
  // It calls the end of every call an error.
  client.setLogLevel(LogLevel.NONE);
  return client;
}

/** The page's own server, by the address by which the page reaches it: that is all it may talk to. */
const atThisServer = (wsUrl: string): string => {
  const { pathname } = new URL(wsUrl);
  const path = pathname.slice(Math.max(0, pathname.indexOf('/v1/')));
  return `${location.origin.replace(/^http/, 'ws')}${path}`;
};

function callIdOf({ about }: BotReadyData): string {
  const callId =
    typeof about === 'object' && about !== null && 'call_id' in about ? about.call_id : undefined;
  if (typeof callId !== 'string') throw new Error('The agent did not say which call this is.');
  return callId;
}
